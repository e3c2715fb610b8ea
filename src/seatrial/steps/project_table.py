"""The project's own table, where `data` in its settings is a URL: a copy in the project, as new as the store's file."""

from typing import TYPE_CHECKING

from seatrial.core.files import read_json, replacing, sha256, to_json, write_atomic
from seatrial.core.progress import Progress, silent

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings

RECORD = "table.json"  # in .seatrial/: where the copy is from


def fetch_project_table(project: "ProjectSettings", progress: Progress = silent) -> dict[str, str]:
    """Bring the copy up to date; returns its URL without secrets, its ETag and its SHA-256. Empty for a local table.

    Git ignores the copy; an sdist has it as it has any table, so that a trial needs no network. Raises SeatrialError
    where the store cannot be read, although a copy may be there: nobody could say whether it is the newest.
    """
    if not project.data_url:
        return {}
    from seatrial.stores.remote_tables import current_version, fetch
    from seatrial.stores.shown_urls import shown_url

    path = project.root / ".seatrial" / RECORD
    known = read_json(path) if path.is_file() else {}
    version = current_version(project.data_url)
    same = {"url": shown_url(project.data_url), "etag": version}.items() <= known.items()
    unchanged = bool(version) and same and project.data.is_file()
    if unchanged and known.get("sha256") == sha256(project.data):
        return {str(key): str(value) for key, value in known.items()}
    copy = fetch(project.data_url, progress)
    with copy.path.open("rb") as source, replacing(project.data) as target:
        while piece := source.read(1 << 20):
            target.write(piece)
    _ignore(project)
    fetched = {"url": copy.url, "etag": copy.etag, "sha256": copy.sha256}
    write_atomic(path, to_json(fetched))
    return fetched


def _ignore(project: "ProjectSettings") -> None:
    """Let git ignore the copy: the table is in the store, and may be larger than a repository should be."""
    path, line = project.data.parent / ".gitignore", f"/{project.data.name}"
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    if line not in lines:
        write_atomic(path, "\n".join([*lines, line, ""]))
