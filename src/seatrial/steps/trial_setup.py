"""What a trial starts from: the built wheel, the release that it would replace, the policy, and a source of wheels."""

from dataclasses import dataclass
from pathlib import Path

from seatrial.core.progress import Progress
from seatrial.core.project import ProjectSettings
from seatrial.deploy import TargetState, target_names
from seatrial.release import BuiltRelease, Index, IndexedRelease, built_release, open_index
from seatrial.steps.earlier_releases import releases_of
from seatrial.steps.lockfile import offer_toolkit
from seatrial.steps.running_servers import running_servers
from seatrial.trial import gate
from seatrial.trial.policy import Policy, read_policy
from seatrial.wheels.sources import WheelSource
from seatrial.wheels.wheel import WheelInfo


@dataclass(frozen=True)
class TrialPair:
    """The two releases of a project's trial: the wheel just built, and the release that it would replace, if any."""

    project: ProjectSettings
    built: BuiltRelease
    baseline: IndexedRelease | None
    index: Index

    @property
    def candidate(self) -> WheelInfo:
        """The wheel just built."""
        return self.built.wheel

    @property
    def baseline_sha256(self) -> str | None:
        """The hash of the baseline's wheel; None for a first release."""
        return self.baseline.sha256 if self.baseline else None

    @property
    def folder(self) -> Path:
        """The folder for the result of its trial."""

        return gate.result_folder(self.project.root, self.candidate.sha256, self.baseline_sha256)


def find_pair(project: ProjectSettings) -> TrialPair:
    """Find the project's built wheel and its baseline; raises SeatrialError where no wheel is built."""
    index = open_index(project.index)
    built = built_release(project)
    baseline = _baseline_of(project, index)
    if baseline and baseline.sha256 == built.wheel.sha256:
        baseline = _still_deployed(project, index, baseline) or baseline
    return TrialPair(project, built, baseline, index)


def policy_and_wheels(
    project: ProjectSettings | None, index: Index | None, progress: Progress
) -> tuple[Policy, WheelSource | None]:
    """Read the policy of a trial, and make the toolkit available on its index; `trial` and `prove` begin with this."""
    policy = project_policy(project) if project else read_policy({}, "pyproject.toml")
    return policy, offer_toolkit(index, progress) if index else None


def project_policy(project: ProjectSettings) -> Policy:
    """Read the project's policy; raises PolicyError if it is invalid."""
    return read_policy(project.trial, str(project.root / "pyproject.toml"))


def _baseline_of(project: ProjectSettings, index: Index) -> IndexedRelease | None:
    """The release that a candidate would replace: the one that is served on this machine, or else the newest.

    A yanked release is the baseline only where it is served, or where there is no other.
    """
    from seatrial.release.index import newest

    releases = releases_of(project, index)
    running = {(server.release, server.version) for server in running_servers()}
    served = [release for release in releases if (release.name, release.version) in running]
    return (served or [each for each in [newest(releases)] if each] or releases)[-1] if releases else None


def _still_deployed(project: ProjectSettings, index: Index, newest: IndexedRelease) -> IndexedRelease | None:
    """Find the release in a target's lockfile, where that is not the newest: its deployment was interrupted."""
    current = [TargetState(project, name).current() for name in target_names(project)]
    deployed = {deployment.sha256 for deployment in current if deployment} - {newest.sha256}
    return next((release for release in index.releases(project.name) if release.sha256 in deployed), None)
