"""`seatrial follow` as schedulers call it: each result has an exit code, and an error has another one."""

from pathlib import Path

import pytest
from tests.commands import run_here
from tests.projects.tiny import make_project

from seatrial.steps.follow import Followed
from seatrial.trial.shadow import ShadowDecision, ShadowLimits, ShadowState


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    return make_project(tmp_path / "tiny-model")


@pytest.mark.parametrize(
    ("state", "code"), [(ShadowState.promote, 0), (ShadowState.take_back, 1), (ShadowState.undecided, 3)]
)
def test_each_result_has_its_exit_code(
    root: Path, monkeypatch: pytest.MonkeyPatch, state: ShadowState, code: int
) -> None:
    limits = ShadowLimits(0.02, 0.02, 0.05, "the default")
    found = Followed("tiny", "0.2.0", "0.1.0", ShadowDecision(state, "so"), 10, 0, 12, 0.0, 0.0, limits)
    monkeypatch.setattr("seatrial.steps.follow.follow", lambda *_, **__: found)
    result = run_here("follow", "0.2.0", "--once", cwd=root)
    assert (result.returncode, "10 distinct rows of 12" in result.stdout) == (code, True), result.stderr


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("0.2.0",), 4, "Nothing is deployed to local."),
        (("0.2.0", "--on", "moon"), 4, "Unknown target 'moon'."),
        (("0.2.0", "--canary"), 4, "No canary is running on local."),
        (("0.2.0", "--canary", "--on", "railway"), 4, "The target railway runs no canaries."),
        (("0.2.0", "--every"), 2, "No such option"),
        (("0.2.0", "--since", "soon"), 2, "--since 'soon' is not a time."),
    ],
)
def test_an_error_is_not_taken_for_a_result(root: Path, words: tuple[str, ...], code: int, message: str) -> None:
    result = run_here("follow", *words, cwd=root)
    assert (result.returncode, message in result.stderr) == (code, True), result.stderr
