"""The next release in one step: train, raise the version, build, run the trial, publish, deploy."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seatrial.core.progress import Progress, silent
from seatrial.steps.releases import build, publish, require_committed, version_file_of

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings
    from seatrial.deploy import DeploymentResult
    from seatrial.release import Published
    from seatrial.steps.trial import TrialResult
    from seatrial.trial.records import Kind
    from seatrial.wheels.wheel import WheelInfo


@dataclass(frozen=True)
class MadeRelease:
    """How far a release got: None for each step that was not taken; and its main metric, before and after.

    `trial` is None where nothing has changed since the version was published.
    """

    name: str
    version: str
    previous: str  # the newest version on the index before; "" for a first release
    headline: str
    before: float | None
    after: float
    trial: "TrialResult | None" = None
    published: "Published | None" = None
    deployed: "DeploymentResult | None" = None


def release(
    project: "ProjectSettings",
    part: str = "patch",
    *,
    deploy: str = "",
    kind: "Kind | None" = None,
    drop_bad_rows: bool = False,
    allow_dirty: bool = False,
    progress: Progress = silent,
) -> MadeRelease:
    """Train, raise the version where it is needed, build, run the trial, publish, and deploy to the target `deploy`.

    Files of the project that are not committed stop it at once, but for `allow_dirty`. It stops after a trial that has
    not passed, since a person must decide then. Where training gives what is already published, the version stays, and
    there is nothing to do but to deploy it.
    """
    from packaging.version import Version

    from seatrial.core.files import write_atomic
    from seatrial.core.version import next_version, read_version, write_version
    from seatrial.model.release_parts import CARD_FILE
    from seatrial.release import open_index
    from seatrial.steps.deploy import deploy as deploy_release
    from seatrial.steps.earlier_releases import releases_of
    from seatrial.steps.train import train_apart
    from seatrial.steps.trial_process import judge_pair
    from seatrial.steps.trial_setup import find_pair, project_policy

    project_policy(project)  # what is cheap is checked first
    require_committed(project, allow_dirty=allow_dirty)
    index = open_index(project.index)
    newest = next(reversed(releases_of(project, index)), None)
    published = index.fetch_wheel(newest) if newest else None
    old = read_version(project.version_file)
    raised = newest is not None and Version(old) <= Version(newest.version)
    if newest and raised:
        write_version(version_file_of(project), next_version(Version(newest.version), part))
        project = replace(project, version=read_version(project.version_file))
    try:
        trained = train_apart(project, drop_bad_rows=drop_bad_rows, progress=progress)
        # A version that somebody raised by hand is meant to be released.
        changed = published is None or not raised or _differs(project, published)
    except BaseException:
        write_version(project.version_file, old)
        raise
    if published and not changed:
        write_version(project.version_file, old)
        write_atomic(project.artifacts / CARD_FILE, published.read(_card(project)))
        project = replace(project, version=old)
    before = (newest.metadata or {}).get("metrics", {}) if newest else {}
    label, after = (trained.metrics[trained.headline][key] for key in ("label", "value"))
    value = before.get(trained.headline, {}).get("value")
    made = MadeRelease(project.name, project.version, newest.version if newest else "", label, value, after)
    if changed:
        build(project, progress)
        trial = judge_pair(find_pair(project), kind=kind, progress=progress)
        made = replace(made, trial=trial)
        if not trial.passed:
            return made
        made = replace(made, published=publish(project, allow_dirty=allow_dirty, progress=progress))
    if deploy:
        made = replace(
            made, deployed=deploy_release(project, deploy, made.version, allow_dirty=allow_dirty, progress=progress)
        )
    return made


def _differs(project: "ProjectSettings", published: "WheelInfo") -> bool:
    """Whether the trained package differs from a published wheel in more than its version and its commit."""
    from seatrial.core.files import read_json
    from seatrial.model.metadata import METADATA_FILE, SBOM_FILE

    # All of them name the commit or the version.
    named = {_card(project), *(f"{published.package}/artifacts/{name}" for name in (METADATA_FILE, SBOM_FILE))}
    if set(published.changed_files(project.source)) - named:
        return True
    return {**read_json(project.artifacts / METADATA_FILE), "git": None} != {**(published.release or {}), "git": None}


def _card(project: "ProjectSettings") -> str:
    from seatrial.model.release_parts import CARD_FILE

    return f"{project.package}/artifacts/{CARD_FILE}"
