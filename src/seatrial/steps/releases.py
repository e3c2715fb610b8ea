"""Releases: raise the version, build, publish after the trial, and list what is on the index."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from seatrial.core.errors import SeatrialError
from seatrial.core.locks import alone
from seatrial.core.progress import Progress, silent

if TYPE_CHECKING:
    from pathlib import Path

    from packaging.version import Version

    from seatrial.core.index_settings import IndexSettings
    from seatrial.core.project import ProjectSettings
    from seatrial.release import BuiltRelease, IndexedRelease, Published
    from seatrial.steps.running_servers import RunningServer
    from seatrial.wheels.wheel import WheelInfo

SIZE_LIMIT = 64 * 2**20  # bytes; a larger wheel is not fetched only to list its metrics


@dataclass(frozen=True)
class Bump:
    """The version before and after, whether it was raised, and why (or why not)."""

    old: str
    new: str
    raised: bool
    why: str


@alone
def bump(project: "ProjectSettings", part: str, *, when_needed: bool = False) -> Bump:
    """Raise one part of the version; with `when_needed` only if a retrain needs a new one. Nothing else is changed."""
    from seatrial.core.version import next_version, parse_version, read_version, write_version

    file = version_file_of(project)
    old = read_version(file)
    current = parse_version(old, file)
    new, why = _needed(project, current, part) if when_needed else (next_version(current, part), "")
    if new:
        write_version(file, new)
    return Bump(old, new or old, bool(new), why)


def version_file_of(project: "ProjectSettings") -> "Path":
    """The file with the version; raises SeatrialError where pyproject.toml has another."""
    from seatrial.core.project import read_toml

    if "version" in read_toml(project.root / "pyproject.toml")["project"]:
        raise SeatrialError(
            f"The version of {project.name} is in pyproject.toml ({project.version}), and not only in "
            f"{project.version_file}.",
            hint='Replace it in [project] with dynamic = ["version"]; or raise it there by hand.',
        )
    return project.version_file


def _needed(project: "ProjectSettings", current: "Version", part: str) -> tuple[str, str]:
    """The version that a retrain needs, "" where it can keep the current one; and why."""
    from packaging.version import Version

    from seatrial.core.files import sha256
    from seatrial.core.version import next_version
    from seatrial.release import open_index
    from seatrial.steps.earlier_releases import releases_of
    from seatrial.steps.project_table import fetch_project_table
    from seatrial.train.provenance import git_state

    fetch_project_table(project)
    if not project.data.is_file():
        raise SeatrialError(
            f"{project.data} does not exist.", hint="Correct `data` under [tool.seatrial] in pyproject.toml."
        )
    releases = releases_of(project, open_index(project.index))
    if not releases:
        return "", f"there is no release of {project.name} on the index yet"
    newest, version = releases[-1], Version(releases[-1].version)
    if current > version:
        return "", f"the newest release on the index is {version}"
    made = newest.metadata or {}
    if made.get("data", {}).get("sha256") != sha256(project.data):
        return next_version(version, part), f"the table is not the one that {version} was trained on"
    if current < version and made.get("git") and made["git"].get("commit") == git_state(project.root).get("commit"):
        # A retrain that was interrupted between publication and deployment: continue with its version.
        return str(version), "the index has the release of this table and this code"
    return "", f"the table is the one that {version} was trained on"


@alone
def build(project: "ProjectSettings", progress: Progress = silent) -> "BuiltRelease":
    """Build the trained model into an sdist and a wheel, unless its version is on the index with other contents."""
    from seatrial.release import build_release

    published = _published(project, progress)
    changed = published.changed_files(project.source) if published else []
    if changed:
        raise SeatrialError(
            f"{project.requirement} is already on the index, and {changed[0]} has changed since.",
            hint="Raise the version with `seatrial bump`, and build again.",
        )
    return build_release(project, progress)


def _published(project: "ProjectSettings", progress: Progress) -> "WheelInfo | None":
    """The published wheel of the project's own version; None where there is none or the index cannot be read now."""
    from packaging.version import Version

    from seatrial.release import open_index

    progress("reading the index")
    try:
        index, version = open_index(project.index), Version(project.version)
        same = [each for each in index.releases(project.name) if Version(each.version) == version]
        return index.fetch_wheel(same[0]) if same else None
    except SeatrialError:
        return None  # `publish` reads it too, and says what is wrong


def require_committed(project: "ProjectSettings", *, allow_dirty: bool) -> tuple[str, ...]:
    """Raise SeatrialError if files of the current version are not committed; with `allow_dirty` return them instead."""
    from seatrial.release import uncommitted_files

    files = uncommitted_files(project)
    if files and not allow_dirty:
        more = f" and {len(files) - 3} more" if len(files) > 3 else ""
        raise SeatrialError(
            f"Files of {project.requirement} are not committed: {', '.join(files[:3])}{more}.",
            hint="Commit them first, so that git has what this release is made from; or use --allow-dirty.",
        )
    return tuple(files)


def publish(project: "ProjectSettings", *, allow_dirty: bool = False, progress: Progress = silent) -> "Published":
    """Publish the built wheel, if exactly these bytes have passed their trial against what they would replace.

    `allow_dirty` publishes it although its own files are not committed; its metadata says that it was trained so.
    A release that is already on the index, with the same bytes, needs no second trial. A remote index also gets the
    toolkit where that runs from a checkout, because a release cannot be used without it.
    """
    from packaging.version import Version

    from seatrial.release import FolderIndex, publish_toolkit, refuse_unnamed, runs_from_checkout
    from seatrial.steps.earlier_releases import note_published
    from seatrial.steps.gate_review import admit_release
    from seatrial.steps.overview import write_overview
    from seatrial.steps.trial_setup import find_pair
    from seatrial.trial import gate

    progress("reading the index")
    pair, remarks = find_pair(project), ""
    index = pair.index
    refuse_unnamed(project, pair.built)
    # A release of this version is the same bytes, or the index refuses this one whatever a trial says.
    if not any(Version(release.version) == Version(project.version) for release in index.releases(project.name)):
        today = datetime.now(UTC).date()
        require_committed(project, allow_dirty=allow_dirty)
        verdict = gate.require_passed(project.root, pair.candidate.sha256, pair.baseline_sha256, today=today)
        remarks = admit_release(project, index, pair.candidate, verdict, pair.baseline, today=today).remarks
        if not isinstance(index, FolderIndex) and runs_from_checkout():
            publish_toolkit(index, progress)
    published = replace(index.publish(pair.built.files, progress), remarks=remarks)
    note_published(project, pair.candidate.sha256)
    write_overview(project)
    return published


@dataclass(frozen=True)
class ListedRelease:
    """A release on the index, with its metrics; `headline` names the main one, `served` has the URLs of its servers."""

    name: str
    version: str
    published: str
    size: int
    sha256: str
    engine: str
    headline: str
    value: float | None
    metrics: dict[str, float]
    served: tuple[str, ...]
    yanked: str | None  # why it was taken out; None where it was not


def list_releases(name: str, index: "IndexSettings") -> list[ListedRelease]:
    """List the releases of a model on an index, oldest first."""
    from seatrial.release import open_index
    from seatrial.steps.running_servers import running_servers

    running = running_servers()
    return [_listed(release, running) for release in open_index(index).releases(name)]


def releases_page(listed: "Sequence[ListedRelease]", name: str, version: str, where: str) -> str:
    """Render releases as a page, the newest first; `version` is the served one, and `where` says where they are."""
    from seatrial.pages import render
    from seatrial.pages.words import short

    newest_first = list(reversed(listed))
    headline = next((release.headline for release in newest_first if release.headline), "")
    facts = {"name": name, "version": version, "where": where, "headline": headline, "short": short}
    return render("releases.html", releases=newest_first, **facts)


def _listed(release: "IndexedRelease", running: "Sequence[RunningServer]") -> ListedRelease:
    facts = (release.metadata if release.wheel.size <= SIZE_LIMIT else None) or {}
    metrics = facts.get("metrics", {})
    headline = metrics.get(facts.get("headline", ""), {})
    return ListedRelease(
        name=release.name,
        version=release.version,
        published=release.wheel.uploaded,
        size=release.wheel.size,
        sha256=release.sha256,
        engine=facts.get("engine", ""),
        headline=headline.get("label", ""),
        value=headline.get("value"),
        metrics={name: metric["value"] for name, metric in metrics.items()},
        served=tuple(s.url for s in running if (s.release, s.version) == (release.name, release.version)),
        yanked=release.wheel.yank_reason if release.wheel.yanked else None,
    )
