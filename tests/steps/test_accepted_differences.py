"""What people accepted is read with the trial that it was about."""

from pathlib import Path

from tests.projects.tiny import make_project

from seatrial.core.files import to_json
from seatrial.core.project import find_project
from seatrial.steps.accepted_differences import accepted_differences
from seatrial.trial.gate import DOCUMENT, result_folder
from seatrial.trial.records import Check, Outcome, Subject, Verdict

CANDIDATE, BASELINE = "c" * 64, "b" * 64


def verdict() -> Verdict:
    check = Check("total.slice", "total", Outcome.accepted, "it differs", subject="sex = female")
    return Verdict(
        Outcome.accepted, "", "retrain", "binary", Subject("tiny-model", "0.2.0", CANDIDATE),
        Subject("tiny-model", "0.1.0", BASELINE), (check,), {}, {},
    )  # fmt: skip


def accept(root: Path, candidate: str) -> None:
    given = {"checks": ["total.slice[sex = female]", "gone"], "reason": "meant", "by": "Ada", "on": "2026-01-02"}
    (root / "accepted.json").write_text(
        to_json([{**given, "candidate": candidate, "baseline": BASELINE, "until": "2026-03-01"}])
    )


def test_an_acceptance_has_its_versions_and_its_group(tmp_path: Path) -> None:
    root = make_project(tmp_path / "tiny-model")
    folder = result_folder(root, CANDIDATE, BASELINE)
    folder.mkdir(parents=True)
    (folder / DOCUMENT).write_text(to_json(verdict().to_document()))
    accept(root, CANDIDATE)
    (found,), notes = accepted_differences(find_project(root))
    assert (found.version, found.before, found.check) == ("0.2.0", "0.1.0", "total.slice")
    assert (found.subject, found.by, found.reason) == ("sex = female", "Ada", "meant")
    assert notes == []


def test_a_trial_that_is_gone_is_said(tmp_path: Path) -> None:
    root = make_project(tmp_path / "tiny-model")
    accept(root, "d" * 64)
    found, (note,) = accepted_differences(find_project(root))
    assert found == []
    assert note.startswith("What Ada accepted on 2026-01-02 cannot be looked at again")


def test_a_project_without_acceptances_has_none(tmp_path: Path) -> None:
    assert accepted_differences(find_project(make_project(tmp_path / "tiny-model"))) == ([], [])
