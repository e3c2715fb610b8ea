"""The pages of a package index in the simple layout (PEP 503, 629, 658, 691, 700, 714), written and read.

The HTML page of a project in a folder is the source of truth: pip and uv read it from `file:` URLs and from static web
servers, and as one file it appears by one rename. Size and upload time, which the standard has in JSON only, are extra
`data-` attributes of it; the JSON page is rendered from the same list.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import Literal
from urllib.parse import quote, unquote, urldefrag, urlsplit

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
from seatrial.wheels.page_links import RECORD, Link, PageParser

API_VERSION = "1.1"
PAGE, PAGE_JSON = "index.html", "index.json"
PAGES = "simple"
RESTORE = "Restore it; nothing was changed."
NAME_LIMIT = 200  # characters of a file name
FILENAME = re.compile(r"[A-Za-z0-9._+!-]+")
NAME = re.compile(r"[a-z0-9](-?[a-z0-9]){0,99}")  # of a project, in its canonical form: ASCII only


WithdrawalAction = Literal["yank", "restore", "remove"]


@dataclass(frozen=True)
class IndexedFile:
    """One file on a page. `uploaded` is UTC, ISO 8601; `core_metadata` is the hash of FILE.metadata."""

    filename: str
    sha256: str
    size: int
    uploaded: str = ""
    requires_python: str | None = None
    core_metadata: str | None = None
    yanked: bool = False
    yank_reason: str = ""

    @property
    def is_wheel(self) -> bool:
        """Whether this is a wheel, and not an sdist."""
        return self.filename.endswith(".whl")

    @property
    def version(self) -> Version:
        """The version in the file name."""
        return parse_filename(self.filename)[1]


@dataclass(frozen=True)
class Withdrawal:
    """The record of a version that was yanked, restored or removed; it stays on the project's page."""

    action: WithdrawalAction
    version: str
    reason: str
    who: str
    when: str  # UTC, ISO 8601
    files: tuple[str, ...]
    is_release: bool = False  # whether the version was a model's


def without_credentials(url: str) -> str:
    """The URL of a file without a user, a password, a query and a fragment, any of which may hold a token."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def parse_filename(filename: str) -> tuple[str, Version]:
    """Read the canonical name and the version from the file name of a wheel or an sdist."""
    try:
        # ASCII only: two names that look the same are the same.
        if len(filename) > NAME_LIMIT or not FILENAME.fullmatch(filename):
            raise InvalidSdistFilename(filename)
        if filename.endswith(".whl"):
            name, version, _, _ = parse_wheel_filename(filename)
        else:
            name, version = parse_sdist_filename(filename)
        if not NAME.fullmatch(name):  # its page could not be read
            raise InvalidSdistFilename(filename)
        return name, version
    except (InvalidWheelFilename, InvalidSdistFilename, ValueError):
        raise SeatrialError(
            f"{filename[:NAME_LIMIT]} does not have the file name of a wheel or an sdist.",
            hint="Publish what `seatrial build` made.",
        ) from None


def project_folder(index: Path, name: str) -> Path:
    """The folder of an index for a project's pages and files."""
    return index / PAGES / canonicalize_name(name)


def page_text(path: Path) -> str | None:
    """Read a project's HTML page in an index folder; None where there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise SeatrialError(f"{path} cannot be read: {error}.", hint=RESTORE) from None


def read_page(path: Path) -> list[IndexedFile]:
    """Read the files of a project's HTML page in an index folder, in its order; a missing page has no files."""
    text = page_text(path)
    return [] if text is None else parse_page(text, str(path))


def parse_page(text: str, where: str) -> list[IndexedFile]:
    """The files of a project's HTML page, in its order; `where` is for errors."""
    if not text.rstrip().endswith("</html>"):
        raise SeatrialError(f"{where} is not a complete index page.", hint=RESTORE)
    return [_local_file(where, link) for link in PageParser(text).links]


def read_withdrawals(path: Path) -> list[Withdrawal]:
    """Read the records of a project's HTML page in an index folder, the oldest first."""
    return parse_withdrawals(page_text(path) or "", str(path))


def parse_withdrawals(text: str, where: str) -> list[Withdrawal]:
    """The records of a project's HTML page, the oldest first; `where` is for errors."""
    try:
        found = [json.loads(text) for text in PageParser(text).withdrawals]
        return [Withdrawal(**{**each, "files": tuple(each["files"])}) for each in found]
    except (ValueError, TypeError, KeyError) as error:
        raise SeatrialError(f"{where} cannot be read: {error}.", hint=RESTORE) from None


def removed_versions(withdrawals: Iterable[Withdrawal]) -> dict[Version, Withdrawal]:
    """The versions that were removed, each with its record; 1.0 and 1.0.0 are one version."""
    return {Version(each.version): each for each in withdrawals if each.action == "remove"}


def project_html(
    name: str, files: list[IndexedFile], withdrawals: Sequence[Withdrawal] = (), *, by_hash: bool = False
) -> str:
    """Render a project's page for pip and uv; with `by_hash`, each file is in a folder that its hash names."""
    links = []
    for file in files:
        attributes = {
            "data-requires-python": file.requires_python,
            "data-core-metadata": file.core_metadata and f"sha256={file.core_metadata}",
            "data-dist-info-metadata": file.core_metadata and f"sha256={file.core_metadata}",
            "data-size": str(file.size),
            "data-upload-time": file.uploaded or None,
        }
        rendered = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items() if value)
        rendered += f' data-yanked="{escape(file.yank_reason)}"' if file.yanked else ""
        link = f"{_path(file, by_hash)}#sha256={file.sha256}"
        links.append(f'<a href="{link}"{rendered}>{escape(file.filename)}</a><br>')
    records = [escape(json.dumps(asdict(each), sort_keys=True)) for each in withdrawals]
    return _html(f"Links for {name}", links, "".join(f'<meta name="{RECORD}" content="{each}">' for each in records))


def _path(file: IndexedFile, by_hash: bool) -> str:
    return f"{file.sha256}/{quote(file.filename)}" if by_hash else quote(file.filename)


def project_json(
    name: str, files: list[IndexedFile], withdrawals: Sequence[Withdrawal] = (), *, by_hash: bool = False
) -> str:
    """Render a project's page as in PEP 691 and 700."""
    entries = []
    for file in files:
        entry: dict[str, object] = {
            "filename": file.filename,
            "url": _path(file, by_hash),
            "hashes": {"sha256": file.sha256},
            "size": file.size,
        }
        if file.uploaded:
            entry["upload-time"] = file.uploaded
        if file.requires_python:
            entry["requires-python"] = file.requires_python
        if file.core_metadata:
            entry["core-metadata"] = {"sha256": file.core_metadata}  # the older name ends pip 22.3 to 23.0 (PEP 714)
        if file.yanked:
            entry["yanked"] = file.yank_reason or True
        entries.append(entry)
    versions = [str(v) for v in sorted({file.version for file in files})]
    meta: dict[str, object] = {"api-version": API_VERSION}
    if withdrawals:  # keys of one's own start with an underscore
        meta["_withdrawals"] = [asdict(each) for each in withdrawals]
    return to_json({"meta": meta, "name": name, "versions": versions, "files": entries})


def root_html(names: list[str]) -> str:
    """Render the list of projects."""
    return _html("Simple index", [f'<a href="{quote(name)}/">{escape(name)}</a><br>' for name in names])


def root_json(names: list[str]) -> str:
    """Render the list of projects as JSON."""
    return to_json({"meta": {"api-version": API_VERSION}, "projects": [{"name": name} for name in names]})


def _html(title: str, links: list[str], more: str = "") -> str:
    head = f'<meta charset="utf-8"><meta name="pypi:repository-version" content="{API_VERSION}">'
    head += f"<title>{escape(title)}</title>{more}"
    body = "\n".join([f"<h1>{escape(title)}</h1>", *links])
    return f"<!DOCTYPE html>\n<html><head>{head}</head><body>\n{body}\n</body></html>\n"


def _local_file(where: str, link: Link) -> IndexedFile:
    url, fragment = urldefrag(link.get("href"))
    digest = fragment.removeprefix("sha256=")
    filename = unquote(url).removeprefix(f"{digest}/")  # as in a bucket
    if not filename or "/" in filename or "\\" in filename or len(digest) != 64 or fragment == digest:
        raise SeatrialError(f"{where} has a link without a hash or to another folder: {link.get('href')!r}.")
    parse_filename(filename)
    return IndexedFile(
        filename=filename,
        sha256=digest,
        size=link.size,
        uploaded=link.get("data-upload-time"),
        requires_python=link.get("data-requires-python") or None,
        core_metadata=link.core_metadata,
        yanked="data-yanked" in link.attributes,
        yank_reason=link.get("data-yanked"),
    )
