"""A project's trial, from its built wheel and its index to files that speak for it; and what asks them: publishing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from seatrial.core.errors import SeatrialError

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings
    from seatrial.release import Index, IndexedRelease, Published
    from seatrial.trial.policy import Policy
    from seatrial.trial.records import Verdict
    from seatrial.wheels.sources import WheelSource

REQUIREMENTS = "requirements.txt"  # beside a passed verdict: what the candidate was tried with, for who deploys it
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Pair:
    """Who meets in a project's trial: the wheel just built, and the release that it would replace, if there is one."""

    project: "ProjectSettings"
    wheel: Path
    sha256: str
    baseline: "IndexedRelease | None"
    index: "Index"

    @property
    def is_one(self) -> bool:
        """Whether the wheel is the very release that it would replace."""
        return self.baseline is not None and self.baseline.sha256 == self.sha256

    @property
    def folder(self) -> Path:
        """Where the result of its trial lies."""
        from seatrial.trial import gate

        return gate.result_folder(self.project.root, self.sha256, self.baseline.sha256 if self.baseline else None)


@dataclass(frozen=True)
class Held:
    """A verdict; and where it is passed, the requirements file of what was tried ("" where none could be made)."""

    verdict: "Verdict"
    requirements: str = ""


def pair_of(project: "ProjectSettings") -> Pair:
    """Find the project's built wheel and its baseline; raises SeatrialError where none is built."""
    from seatrial.core.files import sha256
    from seatrial.release import built_files, open_index

    index = open_index(project.index)
    wheel, _ = built_files(project)
    digest = sha256(wheel)
    baseline = _baseline_of(project, index)
    if baseline and baseline.sha256 == digest:
        baseline = _still_deployed(project, index, baseline) or baseline
    return Pair(project, wheel, digest, baseline, index)


def policy_of(project: "ProjectSettings") -> "Policy":
    """Read the project's policy; raises PolicyError where it is wrong."""
    from seatrial.trial.policy import read_policy

    return read_policy(project.trial, str(project.root / "pyproject.toml"))


def hold_pair(
    pair: Pair, *, data: Path | None = None, same_wheel: bool = False, progress: Progress = lambda _: None
) -> Held:
    """Hold the trial of a pair."""
    from seatrial.steps.environment import offer_toolkit
    from seatrial.steps.recipes import project_recipes
    from seatrial.trial import gate
    from seatrial.trial.run import run
    from seatrial.wheels.wheel import inspect

    project, index, baseline = pair.project, pair.index, pair.baseline
    policy = policy_of(project)
    source = offer_toolkit(index, progress)
    with TemporaryDirectory(prefix="seatrial-recipes-") as folder:
        facts = inspect(pair.wheel).release or {}
        recipes = project_recipes(project, facts, index, baseline, Path(folder), progress)
        verdict = run(
            pair.wheel,
            index.fetch(baseline) if baseline else None,
            policy=policy,
            index=source,
            recipes=recipes,
            data=data,
            acceptances=gate.read_acceptances(project.root),
            same_wheel=same_wheel,
            progress=progress,
        )
    return with_requirements(verdict, pair.wheel, source, progress)


def with_requirements(verdict: "Verdict", wheel: Path, source: "WheelSource", progress: Progress) -> Held:
    """Add to a passed verdict what its candidate runs with, all of it pinned by hash; `deploy` takes it from there.

    It is not the trial's business whether everything that the server needs can be resolved now; `deploy` will say so.
    """
    from seatrial.steps.lockfile import pin_wheel

    if verdict.exit_code:
        return Held(verdict)
    try:
        return Held(verdict, pin_wheel(wheel, source, [], progress)[0].body)
    except SeatrialError:
        return Held(verdict)


def hold_project(folder: Path) -> "Verdict":
    """Hold the trial of the project that `folder` lies in and write its results: what the pytest plugin calls."""
    from seatrial.core.project import find_project

    pair = pair_of(find_project(folder))
    found = hold_pair(pair)
    write(pair.folder, found)
    return found.verdict


def write(folder: Path, held: Held) -> None:
    """Write a verdict in all its forms."""
    from seatrial.trial import gate
    from seatrial.trial.report.document import to_json
    from seatrial.trial.report.formats import to_junit, to_markdown
    from seatrial.trial.report.page import to_html

    verdict = held.verdict
    files = {"trial.html": to_html(verdict), "trial.md": to_markdown(verdict), "junit.xml": to_junit(verdict)}
    if held.requirements:
        files[REQUIREMENTS] = held.requirements
    else:
        (folder / REQUIREMENTS).unlink(missing_ok=True)  # of a trial before this one
    gate.write_results(folder, {**files, "verdict.json": to_json(verdict)})


def publish_tried(project: "ProjectSettings", progress: Progress = lambda _: None) -> "Published":
    """Publish the built wheel, if these very bytes have passed their trial against what they would replace.

    What is on the index already, with the same bytes, needs no second trial. An index at an address gets the
    toolkit too where that runs from a checkout, since a release is of no use without it.
    """
    from packaging.version import Version

    from seatrial.release import FolderIndex, built_files, publish_toolkit, runs_from_checkout
    from seatrial.trial import gate

    progress("asking the index")
    pair = pair_of(project)
    index = pair.index
    # What has this version already is the same bytes, or refused by the index whatever a trial says.
    if not any(Version(release.version) == Version(project.version) for release in index.releases(project.name)):
        today = datetime.now(UTC).date()
        gate.require_passed(project.root, pair.sha256, pair.baseline.sha256 if pair.baseline else None, today=today)
        if not isinstance(index, FolderIndex) and runs_from_checkout():
            publish_toolkit(index, progress)
    return index.publish(built_files(project), progress)


def _baseline_of(project: "ProjectSettings", index: "Index") -> "IndexedRelease | None":
    """The release that a candidate would replace: the one that is served on this machine, or the newest."""
    from seatrial.steps.running_servers import served

    there = index.releases(project.name)
    running = {(note.get("release"), note.get("version")) for note in served()}
    live = [release for release in there if (release.name, release.version) in running]
    return (live or there)[-1] if there else None


def _still_deployed(project: "ProjectSettings", index: "Index", newest: "IndexedRelease") -> "IndexedRelease | None":
    """Find the release that a target's pin says, where that is not the newest: its deployment was cut off."""
    from seatrial.deploy import TargetState, target_names

    pins = [TargetState(project, name).current() for name in target_names(project)]
    pinned = {pin.sha256 for pin in pins if pin} - {newest.sha256}
    return next((each for each in index.releases(project.name) if each.sha256 in pinned), None)
