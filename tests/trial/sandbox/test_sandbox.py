"""Sandboxes: each release in its own environment, queried there; here what a sound one answers."""

import json
import py_compile
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.projects.misbehaving import FEATURES, row
from tests.trial.sandbox.moody import XS, Open, expected

from seatrial.trial.policy import Policy
from seatrial.trial.records import NotComparedError
from seatrial.trial.sandbox.queries import Describe, InjectedFault, Predict, Score, Validate
from seatrial.trial.sandbox.sandbox import Sandbox
from seatrial.wheels.installer import create, install, python_in, resolve

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("temporary", "_from_the_cache")]

FAULTY = Path(__file__).parents[2] / "projects" / "faulty.py"


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


ASKING = """
def _ask(argument):
    main = getattr(sys.modules["__main__"], "__file__", "")
    seen = repr((sys.argv, sorted(os.environ.items()), os.getcwd(), sys.path, main)).lower()
    tried = "worker" in seen or "trial" in seen.replace("seatrial", "")
    return 99.0 if tried else None
"""


def test_a_model_that_asks_where_it_runs_sees_a_server(open_moody: Open):
    """It must not behave well only where it is tried."""
    asking = open_moody(more={"moody_model/features.py": (FEATURES + ASKING).encode()})
    scored = asking.ask([Score("t", {"x": XS, "what": ["ask"] * 4})]).scored["t"]
    np.testing.assert_allclose(scored.scores, expected(XS), rtol=0, atol=1e-15)


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
    answers = sandbox.ask([Describe()])
    described = answers.description
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


def test_a_compiled_fault_is_no_attempt_to_read_another_file(sandbox: Sandbox, tmp_path: Path):
    """Where Seatrial is installed, its modules are compiled; what is not the candidate's must not count as its own."""
    faulty = tmp_path / "faulty.py"
    shutil.copy(FAULTY, faulty)
    py_compile.compile(str(faulty))
    answers = sandbox.ask([Predict("a", [row(0.0)], fault=InjectedFault(faulty, "shift", {"by": 0.25}))])
    assert answers.predicted["a"].together.scores[0, 1] == 0.75
    assert answers.attempts == ()


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
