"""The pages of an index at an address, read: JSON (PEP 691, 700) or HTML (PEP 503), with whatever they tell."""

import json
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from packaging.utils import canonicalize_name

from seatrial.core.errors import SeatrialError
from seatrial.wheels.simple_api import IndexedFile, parse_filename

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
HTML_TYPES = ("application/vnd.pypi.simple.v1+html", "text/html", "application/xhtml+xml")
ACCEPT = f"{JSON_TYPE}, {HTML_TYPES[0]};q=0.2, text/html;q=0.1"
HASHES = ("sha256", "sha512", "sha384", "sha224", "sha3_256", "sha3_512", "blake2b", "blake2s", "sha1", "md5")
NO_INDEX = "Is the address right? A proxy or a log-in page may have answered in its place."


@dataclass(frozen=True)
class Listed:
    """A file with its address and the hashes that the page gives; `file.sha256` is empty where it gives none."""

    file: IndexedFile
    url: str
    hashes: tuple[tuple[str, str], ...]


def read_files(text: str, content_type: str, url: str, project: str) -> list[Listed]:
    """Read a project's page; what is neither wheel nor sdist of it is passed over.

    Raises SeatrialError where the page is none of an index, however well the server says that all is in order.
    """
    if _kind(content_type) == JSON_TYPE:
        document = _json(text, url, "files")
        found = [_from_json(entry, url) for entry in document["files"] if isinstance(entry, dict)]
    else:
        page = _page(text, content_type, url)
        found = [_from_link(link, link.base or url) for link in page.links]
        if not page.says_so and not any(found):
            raise _no_index(url)
    return [each for each in found if each and parse_filename(each.file.filename)[0] == project]


def read_names(text: str, content_type: str, url: str) -> list[str]:
    """Read the list of projects."""
    if _kind(content_type) == JSON_TYPE:
        projects = _json(text, url, "projects")["projects"]
        told = [str(entry.get("name", "")) for entry in projects if isinstance(entry, dict)]
    else:
        told = [link.text or unquote(link.get("href").strip("/")) for link in _page(text, content_type, url).links]
    return sorted({canonicalize_name(name) for name in told if name})


def _kind(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _json(text: str, url: str, wanted: str) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(text)
    except (ValueError, RecursionError):
        raise SeatrialError(f"{url} answers with JSON that cannot be read.", hint=NO_INDEX) from None
    meta = document.get("meta") if isinstance(document, dict) else None
    version = str(meta.get("api-version", "")) if isinstance(meta, dict) else ""
    if not version.startswith("1.") or not isinstance(document.get(wanted), list):
        raise SeatrialError(f"{url} answers with JSON that is no page of an index.", hint=NO_INDEX)
    return document


def _from_json(entry: dict[str, Any], base: str) -> Listed | None:
    told = entry.get("hashes")
    hashes = {k: v for k, v in told.items() if isinstance(v, str)} if isinstance(told, dict) else {}
    core = entry.get("core-metadata", entry.get("dist-info-metadata"))
    size, python = entry.get("size"), entry.get("requires-python")
    return _listed(
        str(entry.get("filename", "")),
        urljoin(base, str(entry.get("url", ""))),
        hashes,
        size=size if isinstance(size, int) else 0,
        uploaded=str(entry.get("upload-time") or ""),
        requires_python=str(python) if python else None,
        core_metadata=str(core.get("sha256") or "") or None if isinstance(core, dict) else None,
        yanked=bool(entry.get("yanked")),
    )


def _from_link(link: "_Link", base: str) -> Listed | None:
    address, fragment = urldefrag(urljoin(base, link.get("href")))
    kind, _, digest = fragment.partition("=")
    size = link.get("data-size")
    core = link.get("data-core-metadata") or link.get("data-dist-info-metadata")
    return _listed(
        unquote(urlsplit(address).path.rpartition("/")[2]),
        address,
        {kind: digest.partition("&")[0]},
        size=int(size) if size.isdigit() else 0,
        uploaded=link.get("data-upload-time"),
        requires_python=link.get("data-requires-python") or None,
        core_metadata=core.removeprefix("sha256=") if core.startswith("sha256=") else None,
        yanked="data-yanked" in link.attributes,
    )


def _listed(filename: str, url: str, hashes: dict[str, str], **more: Any) -> Listed | None:
    try:
        parse_filename(filename)
    except SeatrialError:
        return None  # an egg, an installer, a signature
    if "/" in filename or "\\" in filename or urlsplit(url).scheme not in ("http", "https"):
        return None
    kept = tuple((k, v.lower()) for k, v in hashes.items() if k in HASHES and _is_hex(v))
    digest = dict(kept).get("sha256", "")
    return Listed(IndexedFile(filename, digest if len(digest) == 64 else "", **more), url, kept)


def _is_hex(text: str) -> bool:
    return bool(text) and all(c in "0123456789abcdefABCDEF" for c in text)


@dataclass
class _Link:
    attributes: dict[str, str]
    base: str = ""
    text: str = ""

    def get(self, name: str) -> str:
        return self.attributes.get(name, "")


def _page(text: str, content_type: str, url: str) -> "_Page":
    page = _Page(url)
    page.feed(text)
    page.close()
    # A page of an index says so, or it has nothing but links; a log-in page has forms and scripts.
    if _kind(content_type) not in HTML_TYPES or not (page.says_so or (page.links and not page.foreign)):
        raise _no_index(url)
    return page


def _no_index(url: str) -> SeatrialError:
    return SeatrialError(f"{url} answers with a page that is none of a package index.", hint=NO_INDEX)


class _Page(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__()
        self.links: list[_Link] = []
        self.declared = self.foreign = False
        self.title = self._inside = ""
        self._base = self._url = url

    @property
    def says_so(self) -> bool:
        """Whether the page calls itself one of an index."""
        return self.declared or self.title.strip().lower().startswith(("links for", "simple index"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {key: value or "" for key, value in attrs}
        self._inside = tag if tag in ("a", "title") else self._inside
        if tag == "a":
            self.links.append(_Link(told, self._base))
        elif tag == "base" and told.get("href"):
            self._base = urljoin(self._url, told["href"])
        elif tag == "meta" and told.get("name") == "pypi:repository-version":
            self.declared = True
        elif tag in ("form", "script", "input"):
            self.foreign = True

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "title":
            self.title += data
        elif self._inside == "a":
            self.links[-1].text += data.strip()
