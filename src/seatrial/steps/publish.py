"""Publish: the built release onto the index, if it has passed its trial."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from seatrial.core.progress import Progress, silent

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings
    from seatrial.release import Published


def publish(project: "ProjectSettings", progress: Progress = silent) -> "Published":
    """Publish the built wheel, if exactly these bytes have passed their trial against what they would replace.

    A release that is already on the index, with the same bytes, needs no second trial. A remote index also gets the
    toolkit where that runs from a checkout, because a release cannot be used without it.
    """
    from packaging.version import Version

    from seatrial.release import FolderIndex, publish_toolkit, runs_from_checkout
    from seatrial.steps.trial_setup import find_pair
    from seatrial.trial import gate

    progress("reading the index")
    pair = find_pair(project)
    index = pair.index
    # A release of this version is the same bytes, or the index refuses this one whatever a trial says.
    if not any(Version(release.version) == Version(project.version) for release in index.releases(project.name)):
        today = datetime.now(UTC).date()
        gate.require_passed(project.root, pair.candidate.sha256, pair.baseline_sha256, today=today)
        if not isinstance(index, FolderIndex) and runs_from_checkout():
            publish_toolkit(index, progress)
    return index.publish(pair.built.files, progress)
