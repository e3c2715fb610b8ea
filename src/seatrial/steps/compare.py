"""Compare two releases of a project: their metrics and what changed, as a record and as a page."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.core.errors import SeatrialError
from seatrial.core.progress import Progress, silent

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings
    from seatrial.release import Index, WheelInfo
    from seatrial.release.comparison import Comparison, RowChange

LARGEST_TABLE = 64 * 2**20  # bytes; the rows of a larger one are not counted


@dataclass(frozen=True)
class ComparedReleases:
    """The comparison, what the trial of these two said ("" if there was none), and where the page is."""

    comparison: "Comparison"
    verdict: str
    page: Path


def compare(
    project: "ProjectSettings", old: str | None = None, new: str | None = None, progress: Progress = silent
) -> ComparedReleases:
    """Compare two releases, each a version, name==version or a wheel, and write the page.

    By default the built wheel, or else the newest release, is compared with the one on the index before it.
    """
    from seatrial.release import open_index
    from seatrial.steps.overview import write_overview

    progress("reading the releases")
    index = open_index(project.index)
    after = _wheel(project, index, new) if new else _newest(project, index)
    before = _wheel(project, index, old) if old else _before(project, index, after)
    if before.sha256 == after.sha256:
        raise SeatrialError(f"Both are {after.name} {after.version}, with the same bytes.", hint="Name two releases.")
    compared = write_comparison(project, before, after)
    write_overview(project)
    return compared


def _wheel(project: "ProjectSettings", index: "Index", name: str) -> "WheelInfo":
    from seatrial.release import inspect

    if name.endswith(".whl"):
        return inspect(Path(name).absolute())
    return index.fetch_wheel(index.find(name if name[:1].isalpha() else f"{project.name}=={name}"))


def _newest(project: "ProjectSettings", index: "Index") -> "WheelInfo":
    from seatrial.release import built_release
    from seatrial.release.index import newest

    releases = index.releases(project.name)
    try:
        return built_release(project).wheel
    except SeatrialError:
        if not releases:
            raise
        return index.fetch_wheel(newest(releases) or releases[-1])


def _before(project: "ProjectSettings", index: "Index", after: "WheelInfo") -> "WheelInfo":
    from packaging.version import Version

    older = [each for each in index.releases(project.name) if Version(each.version) < Version(after.version)]
    if not older:
        raise SeatrialError(
            f"There is no release before {after.name} {after.version} on the index.",
            hint="Publish a second one first, or name two: `seatrial compare OLD NEW`.",
        )
    return index.fetch_wheel(older[-1])


def _rows(project: "ProjectSettings", before: "WheelInfo", after: "WheelInfo") -> "RowChange | None":
    """Count the lines of both training tables that only one has; None where they are not both available as CSV."""
    from seatrial.release.comparison import RowChange

    tables = [_table(project, wheel) for wheel in (before, after)]
    if None in tables:
        return None
    old, new = (Counter(table.read_bytes().splitlines()) for table in tables if table)
    return RowChange((new - old).total(), (old - new).total())


def _table(project: "ProjectSettings", wheel: "WheelInfo") -> Path | None:
    digest = str((wheel.release or {}).get("data", {}).get("sha256", ""))
    path = project.kept_table(digest)
    usable = digest.isalnum() and path.suffix == ".csv" and path.is_file() and path.stat().st_size <= LARGEST_TABLE
    return path if usable else None


def write_comparison(project: "ProjectSettings", before: "WheelInfo", after: "WheelInfo") -> ComparedReleases:
    """Compare two wheels and write the page, with the verdict of the trial of these two, if there was one."""
    from seatrial.core.files import write_atomic
    from seatrial.pages import render
    from seatrial.release.comparison import compare as compare_wheels
    from seatrial.steps.overview import comparison_page, link, overview_path, report_of
    from seatrial.trial import gate

    made = compare_wheels(before, after, _rows(project, before, after))
    page = comparison_page(project, before, after)
    known = [("All runs, trials and releases", overview_path(project))]
    for wheel in (made.old, made.new):
        if report := report_of(project, wheel):
            known.append((f"Training report of {wheel.version}", report))
    verdict = gate.stored_verdict(project.root, made.new.sha256, made.old.sha256)
    if verdict:
        trial = gate.result_folder(project.root, made.new.sha256, made.old.sha256) / "trial.html"
        known.append((f"Trial of {made.new.version}", trial))
    pages = [(title, link(page, path)) for title, path in known]
    cause = verdict.cause if verdict else ""
    content = render("compare.html", made=made, old=made.old, new=made.new, pages=pages, verdict=cause)
    write_atomic(page, content, like=project.data)
    return ComparedReleases(made, cause, page)
