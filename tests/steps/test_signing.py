"""Which releases count as signed: those whose verdict, wheel and baseline are what a trusted key signed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.projects.tiny import make_project
from tests.trial.samples import BASELINE, CANDIDATE
from tests.wheels.signing_keys import pem, public_key_of

from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings, find_project
from seatrial.steps.signing import sign_result, signed_by
from seatrial.trial import gate
from seatrial.trial.records import Check, Outcome, Verdict
from seatrial.trial.report.formats import to_json
from seatrial.wheels.attestation import STATEMENT, AttestationError, signing_key

KEY, THEIRS = (pem(ec.generate_private_key(ec.SECP256R1())) for _ in range(2))
VERDICT = Verdict(
    kind="retrain",
    task="binary",
    rows={"golden": 9},
    policy={},
    outcome=Outcome.passed,
    cause="Passed.",
    checks=(
        Check("golden.scores", "golden", Outcome.passed, "as stored"),
        Check("metrics.trivial", "metrics", Outcome.accepted, "worse"),
        Check("data.drift", "data", Outcome.noted, "more rows"),
    ),
    candidate=CANDIDATE,
    baseline=BASELINE,
)


@pytest.fixture
def project(tmp_path: Path) -> ProjectSettings:
    """A project whose public key is KEY's, with a stored verdict."""
    root = make_project(tmp_path / "tiny")
    (root / "team.pub").write_bytes(public_key_of(KEY))
    (root / "pyproject.toml").open("a").write(
        '\n[tool.seatrial.signing]\npublic_keys = ["team.pub"]\nrequired = true\n'
    )
    project = find_project(root)
    gate.write_results(folder_of(project), {"verdict.json": to_json(VERDICT)})
    return project


def folder_of(project: ProjectSettings) -> Path:
    return gate.result_folder(project.root, CANDIDATE.sha256, BASELINE.sha256)


def test_a_signature_counts_for_the_verdict_that_was_signed(project: ProjectSettings) -> None:
    with pytest.raises(AttestationError, match="is not signed"):
        signed_by(project, VERDICT)
    statement = sign_result(folder_of(project), "m-0.2.0-py3-none-any.whl", VERDICT, KEY)
    assert (statement.passed, statement.accepted) == (("golden.scores",), ("metrics.trivial",))
    assert signed_by(project, VERDICT)


def test_an_edited_verdict_is_not_the_signed_one(project: ProjectSettings) -> None:
    sign_result(folder_of(project), "m.whl", VERDICT, KEY)
    path = folder_of(project) / "verdict.json"
    path.write_text(path.read_text().replace("more rows", "fewer rows"))
    with pytest.raises(AttestationError, match="not the one that was signed"):
        signed_by(project, VERDICT)


def test_a_statement_copied_from_another_trial_is_refused(project: ProjectSettings) -> None:
    other = replace(VERDICT, candidate=replace(CANDIDATE, sha256="e" * 64))
    folder = gate.result_folder(project.root, "e" * 64, BASELINE.sha256)
    gate.write_results(folder, {"verdict.json": to_json(other)})
    sign_result(folder, "m.whl", other, KEY)
    (folder_of(project) / STATEMENT).write_bytes((folder / STATEMENT).read_bytes())
    with pytest.raises(AttestationError, match="about another wheel"):
        signed_by(project, VERDICT)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]\n"])
def test_another_key_or_a_damaged_statement_is_refused(project: ProjectSettings, content: bytes) -> None:
    sign_result(folder_of(project), "m.whl", VERDICT, THEIRS)
    with pytest.raises(AttestationError, match="No trusted key"):
        signed_by(project, VERDICT)
    (folder_of(project) / STATEMENT).write_bytes(content)
    with pytest.raises(AttestationError, match="not a DSSE envelope"):
        signed_by(project, VERDICT)


def test_without_required_only_a_wrong_signature_is_refused(project: ProjectSettings) -> None:
    for signing in ({}, {"public_keys": ["team.pub"]}):
        assert signed_by(replace(project, signing=signing), VERDICT) is None
    sign_result(folder_of(project), "m.whl", VERDICT, THEIRS)
    with pytest.raises(AttestationError, match="No trusted key"):
        signed_by(replace(project, signing={"public_keys": ["team.pub"]}), VERDICT)


def test_only_a_passed_trial_is_signed(project: ProjectSettings) -> None:
    with pytest.raises(AttestationError, match="Only a passed trial is signed"):
        sign_result(folder_of(project), "m.whl", replace(VERDICT, outcome=Outcome.blocked), KEY)


@pytest.mark.parametrize(
    ("signing", "message"),
    [
        ({"required": True}, "needs public_keys"),
        ({"keys": []}, "unknown key `keys`"),
        ({"public_keys": "team.pub"}, "public_keys = 'team.pub'"),
        ({"public_keys": ["gone.pub"]}, "gone.pub cannot be read"),
    ],
)
def test_wrong_settings_are_named(project: ProjectSettings, signing: dict[str, object], message: str) -> None:
    sign_result(folder_of(project), "m.whl", VERDICT, KEY)
    with pytest.raises(SeatrialError, match=message):
        signed_by(replace(project, signing=signing), VERDICT)


def test_the_key_comes_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEATRIAL_SIGNING_KEY", raising=False)
    assert signing_key() is None
    path = tmp_path / "team.pem"
    path.write_bytes(KEY)
    for value in (str(path), KEY.decode()):
        monkeypatch.setenv("SEATRIAL_SIGNING_KEY", value)
        assert signing_key() == KEY
    assert signing_key(path) == KEY
    with pytest.raises(SeatrialError, match="cannot be read"):
        signing_key(tmp_path / "gone.pem")


def test_the_statement_says_what_the_verdict_says(project: ProjectSettings) -> None:
    sign_result(folder_of(project), "m.whl", VERDICT, KEY)
    assert json.loads((folder_of(project) / STATEMENT).read_text())["payloadType"] == "application/vnd.in-toto+json"
