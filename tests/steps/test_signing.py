"""Which releases count as signed: those whose verdict, wheel and baseline are what a trusted key signed."""

import json
import subprocess
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.projects.tiny import make_project
from tests.trial.samples import BASELINE, CANDIDATE
from tests.wheels.signing_keys import pem, public_key_of

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.core.project import ProjectSettings, find_project
from seatrial.steps.signing import require_lockfile, require_signed, sign_result, signed_by, trial_statements
from seatrial.steps.trial_decisions import sign_trial
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


COMMITTED = '\n[tool.seatrial.signing]\npublic_keys = ["team.pub"]\nrequired = true\n'


@pytest.fixture
def committed(project: ProjectSettings) -> ProjectSettings:
    """The project with its settings and its public key in git, and a signed trial."""
    for words in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=A", "-c", "user.email=a@e.invalid", "commit", "-qmx"],
    ):
        subprocess.run(["git", "-C", str(project.root), *words], check=True)
    sign_result(folder_of(project), "m.whl", VERDICT, KEY)
    return project


def test_settings_and_keys_count_as_they_are_committed(committed: ProjectSettings) -> None:
    root = committed.root
    assert signed_by(committed, VERDICT)
    settings = root / "pyproject.toml"
    for change in ("", COMMITTED.replace("true", "false"), COMMITTED.replace("team.pub", "their.pub")):
        settings.write_text(settings.read_text().replace(COMMITTED, change))
        with pytest.raises(AttestationError, match="differs from the last commit"):
            signed_by(find_project(root), VERDICT)
        subprocess.run(["git", "-C", str(root), "checkout", "-q", "pyproject.toml"], check=True)
    sign_result(folder_of(committed), "m.whl", VERDICT, THEIRS)
    (root / "team.pub").write_bytes(public_key_of(THEIRS))
    with pytest.raises(AttestationError, match=r"team\.pub differs from the last commit"):
        signed_by(committed, VERDICT)
    (root / "team.pub").write_bytes(public_key_of(KEY).replace(b"\n", b"\r\n"))
    with pytest.raises(AttestationError, match="No trusted key"):
        signed_by(committed, VERDICT)


def test_a_key_that_git_ignores_does_not_count(committed: ProjectSettings) -> None:
    settings = committed.root / "pyproject.toml"
    settings.write_text(settings.read_text().replace("team.pub", "their.pub"))
    (committed.root / "their.pub").write_bytes(public_key_of(KEY))
    for words in (["add", "pyproject.toml"], ["-c", "user.name=A", "-c", "user.email=a@e.invalid", "commit", "-qmx"]):
        subprocess.run(["git", "-C", str(committed.root), *words], check=True)
    with pytest.raises(AttestationError, match=r"their\.pub is not committed"):
        signed_by(find_project(committed.root), VERDICT)


def test_the_keys_of_the_environment_count_alone(
    project: ProjectSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    monkeypatch.setenv("SEATRIAL_PUBLIC_KEYS", str(keys))
    with pytest.raises(SeatrialError, match="SEATRIAL_PUBLIC_KEYS names no file"):
        signed_by(project, VERDICT)
    (keys / "team.pub").write_bytes(public_key_of(THEIRS))
    unsigned = replace(project, signing={})
    with pytest.raises(AttestationError, match="is not signed"):
        signed_by(unsigned, VERDICT)
    sign_result(folder_of(project), "m.whl", VERDICT, KEY)
    with pytest.raises(AttestationError, match="No trusted key"):
        signed_by(project, VERDICT)
    sign_result(folder_of(project), "m.whl", VERDICT, THEIRS)
    assert signed_by(unsigned, VERDICT)


def test_a_signature_ends_with_the_acceptance_that_was_signed(project: ProjectSettings) -> None:
    acceptance = gate.Acceptance(
        CANDIDATE.sha256, BASELINE.sha256, ("metrics.trivial",), "why", "A", "2026-01-01", "2026-01-31"
    )
    (project.root / "accepted.json").write_text(json.dumps([vars(acceptance)]))
    assert gate.acceptances_of(project.root, VERDICT) == [acceptance]
    statement = sign_result(folder_of(project), "m.whl", VERDICT, KEY, [acceptance])
    assert statement.valid_until == "2026-01-31"
    (project.root / "accepted.json").write_text(json.dumps([{**vars(acceptance), "until": "2099-01-31"}]))
    with pytest.raises(AttestationError, match="was valid until 2026-01-31"):
        signed_by(project, VERDICT)
    again = require_signed(
        project, "m", CANDIDATE.sha256, trial_statements(project.root, CANDIDATE.sha256), today=date.min
    )
    assert again == statement


def test_what_runs_is_what_was_tested_and_signed(project: ProjectSettings) -> None:
    (folder_of(project) / "requirements.txt").write_text("numpy==2.0 --hash=sha256:00\n")
    statement = sign_result(folder_of(project), "m.whl", VERDICT, KEY)
    assert statement.lockfile_sha256 == sha256(folder_of(project) / "requirements.txt")
    require_lockfile(project, statement, statement.lockfile_sha256, "m")
    with pytest.raises(AttestationError, match="not the one that was tested and signed"):
        require_lockfile(project, statement, "0" * 64, "m")
    envelope = (folder_of(project) / STATEMENT).read_bytes()
    with pytest.raises(AttestationError, match="not the one that was tested and signed"):
        require_signed(project, "m", CANDIDATE.sha256, [envelope], lockfile="0" * 64)
    require_lockfile(replace(project, signing={"public_keys": ["team.pub"]}), statement, "0" * 64, "m")


def test_one_of_several_statements_is_enough(project: ProjectSettings) -> None:
    sign_result(folder_of(project), "m.whl", VERDICT, KEY)
    envelope = (folder_of(project) / STATEMENT).read_bytes()
    assert require_signed(project, "m", CANDIDATE.sha256, [b"{}", envelope])
    for statements, message in (
        ([b"{}"], "not a DSSE"),
        ([], "The trial of m is not signed"),
        ([envelope], "another wheel"),
    ):
        with pytest.raises(AttestationError, match=message):
            require_signed(project, "m", "e" * 64, statements)


def test_a_release_that_is_published_can_be_signed_later(
    project: ProjectSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Then the index has it, so that it would be its own baseline."""
    pair = ("m.whl", CANDIDATE.sha256)
    candidate = SimpleNamespace(sha256=pair[1], path=Path(pair[0]))
    found = SimpleNamespace(candidate=candidate, baseline_sha256=pair[1], folder=tmp_path / "nowhere")
    monkeypatch.setattr("seatrial.steps.trial_decisions.find_pair", lambda _: found)
    with pytest.raises(SeatrialError, match=r"metrics\.trivial is no longer in accepted\.json"):
        sign_trial(project, tmp_path / "team.pem")
    acceptance = gate.Acceptance(
        CANDIDATE.sha256, BASELINE.sha256, ("metrics.trivial",), "why", "A", "2026-01-01", "2099-01-31"
    )
    (project.root / "accepted.json").write_text(json.dumps([vars(acceptance)]))
    (tmp_path / "team.pem").write_bytes(KEY)
    assert sign_trial(project, tmp_path / "team.pem").valid_until == "2099-01-31"
    assert signed_by(project, VERDICT)
