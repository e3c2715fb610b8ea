"""The pages of an index at a URL, read from JSON (PEP 691, 700) or HTML (PEP 503), with everything that they report."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from packaging.utils import canonicalize_name

from seatrial.core.errors import SeatrialError
from seatrial.wheels.page_links import Link, PageParser
from seatrial.wheels.simple_api import IndexedFile, parse_filename

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
HTML_TYPES = ("application/vnd.pypi.simple.v1+html", "text/html", "application/xhtml+xml")
ACCEPT = f"{JSON_TYPE}, {HTML_TYPES[0]};q=0.2, text/html;q=0.1"
HASHES = ("sha256", "sha512", "sha384", "sha224", "sha3_256", "sha3_512", "blake2b", "blake2s", "sha1", "md5")
HEXADECIMAL = frozenset("0123456789abcdef")
CHECK_URL = "Check the URL. A proxy or a login page may have answered instead of the index."


@dataclass(frozen=True)
class ListedFile:
    """A file with its URL and the hashes on the page; `file.sha256` is empty where the page has none."""

    file: IndexedFile
    url: str
    hashes: tuple[tuple[str, str], ...]


def read_files(text: str, content_type: str, url: str, project: str) -> list[ListedFile]:
    """Read a project's page; anything but its wheels and sdists is ignored.

    Raises SeatrialError where the page is not one of an index, although the server reports success.
    """
    if _media_type(content_type) == JSON_TYPE:
        listed = [_from_json(entry, url) for entry in _json_list(text, url, "files") if isinstance(entry, dict)]
    else:
        page = _html_page(text, content_type, url)
        listed = [_from_link(link) for link in page.links]
        if not page.is_index and not any(listed):
            raise _not_an_index(url)
    return [each for each in listed if each and parse_filename(each.file.filename)[0] == project]


def read_names(text: str, content_type: str, url: str) -> list[str]:
    """Read the list of projects."""
    if _media_type(content_type) == JSON_TYPE:
        names = [str(entry.get("name", "")) for entry in _json_list(text, url, "projects") if isinstance(entry, dict)]
    else:
        links = _html_page(text, content_type, url).links
        names = [link.text or unquote(link.get("href").strip("/")) for link in links]
    return sorted({canonicalize_name(name) for name in names if name})


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _json_list(text: str, url: str, key: str) -> list[Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise SeatrialError(f"{url} returned invalid JSON.", hint=CHECK_URL) from None
    meta = document.get("meta") if isinstance(document, dict) else None
    version = str(meta.get("api-version", "")) if isinstance(meta, dict) else ""
    if not version.startswith("1.") or not isinstance(document.get(key), list):
        raise SeatrialError(f"{url} returned JSON that is not a page of a package index.", hint=CHECK_URL)
    entries: list[Any] = document[key]
    return entries


def _from_json(entry: dict[str, Any], base: str) -> ListedFile | None:
    hashes = entry.get("hashes")
    core = entry.get("core-metadata", entry.get("dist-info-metadata"))
    size, python = entry.get("size"), entry.get("requires-python")
    return _listed(
        str(entry.get("filename", "")),
        urljoin(base, str(entry.get("url", ""))),
        {k: v for k, v in hashes.items() if isinstance(v, str)} if isinstance(hashes, dict) else {},
        size=size if isinstance(size, int) else 0,
        uploaded=str(entry.get("upload-time") or ""),
        requires_python=str(python) if python else None,
        core_metadata=str(core.get("sha256") or "") or None if isinstance(core, dict) else None,
        yanked=bool(entry.get("yanked")),
        yank_reason=yanked if isinstance(yanked := entry.get("yanked"), str) else "",
    )


def _from_link(link: Link) -> ListedFile | None:
    url, fragment = urldefrag(urljoin(link.base, link.get("href")))
    kind, _, digest = fragment.partition("=")
    return _listed(
        unquote(urlsplit(url).path.rpartition("/")[2]),
        url,
        {kind: digest.partition("&")[0]},
        size=link.size,
        uploaded=link.get("data-upload-time"),
        requires_python=link.get("data-requires-python") or None,
        core_metadata=link.core_metadata,
        yanked="data-yanked" in link.attributes,
        yank_reason=link.get("data-yanked"),
    )


def _listed(filename: str, url: str, hashes: dict[str, str], **more: Any) -> ListedFile | None:
    try:
        parse_filename(filename)
    except SeatrialError:
        return None  # an egg, an installer, a signature
    if "/" in filename or "\\" in filename or urlsplit(url).scheme not in ("http", "https"):
        return None
    known = tuple((k, v.lower()) for k, v in hashes.items() if k in HASHES and v and HEXADECIMAL.issuperset(v.lower()))
    digest = dict(known).get("sha256", "")
    return ListedFile(IndexedFile(filename, digest if len(digest) == 64 else "", **more), url, known)


def _html_page(text: str, content_type: str, url: str) -> PageParser:
    page = PageParser(text, url)
    # A page of an index declares itself, or it has nothing but links; a login page has forms and scripts.
    if _media_type(content_type) not in HTML_TYPES or not (page.is_index or (page.links and not page.has_form)):
        raise _not_an_index(url)
    return page


def _not_an_index(url: str) -> SeatrialError:
    return SeatrialError(f"{url} returned a page that is not one of a package index.", hint=CHECK_URL)
