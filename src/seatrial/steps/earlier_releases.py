"""The releases of a project on its index; and what shows that there were some, where the index has none.

An index that answers with nothing is not believed at once: it may be another folder, another account, or damaged. A
first release has no baseline, so believing it would skip the comparison.
"""

import json
from contextlib import suppress

from packaging.version import InvalidVersion, Version

from seatrial.core.errors import SeatrialError
from seatrial.core.files import read_json, to_json, write_atomic
from seatrial.core.git import ask_git
from seatrial.core.project import ProjectSettings
from seatrial.release import Index, IndexedRelease
from seatrial.trial import gate

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


def note_published(project: ProjectSettings) -> None:
    """Note on this machine that a version is on the index; losing the note loses only this hint."""
    noted = _noted(project)
    noted[project.index.name] = sorted({*noted.get(project.index.name, []), project.requirement})
    with suppress(OSError):
        write_atomic(project.root / PUBLISHED, to_json(noted))


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
    if project.index in project.indexes[1:]:
        return ""
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
    return _tagged(project)


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
