"""The linters of other projects: their findings are among the doctor's, and a linter that fails is reported."""

from pathlib import Path

import pytest
from tests.ci.trees import WORKFLOW, github, run

from seatrial.ci.doctor import examine, linters
from seatrial.ci.doctor.linters import run_linter

INJECTION = "echo ${{ github.event.pull_request.title }}"


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def stand_in(folder: Path, script: str) -> None:
    write(folder, "actionlint", f"#!/bin/sh\n{script}\n")
    (folder / "actionlint").chmod(0o755)


def test_zizmor_and_hadolint_report_at_their_lines_under_their_rules(tmp_path: Path):
    write(tmp_path, WORKFLOW, github(run(INJECTION) + run("railway up", env="{T: '${{ secrets.RAILWAY_TOKEN }}'}")))
    write(tmp_path, "Dockerfile", "FROM python:3.11-slim\nRUN cd /x\nFROM python\n")
    findings = {(finding.check, finding.path, finding.line) for finding in examine(tmp_path)}
    assert ("zizmor/template-injection", WORKFLOW, 7) in findings
    assert ("zizmor/secrets-outside-env", WORKFLOW, 9) in findings
    assert ("hadolint/DL3003", "Dockerfile", 2) in findings
    assert ("hadolint/DL3006", "Dockerfile", 3) in findings
    assert not [check for check, _, _ in findings if check.startswith("zizmor/anonymous")]  # a matter of style


def test_findings_of_actionlint_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(tmp_path, WORKFLOW, github(run("ls")))
    entry = f'{{"message": "no such job", "filepath": "{WORKFLOW}", "line": 3, "column": 1, "kind": "job-needs"}}'
    stand_in(tmp_path / "bin", f"echo '[{entry}]'; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin:/usr/bin")
    (finding,) = run_linter("actionlint", tmp_path, [WORKFLOW])
    assert (finding.path, finding.line, finding.check) == (WORKFLOW, 3, "actionlint/job-needs")
    assert finding.message == "no such job"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo nonsense", "Expecting value"),
        ("echo '[3]'", "is not subscriptable"),
        ("echo '[{}]'", "'filepath'"),
        ("echo broken >&2; exit 3", "exit code 3, 'broken'"),
        ("kill -9 $$", "exit code -9"),
        ("", "Expecting value"),
    ],
)
def test_a_linter_that_fails_or_prints_nonsense_is_a_fault(script, reason, tmp_path: Path, monkeypatch):
    stand_in(tmp_path, script)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    (finding,) = run_linter("actionlint", tmp_path, [WORKFLOW])
    assert finding.check == "actionlint/failed"
    assert finding.is_fault
    assert reason in finding.message


def test_a_linter_that_does_not_end_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    stand_in(tmp_path, "exec sleep 60")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr(linters, "TIMEOUT", 0.2)
    (finding,) = run_linter("actionlint", tmp_path, [WORKFLOW])
    assert "timed out" in finding.message


def test_a_linter_that_is_not_installed_is_named_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    (finding,) = run_linter("actionlint", tmp_path, [WORKFLOW, "b.yml"])
    assert not finding.is_fault
    assert finding.message == f"actionlint is not installed, so it did not check {WORKFLOW}, b.yml."


def test_a_workflow_that_zizmor_cannot_read_is_not_passed_silently(tmp_path: Path):
    write(tmp_path, WORKFLOW, "on: push\njobs: 3\n")
    assert "zizmor/failed" in {finding.check for finding in examine(tmp_path)}
