"""What happens to a release that misbehaves in its sandbox, in every way."""

import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.projects.misbehaving import row
from tests.trial.sandbox.moody import POLICY, XS, Open, expected, gone, wait_until

from seatrial.core.errors import SeatrialError
from seatrial.trial.policy import Policy
from seatrial.trial.records import NotComparedError
from seatrial.trial.sandbox import sandbox as sandbox_module
from seatrial.trial.sandbox.queries import Describe, Predict, Score
from seatrial.trial.sandbox.sandbox import Sandbox

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("temporary", "_from_the_cache")]


def refuses(sandbox: Sandbox, what: str, policy: Policy = POLICY) -> str:
    """Ask for one row that misbehaves, both ways, and give the message, the same for both."""
    messages = []
    for job in (Predict("p", [row(0.5, what)], alone=[]), Score("s", {"x": [0.5], "what": [what]})):
        with pytest.raises(NotComparedError) as error:
            replace(sandbox, policy=policy).ask([job])
        messages.append(error.value.message)
    first, second = (message.splitlines()[0] for message in messages)
    assert first == second
    assert first.startswith("The candidate, moody-model 0.1.0, ")
    return messages[0]


def written(path: Path) -> bool:
    return path.exists() and path.read_text().endswith("\n")


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("exit 0", "ended without an answer (exit code 0)."),
        ("exit 9", "ended without an answer (exit code 9)."),
        ("quit", "called sys.exit('enough')."),
        ("crash", "crashed (segmentation fault). Its last output:"),
        ("abort", "crashed (it aborted). Its last output:"),
        ("kill", "was killed (SIGKILL), perhaps because the system ran out of memory."),
        ("eat", "was killed: out of memory (limit 512 MB)."),
        ("forge", "wrote an invalid answer: "),
        ('forge {"jobs": [], "load_seconds": 1}', "answered 0 of 1 jobs."),
        ('forge {"jobs": [{}]}', "wrote no 0.npy."),
    ],
)
def test_a_release_that_does_not_answer_is_not_compared(sandbox: Sandbox, what: str, words: str):
    message = refuses(sandbox, what)
    assert words in message
    if words.endswith("last output:"):
        assert 'moody_model/features.py", line' in message


def test_a_release_that_hangs_is_killed_and_says_where(sandbox: Sandbox):
    began = time.monotonic()
    with pytest.raises(NotComparedError) as error:
        replace(sandbox, policy=Policy(timeout=4.0)).ask([Predict("p", [row(0.5, "hang")])])
    assert "did not answer within 4 s. Its last output:" in error.value.message
    assert "in _hang" in error.value.message
    assert 4 < time.monotonic() - began < 8


def test_garbage_on_its_output_does_no_harm(sandbox: Sandbox):
    answers = sandbox.ask([Predict("p", [row(0.5, "print")])])
    np.testing.assert_allclose(answers.predicted["p"].together.scores, expected([0.5]))
    assert answers.printed.endswith("garbage {]")
    assert len(answers.printed) < 2**17


@pytest.fixture
def _without_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a system whose kernel refuses nothing."""
    monkeypatch.setattr(sandbox_module, "KERNEL_LIMITS", False)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's limits are Linux's")
def test_the_kernel_refuses_what_python_does_not_see(sandbox: Sandbox, tmp_path: Path):
    answers = sandbox.ask([Predict("p", [row(0.5, f"leave {tmp_path / 'pids'}")])])  # forks below Python, and writes
    assert "may not open this file" in answers.predicted["p"].together.errors[0]
    assert answers.attempts == (f"open('{tmp_path / 'pids'}', for writing)",)
    assert not (tmp_path / "pids").exists()


@pytest.mark.usefixtures("_without_the_kernel")
def test_nothing_that_it_started_is_left_running(sandbox: Sandbox, tmp_path: Path):
    pids = tmp_path / "pids"
    answers = sandbox.ask([Predict("p", [row(0.5, f"leave {pids}")])])
    np.testing.assert_allclose(answers.predicted["p"].together.scores, expected([0.5]))
    children = [int(line) for line in pids.read_text().split()]
    assert len(children) == 4
    wait_until(lambda: all(map(gone, children)))


@pytest.mark.parametrize("what", ["fork", "start"])
def test_it_cannot_start_a_process(sandbox: Sandbox, what: str):
    answers = sandbox.ask([Predict("p", [row(0.5, what)])])
    assert (
        answers.predicted["p"]
        .together.errors[0]
        .startswith("PermissionError: A model on trial may not start a process")
    )
    assert len(answers.attempts) == 1


def test_it_cannot_reach_the_network(sandbox: Sandbox):
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        rows = [
            row(0.5, f"connect 127.0.0.1:{port}"),
            row(0.5, f"connect_quietly 127.0.0.1:{port}"),
            row(0.5, f"connect_below {port}"),
        ]
        answers = sandbox.ask([Predict("p", rows), Describe()])
        listening.settimeout(0.2)
        if answers.namespace:
            with pytest.raises(TimeoutError):
                listening.accept()
    predicted = answers.predicted["p"].alone
    assert predicted.errors[0].startswith("PermissionError: A model on trial may not access the network: socket.")
    assert 1 not in predicted.errors
    assert answers.attempts
    assert all(attempt.startswith("socket.") for attempt in answers.attempts)
    if answers.namespace:
        assert predicted.scores[2, 1] > 0.7  # the score of an error number: EPERM, or ENETUNREACH


def test_missing_predictions_are_counted(open_moody: Open):
    predicted = open_moody(predict="drops").ask([Predict("p", [row(x) for x in XS])]).predicted["p"]
    assert (predicted.together.answered, predicted.permuted.answered, predicted.alone.answered) == (3, 3, 3)
    assert predicted.together.errors[0] == "answered 3 of 4 rows"
    assert np.isnan(predicted.together.scores).all()
    assert list(predicted.alone.errors) == [2]


@pytest.mark.parametrize(("how", "names"), [("changes", ("x",)), ("shuffles", ("x",))])
def test_rows_that_are_changed_in_place_are_reported(open_moody: Open, how: str, names: tuple[str, ...]):
    predicted = open_moody(predict=how).ask([Predict("p", [row(x) for x in XS])]).predicted["p"]
    assert predicted.changed == names


def test_a_model_that_depends_on_neighbouring_rows_is_found(open_moody: Open):
    predicted = open_moody(predict="batch").ask([Predict("p", [row(x) for x in (0.0, 1.0, 5.0)])]).predicted["p"]
    np.testing.assert_array_equal(predicted.together.scores, predicted.again.scores)
    assert not np.allclose(predicted.together.scores, predicted.alone.scores)


def test_a_model_that_is_not_deterministic_is_found(sandbox: Sandbox):
    predicted = sandbox.ask([Predict("p", [row(0.0, "random")] * 20)]).predicted["p"]
    assert not np.allclose(predicted.together.scores, predicted.again.scores)


def test_nan_scores_are_neither_rejected_nor_failed(sandbox: Sandbox):
    scored = sandbox.ask([Score("t", {"x": [1.0, 2.0], "what": [None, "nan"]})]).scored["t"]
    assert np.isnan(scored.scores).any(axis=1).tolist() == [False, True]
    assert not scored.refused.any()
    assert scored.errors == {}


@pytest.mark.parametrize(
    ("how", "words"),
    [("text", "other than a list of predictions: 'no list'"), ("nothing", "an invalid prediction: {}")],
)
def test_an_invalid_prediction_is_not_compared(open_moody: Open, how: str, words: str):
    with pytest.raises(NotComparedError, match=r"returned (something other|an invalid)") as error:
        open_moody(predict=how).ask([Predict("p", [row()])])
    assert words in error.value.message


def test_the_users_environment_and_folders_are_out_of_reach(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("A_SECRET", "7")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path)
    answers = sandbox.ask(
        [Predict("p", [row(0.0, "environment A_SECRET"), row(0.0, "environment OMP_NUM_THREADS"), row(0.0, "write")])]
    )
    assert np.allclose(answers.predicted["p"].alone.scores, expected([-1.0, 1.0, 0.0]))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "temporary"]
    assert list((tmp_path / "home").iterdir()) == []


def test_a_worker_ends_with_the_process_that_started_it(sandbox: Sandbox, tmp_path: Path):
    leaves, hangs = row(0.5, f"leave {tmp_path / 'pids'}"), row(0.5, "hang")
    code = f"""
import pickle, sys
from seatrial.trial.sandbox import sandbox
from seatrial.trial.sandbox.queries import Predict
sandbox.KERNEL_LIMITS = False
side = pickle.loads(bytes.fromhex(sys.stdin.read()))
side.ask([Predict("p", [{leaves!r}, {hangs!r}])])
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, env={**os.environ, "TMPDIR": str(tmp_path)}
    )
    assert parent.stdin is not None
    parent.stdin.write(pickle.dumps(sandbox).hex().encode())
    parent.stdin.close()
    wait_until(lambda: written(tmp_path / "pids"))
    (stray,) = (int(line) for line in (tmp_path / "pids").read_text().split())
    worker = int(Path(f"/proc/{stray}/stat").read_text().rpartition(")")[2].split()[1])
    parent.kill()
    parent.wait()
    try:
        wait_until(lambda: gone(worker))
    finally:
        os.kill(stray, signal.SIGKILL)  # nobody is left who could


@pytest.mark.usefixtures("_without_the_kernel")
def test_an_interruption_leaves_no_process(sandbox: Sandbox, tmp_path: Path):
    pids = tmp_path / "pids"

    def interrupt() -> None:
        wait_until(lambda: written(pids))
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it is ignored
    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            sandbox.ask([Predict("p", [row(0.5, f"leave {pids}"), row(0.5, "hang")])])
    finally:
        signal.signal(signal.SIGINT, before)
    thread.join()
    (stray,) = (int(line) for line in pids.read_text().split())
    wait_until(lambda: gone(stray))


def test_the_hint_names_the_environment(sandbox: Sandbox):
    with pytest.raises(SeatrialError) as error:
        sandbox.ask([Predict("p", [row(0.5, "exit 1")])])
    assert str(sandbox.environment.root) in error.value.hint
