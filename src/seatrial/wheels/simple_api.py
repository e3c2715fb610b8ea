"""The pages of a package index in the simple layout (PEP 503, 629, 658, 691, 700, 714), written and read.

The HTML page of a project is the truth: pip and uv read it from `file:` and from static web servers, and it
is one file, so one rename makes a release visible. Size and upload time, which the standard has in JSON only,
stand there as further `data-` attributes, and the JSON page is made from the same list.
"""

from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, unquote, urldefrag

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from seatrial.core.errors import SeatrialError
from seatrial.core.files import to_json

API_VERSION = "1.1"
PAGE, PAGE_JSON = "index.html", "index.json"
PAGES = "simple"


@dataclass(frozen=True)
class IndexedFile:
    """One file on a page. `uploaded` is UTC, ISO 8601; `core_metadata` the hash of FILE.metadata."""

    filename: str
    sha256: str
    size: int
    uploaded: str = ""
    requires_python: str | None = None
    core_metadata: str | None = None
    yanked: bool = False

    @property
    def is_wheel(self) -> bool:
        """Whether this is the wheel, or the sdist."""
        return self.filename.endswith(".whl")

    @property
    def version(self) -> Version:
        """The version that the file name says."""
        return parse_filename(self.filename)[1]


def parse_filename(filename: str) -> tuple[str, Version]:
    """Read canonical name and version from the file name of a wheel or an sdist."""
    try:
        if filename.endswith(".whl"):
            name, version, _, _ = parse_wheel_filename(filename)
            return name, version
        return parse_sdist_filename(filename)
    except (InvalidWheelFilename, InvalidSdistFilename):
        raise SeatrialError(
            f"{filename} is named neither as a wheel nor as an sdist.",
            hint="Publish what `seatrial build` made.",
        ) from None


def project_folder(index: Path, name: str) -> Path:
    """Where an index folder keeps a project's page and files."""
    return index / PAGES / canonicalize_name(name)


def read_page(path: Path) -> list[IndexedFile]:
    """Read a project's HTML page, in its order; no page means no files."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise SeatrialError(f"{path} cannot be read: {error}") from None
    parser = _Page()
    parser.feed(text)
    parser.close()
    if not text.rstrip().endswith("</html>"):
        raise SeatrialError(f"{path} is not a whole page of an index.", hint="Restore it; nothing was changed.")
    return [_file(path, attributes) for attributes in parser.links]


def project_html(name: str, files: list[IndexedFile]) -> str:
    """Render a project's page for pip and uv."""
    links = []
    for file in files:
        attributes = {
            "data-requires-python": file.requires_python,
            "data-core-metadata": file.core_metadata and f"sha256={file.core_metadata}",
            "data-dist-info-metadata": file.core_metadata and f"sha256={file.core_metadata}",
            "data-size": str(file.size),
            "data-upload-time": file.uploaded or None,
        }
        told = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items() if value)
        link = f"{quote(file.filename)}#sha256={file.sha256}"
        links.append(f'<a href="{link}"{told}>{escape(file.filename)}</a><br>')
    return _html(f"Links for {name}", links)


def project_json(name: str, files: list[IndexedFile]) -> str:
    """Render a project's page as PEP 691 and 700 say."""
    entries = []
    for file in files:
        entry: dict[str, object] = {
            "filename": file.filename,
            "url": quote(file.filename),
            "hashes": {"sha256": file.sha256},
            "size": file.size,
        }
        if file.uploaded:
            entry["upload-time"] = file.uploaded
        if file.requires_python:
            entry["requires-python"] = file.requires_python
        if file.core_metadata:
            entry["core-metadata"] = entry["dist-info-metadata"] = {"sha256": file.core_metadata}
        entries.append(entry)
    versions = [str(v) for v in sorted({file.version for file in files})]
    return to_json({"meta": {"api-version": API_VERSION}, "name": name, "versions": versions, "files": entries})


def root_html(names: list[str]) -> str:
    """Render the list of projects."""
    return _html("Simple index", [f'<a href="{quote(name)}/">{escape(name)}</a><br>' for name in names])


def root_json(names: list[str]) -> str:
    """Render the list of projects as JSON."""
    return to_json({"meta": {"api-version": API_VERSION}, "projects": [{"name": name} for name in names]})


def _html(title: str, links: list[str]) -> str:
    head = f'<meta charset="utf-8"><meta name="pypi:repository-version" content="{API_VERSION}">'
    body = "\n".join([f"<h1>{escape(title)}</h1>", *links])
    head += f"<title>{escape(title)}</title>"
    return f"<!DOCTYPE html>\n<html><head>{head}</head><body>\n{body}\n</body></html>\n"


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[dict[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.links.append({key: value or "" for key, value in attrs})


def _file(path: Path, link: dict[str, str]) -> IndexedFile:
    address, fragment = urldefrag(link.get("href", ""))
    filename, digest = unquote(address), fragment.removeprefix("sha256=")
    if not filename or "/" in filename or "\\" in filename or len(digest) != 64 or fragment == digest:
        raise SeatrialError(f"{path} has a link that is not a file beside it with a hash: {link.get('href')!r}.")
    parse_filename(filename)
    size = link.get("data-size", "")
    return IndexedFile(
        filename=filename,
        sha256=digest,
        size=int(size) if size.isdigit() else 0,
        uploaded=link.get("data-upload-time", ""),
        requires_python=link.get("data-requires-python") or None,
        core_metadata=link.get("data-core-metadata", "").removeprefix("sha256=") or None,
    )
