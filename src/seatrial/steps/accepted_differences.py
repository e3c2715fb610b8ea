"""The differences that people accepted in a project's trials, with what each was about."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings
    from seatrial.watch.acceptances_due import AcceptedDifference


def accepted_differences(project: "ProjectSettings") -> "tuple[list[AcceptedDifference], list[str]]":
    """Read accepted.json with the trials it is about; returns what was accepted, and notes on trials that are gone.

    A check that was accepted twice counts once, with the newest reason. Raises PolicyError if a file is damaged.
    """
    from seatrial.trial.gate import read_acceptances, stored_verdict
    from seatrial.watch.acceptances_due import AcceptedDifference

    found: dict[tuple[str, str], AcceptedDifference] = {}
    notes: dict[str, None] = {}
    for each in read_acceptances(project.root):
        verdict = stored_verdict(project.root, each.candidate, each.baseline or None)
        if verdict is None:
            notes[
                f"What {each.by} accepted on {each.on} cannot be looked at again: the result of the trial of "
                f"{each.candidate[:12]}… is not on this machine."
            ] = None
            continue
        checks = {check.id: check for check in verdict.checks}
        before = verdict.baseline.version if verdict.baseline else ""
        for name in each.checks:
            if check := checks.get(name):
                found[verdict.candidate.version, name] = AcceptedDifference(
                    verdict.candidate.version, before, check.name, check.subject, check.summary, each.by, each.on,
                    each.reason,
                )  # fmt: skip
    return list(found.values()), list(notes)
