"""Sandboxes: each release in its own environment, queried in a process that may misbehave in every way."""

import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.projects.misbehaving import INIT, make_moody, row
from tests.projects.tiny import make_wheel

from seatrial.core.errors import SeatrialError
from seatrial.release import build_toolkit
from seatrial.trial.policy import Policy
from seatrial.trial.records import NotComparedError
from seatrial.trial.sandbox import sandbox as sandbox_module
from seatrial.trial.sandbox.queries import Describe, InjectedFault, MeasureCost, Predict, Score, Validate
from seatrial.trial.sandbox.sandbox import Sandbox, open_sandbox, pins
from seatrial.wheels.installer import create, install, python_in, resolve

pytestmark = pytest.mark.slow

POLICY = Policy(timeout=20.0, memory_mb=512)
FAULTY = Path(__file__).parents[2] / "projects" / "faulty.py"
XS = [-2.0, 0.0, None, 3.5]

Open = Callable[..., Sandbox]


@pytest.fixture(scope="module")
def toolkit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_toolkit(tmp_path_factory.mktemp("toolkit"))


@pytest.fixture(scope="module")
def open_moody(tmp_path_factory: pytest.TempPathFactory, toolkit: Path) -> Open:
    """Make a wheel of the moody model and open it in a sandbox."""
    folder = tmp_path_factory.mktemp("sandboxes")

    def open_it(policy: Policy = POLICY, **how: Any) -> Sandbox:
        wheel = make_moody(Path(tempfile.mkdtemp(dir=folder)), **how)
        return open_sandbox(wheel, policy, toolkit=toolkit, cache=folder / "cache")

    return open_it


@pytest.fixture(scope="module")
def sandbox(open_moody: Open) -> Sandbox:
    return open_moody()


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files of sandboxes; it is empty after every test."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture(autouse=True)
def _from_the_cache(sandbox: Sandbox, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first environment has filled uv's cache; only `make soak` has releases that were made with other versions."""
    if request.node.get_closest_marker("soak") is None:
        monkeypatch.setenv("UV_OFFLINE", "1")


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


def expected(xs: list[float | None]) -> np.ndarray:
    scores = 1 / (1 + np.exp(-np.array([np.nan if x is None else x for x in xs])))
    return np.stack([1 - scores, scores], axis=1)


def gone(pid: int) -> bool:
    """Whether a process has ended (or only waits for somebody to ask how)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def written(path: Path) -> bool:
    return path.exists() and path.read_text().endswith("\n")


# What a sound release answers


def test_a_table_is_scored_by_column_name(sandbox: Sandbox):
    table = {"sure": [True, False, True, False], "target": [1, 2, 3, 4], "x": XS, "kind": [2, 1, 1, 2]}
    scored = sandbox.ask([Score("t", table)]).scored["t"]
    np.testing.assert_allclose(scored.scores, expected(XS), rtol=0, atol=1e-15)
    assert scored.scores.shape == (4, 2)
    assert not scored.refused.any()
    assert scored.errors == {}


def test_a_table_may_be_lists_or_checked_columns(sandbox: Sandbox):
    lists = {"what": [None] * 4, "x": XS, "more": ["a", "b", "c", "d"]}
    columns = {
        "x": np.array([-2.0, 0.0, np.nan, 3.5]),
        "what": np.array([None] * 4, dtype=object),
        "kind": np.array([1.0, 2.0, 1.0, 2.0]),
        "sure": np.array([1.0, 0.0, 0.0, 1.0]),
    }
    scored = sandbox.ask([Score("lists", lists), Score("columns", columns)]).scored
    np.testing.assert_array_equal(scored["lists"].scores, scored["columns"].scores)
    assert not scored["columns"].refused.any()


def test_rows_that_the_schema_rejects_are_marked(sandbox: Sandbox):
    table = {"x": ["1", "much", "2", "3"], "kind": ["1", "2", "7", "1"]}
    scored = sandbox.ask([Score("t", table)]).scored["t"]
    assert scored.refused.tolist() == [False, True, True, False]
    assert np.isnan(scored.scores).any(axis=1).tolist() == scored.refused.tolist()
    assert scored.errors == {}


def test_rows_on_which_the_code_fails_are_found_in_a_large_table(sandbox: Sandbox):
    whats = [None] * 3000
    whats[17] = whats[2222] = "raise some text"
    scored = sandbox.ask([Score("t", {"x": [0.0] * 3000, "what": whats})]).scored["t"]
    assert list(scored.errors) == [17, 2222]
    failed = np.isin(np.arange(3000), [17, 2222])
    assert "fails on x=0.0, what='raise some text': KeyError" in scored.errors[17]
    assert np.isnan(scored.scores[failed]).all()
    assert np.isfinite(scored.scores[~failed]).all()
    assert not scored.refused.any()


def test_a_table_without_a_needed_column_is_not_compared(sandbox: Sandbox):
    with pytest.raises(NotComparedError, match="needs a column `x`"):
        sandbox.ask([Score("t", {"kind": [1]})])


def test_rows_are_predicted_together_again_permuted_and_alone(sandbox: Sandbox):
    rows = [row(x) for x in XS]
    predicted = sandbox.ask([Predict("p", rows, order=[2, 0, 3, 1], alone=[3, 0])]).predicted["p"]
    for call in (predicted.together, predicted.again, predicted.permuted):
        np.testing.assert_allclose(call.scores, expected(XS), rtol=0, atol=1e-15)
        assert call.labels == (0, 1, 0, 1)  # NaN reaches no threshold
        assert call.answered == 4
        assert call.errors == {}
    np.testing.assert_allclose(predicted.alone.scores, expected([3.5, -2.0]), rtol=0, atol=1e-15)
    assert predicted.alone.labels == (1, 0)
    assert predicted.changed == ()
    assert sandbox.ask([Predict("p", [])]).predicted["p"].together.scores.shape == (0, 2)
    with pytest.raises(ValueError, match="is not a permutation of the rows"):
        sandbox.ask([Predict("p", rows, order=[0, 0, 1, 2])])


def test_what_a_row_raises_is_reported_as_text(sandbox: Sandbox):
    rows = [row(1.0), row(1.0, "raise oh no"), {"x": "no number"}]
    predicted = sandbox.ask([Predict("p", rows)]).predicted["p"]
    assert list(predicted.alone.errors) == [1, 2]
    assert predicted.alone.errors[1] == "KeyError: 'oh no'"
    assert predicted.alone.errors[2].startswith(
        "SeatrialError: The rows break the schema: 0.x: Input should be a valid number"
    )
    assert np.isnan(predicted.alone.scores).any(axis=1).tolist() == [False, True, True]
    assert len(predicted.together.errors) == 3
    assert predicted.together.answered == 0


def test_invalid_rows_are_rejected_with_location_and_rule(sandbox: Sandbox):
    rows = [row(), {**row(), "kind": 3}, {**row(), "y": 1}, {}, row(1.0, "raise x"), {**row(), "x": float("nan")}]
    row_results = sandbox.ask([Validate("b", rows)]).row_results["b"]
    outcomes = ["accepted", "refused", "refused", "refused", "failed", "refused"]
    assert [each.outcome for each in row_results] == outcomes
    assert row_results[0].error == ""
    assert "0.kind: Input should be 1 or 2" in row_results[1].error
    assert "0.y: " in row_results[2].error
    assert "0.x: " in row_results[3].error
    assert row_results[4].error == "KeyError: 'x'"


def test_a_sandbox_describes_the_installed_release(sandbox: Sandbox):
    answers = sandbox.ask([Describe(), MeasureCost([row(x) for x in XS], repeats=20)])
    described, cost = answers.description, answers.cost
    assert described.version == "0.1.0"
    assert [(c.name, c.kind, c.required) for c in described.columns][:2] == [
        ("x", "number", True),
        ("what", "text", False),
    ]
    assert described.columns[2].categories == (1, 2)
    assert described.metadata.classes == (0, 1)
    assert described.metadata.threshold == 0.5
    assert described.libraries["onnxruntime"] == sandbox.subject.environment["onnxruntime"]
    assert described.libraries["moody-model"] == "0.1.0"
    assert cost.single.shape == (20,)
    assert cost.rows == 4
    assert 0 < cost.single.min() < 0.1
    assert 0 < answers.load_seconds < 10
    assert 20 < answers.memory_mb < 512


def test_two_releases_answer_in_separate_environments(sandbox: Sandbox, open_moody: Open):
    baseline = replace(open_moody(version="0.0.9"), role="baseline")
    assert baseline.environment.root != sandbox.environment.root
    one, other = (each.ask([Describe(), Score("t", {"x": XS})]) for each in (sandbox, baseline))
    np.testing.assert_array_equal(one.scored["t"].scores, other.scored["t"].scores)
    assert (one.description.version, other.description.version) == ("0.1.0", "0.0.9")
    with pytest.raises(NotComparedError, match=r"The candidate, moody-model 0\.1\.0, ended"):
        sandbox.ask([Score("t", {"x": [1.0], "what": ["exit 7"]})])


def test_faults_are_injected_job_by_job_and_removed_again(sandbox: Sandbox):
    shift = InjectedFault(FAULTY, "shift", {"by": 0.25})
    rows = [row(0.0)]
    jobs = [
        Predict("before", rows),
        Predict("shifted", rows, fault=shift),
        Predict("label", rows, fault=InjectedFault(FAULTY, "label", {})),
        Predict("after", rows),
    ]
    predicted = sandbox.ask(jobs).predicted
    assert {name: each.together.scores[0, 1] for name, each in predicted.items()} == {
        "before": 0.5,
        "shifted": 0.75,
        "label": 0.5,
        "after": 0.5,
    }
    assert {name: each.together.labels[0] for name, each in predicted.items()} == {
        "before": 1,
        "shifted": 1,
        "label": 0,
        "after": 1,
    }
    scored = sandbox.ask([Score("t", {"x": [0.0]}, fault=shift)]).scored["t"]
    assert scored.scores[0, 1] == 0.75
    answers = sandbox.ask(
        [Score("drop", {"x": [0.0, 1.0]}, fault=InjectedFault(FAULTY, "drop", {})), Score("t", {"x": [0.0]})]
    )
    assert answers.failures == {"drop": "answered 1 of 2 rows"}
    assert list(answers.scored) == ["t"]
    with pytest.raises(NotComparedError, match="no fault is called unheard"):
        sandbox.ask([Describe(fault=InjectedFault(FAULTY, "unheard", {}))])


# What happens to a misbehaving release


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


# What is not a release


def test_a_wheel_that_is_not_a_release_is_refused(tmp_path: Path):
    wheel = make_wheel(tmp_path, release=None)
    with pytest.raises(NotComparedError, match=r"has no tiny_model/artifacts/release\.json") as error:
        open_sandbox(wheel, POLICY, role="baseline")
    assert error.value.message.startswith(
        "The baseline cannot be run: tiny_model-0.1.0-py3-none-any.whl is not a release"
    )
    assert "seatrial build" in error.value.hint
    with pytest.raises(NotComparedError, match=r"would run every time Python starts|is outside"):
        open_sandbox(make_wheel(tmp_path / "b", more={"evil.pth": b"import os"}), POLICY)
    with pytest.raises(NotComparedError, match="does not exist"):
        open_sandbox(tmp_path / "nothing-1.0-py3-none-any.whl", POLICY)


@pytest.mark.parametrize(
    ("init", "words"),
    [
        ("predict = None", "is not a release: its package moody_model has no `release`"),
        ("import no_such_thing", "cannot be imported: ModuleNotFoundError: No module named 'no_such_thing'"),
        ("import os; os._exit(3)", "ended without an answer (exit code 3)"),
        (
            "class R: pass\nrelease = R()\npredict = print",
            "cannot be loaded: AttributeError: 'R' object has no attribute 'metadata'",
        ),
        ("raise MemoryError", "was killed: out of memory (limit 512 MB)"),
        (f"{INIT}\npredict = release.predict\nrelease.metadata.inputs.numbers += ('z',)", "cannot be imported: "),
    ],
)
def test_a_package_that_is_not_a_release_says_what_is_missing(open_moody: Open, init: str, words: str):
    for _ in range(2):  # once newly installed, once already installed
        with pytest.raises(NotComparedError) as error:
            open_moody(init=init).ask([Describe()])
        assert words in error.value.message


def test_a_damaged_graph_cannot_be_loaded(open_moody: Open):
    with pytest.raises(NotComparedError, match="cannot be loaded: SeatrialError: The compiled graph cannot be loaded"):
        open_moody(model=b"\x08\x0a").ask([Describe()])


@pytest.mark.soak
@pytest.mark.usefixtures("_without_the_kernel")
def test_a_model_from_outside_its_wheel_is_refused(open_moody: Open, tmp_path: Path):
    checkout = tmp_path / "checkout"
    (checkout / "elsewhere").mkdir(parents=True)
    (checkout / "elsewhere" / "__init__.py").write_text("def predict(given):\n    return []\n")
    (checkout / "loose.py").write_text("value = 1\n")
    path = f"import sys; sys.path.insert(0, {str(checkout)!r})\n"
    inits = {
        "elsewhere": f"{path}{INIT}from elsewhere import predict\n",
        "loose": f"{INIT}\ndef predict(given):\n    {path}    import loose\n    return release.predict(given)\n",
        "moody_model.artifacts": f"{INIT}predict = release.predict\nfrom pathlib import Path\nrelease.artifacts = Path({str(checkout)!r})\n",
    }
    for name, init in inits.items():
        with pytest.raises(NotComparedError, match=f"imported {name} from {checkout}.*, not from its wheel in "):
            open_moody(init=init).ask([Predict("p", [row()])])


def test_an_environment_that_was_edited_is_refused(open_moody: Open, toolkit: Path):
    sandbox = open_moody(init=INIT + "predict = release.predict  # its own\n")
    (path,) = sandbox.environment.root.glob("lib/python*/site-packages/moody_model/features.py")
    content = path.read_text()
    path.unlink()  # it may be a link into the installer's cache
    path.write_text(content.replace("return x if", "return 0 if"))
    with pytest.raises(
        NotComparedError, match=r"moody_model/features\.py in the environment .* differs from the wheel"
    ):
        open_sandbox(sandbox.wheel.path, POLICY, toolkit=toolkit, cache=sandbox.environment.root.parent)


def test_pins_are_the_versions_that_determine_predictions():
    made_with = {
        "python": "3.12.1",
        "numpy": "2.1.0",
        "onnxruntime": "1.20.1",
        "pydantic": "2.10",
        "scikit-learn": "1.6.0",
        "seatrial": "0.1.0",
    }
    onnx = ["numpy==2.1.0", "onnxruntime==1.20.1", "pydantic==2.10"]
    assert pins({"engine": "onnx", "environment": made_with}) == onnx
    assert pins({"engine": "native", "environment": made_with}) == [*onnx, "scikit-learn==1.6.0"]
    assert pins({}) == []


def test_unavailable_versions_are_named(open_moody: Open, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("UV_OFFLINE", "1")
    with pytest.raises(
        NotComparedError, match="The candidate cannot be run: The environment cannot be created"
    ) as error:
        open_moody(environment={"numpy": "999.1"})
    assert "numpy==999.1" in error.value.message


# Two releases with different libraries

TREES = """
import sys
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from skops.io import dump
x = np.random.default_rng(0).normal(size=(400, 1))
pipeline = make_pipeline(HistGradientBoostingClassifier(max_iter=10)).fit(x, (np.sin(3 * x[:, 0]) > 0).astype(int))
dump(pipeline, sys.argv[1])
print(pipeline.predict_proba(np.linspace(-2, 2, 9).reshape(-1, 1)).tolist())
"""


def versions(**names: str) -> dict[str, str]:
    return {name.replace("_", "-"): version for name, version in names.items()}


@pytest.mark.soak
def test_two_versions_of_onnxruntime_are_both_asked(open_moody: Open):
    """The graph is of trees in float64: ai.onnx.ml 5, IR version 10."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    from seatrial.compile.converter import compile_pipeline
    from seatrial.model.engines import GraphEngine
    from seatrial.model.inputs import Inputs

    x = np.random.default_rng(0).normal(size=400)
    import pandas as pd

    model = HistGradientBoostingClassifier(max_iter=10).fit(pd.DataFrame({"y": x}), np.sin(3 * x) > 0)
    graph = compile_pipeline(model, Inputs(("y",), ()))
    old = open_moody(
        version="0.1.0", model=graph, environment=versions(numpy="2.3.5", onnxruntime="1.24.4", pydantic="2.12.5")
    )
    new = open_moody(version="0.2.0", model=graph)
    points = np.linspace(-2, 2, 101)
    jobs = [Describe(), Score("t", {"x": points}), Predict("p", [row(float(p)) for p in points[:20]])]
    one, other = new.ask(jobs), old.ask(jobs)
    assert other.description.libraries["onnxruntime"] == "1.24.4"
    assert one.description.libraries["onnxruntime"] != "1.24.4"
    direct = GraphEngine(graph)(points.reshape(-1, 1), np.empty((101, 0), dtype=object))
    for answers in (one, other):
        np.testing.assert_allclose(answers.scored["t"].scores, direct, rtol=0, atol=1e-12)
        np.testing.assert_allclose(answers.predicted["p"].alone.scores, direct[:20], rtol=0, atol=1e-12)


@pytest.mark.soak
def test_a_native_release_runs_on_the_scikit_learn_that_it_was_made_with(open_moody: Open, tmp_path: Path):
    from importlib.metadata import version

    names = ("numpy", "pandas", "onnxruntime", "pydantic", "scikit-learn", "skops")
    old = versions(
        numpy="2.3.5", onnxruntime="1.24.4", pydantic="2.12.5", pandas="2.3.3", scikit_learn="1.7.2", skops="0.13.0"
    )
    home = tmp_path / "old"
    create(home)
    found = resolve(home, [f"{name}=={old[name]}" for name in ("numpy", "scikit-learn", "skops")])
    install(home, list(found.values()))
    points = np.linspace(-2, 2, 9)
    for python, made_with in ((sys.executable, {name: version(name) for name in names}), (python_in(home), old)):
        file = tmp_path / f"{made_with['scikit-learn']}.skops"
        trained = subprocess.run([python, "-c", TREES, file], capture_output=True, text=True, check=True)
        sandbox = open_moody(Policy(timeout=60.0), engine="native", model=file.read_bytes(), environment=made_with)
        answers = sandbox.ask([Describe(), Score("t", {"x": points})])
        libraries = answers.description.libraries
        assert {name: libraries[name] for name in names} == made_with
        np.testing.assert_allclose(answers.scored["t"].scores, json.loads(trained.stdout), rtol=0, atol=1e-15)


def test_the_hint_names_the_environment(sandbox: Sandbox):
    with pytest.raises(SeatrialError) as error:
        sandbox.ask([Predict("p", [row(0.5, "exit 1")])])
    assert str(sandbox.environment.root) in error.value.hint
