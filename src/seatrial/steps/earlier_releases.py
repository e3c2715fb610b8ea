"""The releases of a project on its index; and what shows that there were some, where the index has none.

An index that answers with nothing is not believed at once: it may be another folder, another account, or damaged. A
first release has no baseline, so believing it would skip the comparison.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from packaging.version import InvalidVersion, Version

from seatrial.core.errors import SeatrialError
from seatrial.core.files import read_json, to_json, write_atomic
from seatrial.core.git import FETCH_ALL, ask_git, cut_commits
from seatrial.core.index_settings import DEFAULT_FOLDER
from seatrial.core.project import ProjectSettings, read_toml
from seatrial.release import Index, IndexedRelease
from seatrial.trial import gate, ledger

PUBLISHED = ".seatrial/published.json"


def releases_of(project: ProjectSettings, index: Index) -> list[IndexedRelease]:
    """List the project's releases, oldest first. Raises SeatrialError where there are none, but there were some."""
    releases = index.releases(project.name)
    if releases or project.first_release == project.version:
        return releases
    if evidence := _evidence(project):
        raise SeatrialError(
            f"{index.where} has no release of {project.name}, but {evidence}.",
            hint="Check which index is set and whether it is complete. If it is meant to be empty, set first_release = "
            f'"{project.version}" under [tool.seatrial].',
        )
    return []


def note_published(project: ProjectSettings, sha256: str) -> None:
    """Note in the project, and in this machine's ledger, that a version, the wheel with this hash, is on the index."""
    ledger.record_published(_ledger_name(project), str(project.index), project.version, sha256)
    noted = _noted(project)
    noted[project.index.name] = sorted({*noted.get(project.index.name, []), project.requirement})
    with suppress(OSError):
        write_atomic(project.root / PUBLISHED, to_json(noted))


def known_release(project: ProjectSettings) -> str:
    """Say that this is not the first release, although the index that was chosen has none; "" if nothing shows one."""
    evidence = _elsewhere(project) or _shown_by_files(project) or _hidden(project)
    return f"it is the first release on {_place(project, str(project.index))}, but {evidence}" if evidence else ""


def index_remark(project: ProjectSettings, released: dict[str, Any] | None, since: str) -> str:
    """Say that the project's index is another one than at the baseline, or than where this machine published before."""
    if released is not None:
        before, now = (_index_setting(each) for each in (released, _settings(project)))
        if before != now:
            return f"the index was changed since {since}: {before} -> {now}"
    return f"the index is {_place(project, str(project.index))}, but {found}" if (found := _elsewhere(project)) else ""


def exchanged_remark(project: ProjectSettings, baseline: IndexedRelease) -> str:
    """Say that the baseline on the index is not the wheel that was published from here, or is deployed."""
    version = baseline.version
    known = ledger.published_hashes(_ledger_name(project), str(project.index), version)
    if known and baseline.sha256 not in known:
        return f"{version} on the index is not the wheel that was published from this machine"
    for path in sorted(project.root.glob("deploy/*/history.jsonl")):
        with suppress(OSError, ValueError, KeyError, TypeError):
            entries = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
            deployed = {entry["sha256"] for entry in entries if entry["version"] == version}
            if deployed and baseline.sha256 not in deployed:
                place = path.relative_to(project.root).as_posix()
                return f"{version} on the index is not the wheel that was deployed ({place})"
    return ""


def newer_remark(project: ProjectSettings, releases: Sequence[IndexedRelease], since: str, until: str) -> str:
    """Say that a release between the baseline `since` and the candidate `until` was yanked, or is gone."""
    noted = {each.rpartition("==")[2] for each in _noted(project).get(project.index.name, [])}
    here = noted | set(ledger.published(_ledger_name(project)).get(str(project.index), []))
    yanked = {release.version for release in releases if release.wheel.yanked}
    gone = here - {release.version for release in releases}
    newer = [each for each in sorted(yanked | gone, key=Version) if Version(since) < Version(each) < Version(until)]
    if not newer:
        return ""
    how = "yanked" if newer[-1] in yanked else "no longer on the index"
    return f"it was compared with {since}; {newer[-1]}, which is newer, is {how}"


def _settings(project: ProjectSettings) -> dict[str, Any]:
    settings = read_toml(project.root / "pyproject.toml").get("tool", {}).get("seatrial", {})
    return settings if isinstance(settings, dict) else {}


def _index_setting(settings: dict[str, Any]) -> str:
    """The index that comes first in [tool.seatrial], in words."""
    value = settings.get("index", DEFAULT_FOLDER)
    if isinstance(value, dict) and value:
        value = next(iter(value.values()))
    if isinstance(value, dict):
        value = value.get("url") or value.get("folder") or value.get("gemfury")
    return str(value)


def _ledger_name(project: ProjectSettings) -> str:
    """Folders are a project's own; an index at a URL is the same for all of its clones."""
    return f"{project.name} {project.root}" if project.index.folder else project.name


def _elsewhere(project: ProjectSettings) -> str:
    """An earlier release that was published from this machine to another index."""
    places = {**ledger.published(project.name), **ledger.published(f"{project.name} {project.root}")}
    if str(project.index) in places:
        return ""
    for where, versions in sorted(places.items()):
        return f"{versions[-1]} was published to {_place(project, where)}"
    return ""


def _place(project: ProjectSettings, where: str) -> str:
    return where.removeprefix(f"{project.root}/")


def _noted(project: ProjectSettings) -> dict[str, list[str]]:
    """What was published from here, by the name of the index."""
    with suppress(SeatrialError, TypeError, ValueError):
        return {str(name): list(map(str, each)) for name, each in dict(read_json(project.root / PUBLISHED)).items()}
    return {}


def _evidence(project: ProjectSettings) -> str:
    """What shows that there was a release: a note, a deployment, an acceptance, a trial with a baseline, or a tag.

    Of an index that the settings have besides the default one, only what names it is evidence: it may be new.
    """
    if noted := _noted(project).get(project.index.name):
        return f"{noted[-1]} was published from here"
    if versions := ledger.published(_ledger_name(project)).get(str(project.index)):
        return f"{project.name}=={versions[-1]} was published from here"
    return "" if project.index in project.indexes[1:] else _shown_by_files(project)


def _shown_by_files(project: ProjectSettings) -> str:
    """An earlier release that files of the project show, as they are or as git had them."""
    for path in sorted(project.root.glob("deploy/*/history.jsonl")):
        with suppress(OSError, ValueError, KeyError, TypeError, IndexError):
            last = json.loads(path.read_text("utf-8").splitlines()[-1])
            return f"{last['version']} was deployed ({path.relative_to(project.root).as_posix()})"
    for path in sorted(project.root.glob("deploy/*/requirements.txt")):
        return f"one is deployed ({path.relative_to(project.root).as_posix()})"
    with suppress(SeatrialError):
        if any(each.baseline for each in gate.read_acceptances(project.root)):
            return f"{gate.ACCEPTED} accepts differences from one"
    for path in sorted((project.root / gate.RESULTS).glob(f"*/{gate.DOCUMENT}")):
        with suppress(SeatrialError):
            verdict = gate.read_result(path.parent)
            if verdict.baseline and verdict.baseline.name == verdict.candidate.name:
                return f"there was a trial against {verdict.baseline.version}"
    return _tagged(project) or _deleted(project)


def _tagged(project: ProjectSettings) -> str:
    """An earlier version that git has a tag for, which is the package's own version there."""
    file = project.version_file.relative_to(project.root).as_posix()
    for tag in (ask_git(project.root, "tag", "--list") or "").splitlines():
        with suppress(InvalidVersion, ValueError):
            version = Version(tag.rpartition("/")[2].rpartition("==")[2].removeprefix(f"{project.name}-"))
            if version < Version(project.version):
                content = ask_git(project.root, "show", f"{tag}:./{file}") or ""
                if f'__version__ = "{version}"' in content:
                    return f"git has the tag {tag}"
    return ""


def _hidden(project: ProjectSettings) -> str:
    """That a shallow clone has neither the tags nor the history that would show an earlier release."""
    hidden = "this clone is shallow, so git does not show whether there was an earlier one"
    return f"{hidden}: {FETCH_ALL}" if cut_commits(project.root) else ""


def _deleted(project: ProjectSettings) -> str:
    """A deployment that git had, and that was deleted since."""
    deleted = ("log", "-1", "--diff-filter=D", "--name-only", "--format=", "--", "deploy")
    for path in (ask_git(project.root, *deleted) or "").split():
        if path.endswith(("/history.jsonl", "/requirements.txt")):
            return f"git had {path}, which was deleted"
    return ""
