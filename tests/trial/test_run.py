"""Whole trials of small releases: what passes, what blocks, and every setup in which the comparison would be vacuous."""

import json
from datetime import date
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from tests.projects.misbehaving import INIT, SCHEMA
from tests.projects.tiny import make_wheel
from tests.soak import SOAK
from tests.trial import samples
from tests.trial.logged_traffic import logged_rows
from tests.trial.sigmoid_releases import IMPUTED, NOTED, ROWS, SHIFT, ReleaseMaker, golden, reference, scores

from seatrial.core.errors import SeatrialError
from seatrial.steps.trial import write_result
from seatrial.trial import gate
from seatrial.trial import run as trial_run
from seatrial.trial.compare.queries import Scorer
from seatrial.trial.compare.row_matching import Table
from seatrial.trial.policy import Policy, read_policy
from seatrial.trial.recipes import Recipes, Training
from seatrial.trial.records import NotComparedError, Outcome, PolicyError, Verdict
from seatrial.trial.report.page import to_html
from seatrial.trial.report.reading import QUESTIONS, suite_states
from seatrial.trial.report.sections import flips, sections
from seatrial.trial.rows.logged_rows import LoggedRows
from seatrial.trial.rows.reference import LabelledRows
from seatrial.trial.run import run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> ReleaseMaker:
    return ReleaseMaker(tmp_path_factory.mktemp("releases"))


def intervals(least: float) -> dict[str, Any]:
    """The facts of a release whose sets of 90 % have the classes from this probability upwards."""
    return {"intervals": {"rows": ROWS, "levels": {"0.9": {"least": least}}, "refused": {}}}


@pytest.fixture(scope="module")
def passed(releases: ReleaseMaker) -> Verdict:
    return releases.run(releases.make("0.1.1", facts=intervals(0.38)))


@pytest.fixture(autouse=True)
def _from_the_cache(passed: Verdict, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first environment has filled uv's cache: from then on, the index need not answer for each of the others."""
    monkeypatch.setenv("UV_OFFLINE", "1")


@pytest.fixture(autouse=True)
def _without_more_processes(passed: Verdict, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out behaviour and cost, whose processes take half the time; the fixtures and `make soak` run all suites."""
    if not SOAK:
        monkeypatch.setattr(trial_run, "BehaviourTrial", mock.Mock(return_value=mock.Mock(checks=lambda *_: [])))
        monkeypatch.setattr(trial_run, "check_cost", lambda *_: [])


def open_checks(verdict: Verdict) -> dict[str, str]:
    bad = (Outcome.blocked, Outcome.waiting, Outcome.inconclusive)
    return {check.id: check.summary for check in verdict.checks if check.outcome in bad}


def test_the_same_model_again_passes(passed: Verdict) -> None:
    assert open_checks(passed) == {}
    assert passed.outcome is Outcome.passed
    assert passed.exit_code == 0
    assert passed.rows["reference"] >= ROWS
    assert passed.recommended_version == "0.1.1"
    assert "metrics.coverage" in {check.name for check in passed.checks}
    assert {check.suite for check in passed.checks} == {
        "golden", "invariants", "contract", "reproduce", "rebuild", "total", "data", "behaviour", "settings", "cost",
    }  # fmt: skip


@pytest.fixture(scope="module")
def narrower(releases: ReleaseMaker) -> Verdict:
    """The verdict over a candidate that no longer accepts a missing value."""
    return releases.run(releases.make("0.1.1", code={"schema.py": SCHEMA.replace("x: float | None", "x: float")}))


CARRIES_NOTHING: dict[str, Any] = {"facts": {"carries": {"reference": "none"}}, "files": {"reference.csv": None}}


def test_a_candidate_that_carries_no_rows_is_compared_on_the_baselines(releases: ReleaseMaker) -> None:
    verdict = releases.run(releases.make("0.1.1", **CARRIES_NOTHING))
    assert open_checks(verdict) == {}
    assert verdict.rows["reference"] >= ROWS
    assert verdict.worst_rows == ()  # its rows are not to be shown


@pytest.mark.parametrize("policy", [pytest.param(NOTED, marks=pytest.mark.soak), Policy()])
def test_it_is_said_where_the_rows_of_the_baseline_are_missing(policy: Policy, releases: ReleaseMaker) -> None:
    verdict = releases.run(releases.make("0.1.1"), releases.make("0.1.0", **CARRIES_NOTHING), policy=policy)
    (check,) = [check for check in verdict.checks if check.name == "total.reference"]
    assert check.outcome is (Outcome.noted if policy is NOTED else Outcome.inconclusive)
    assert "The baseline's wheel carries no rows, and its table is not available." in check.summary
    assert "wrong labels" in check.summary


def training(scale: float) -> Training:
    """The recipe behind `make`: its score is a sigmoid, and a refit moves it a little, as another sample would."""
    generator = np.random.default_rng(2)
    xs = generator.normal(size=1000)
    columns = {
        "x": xs,
        "what": np.full(1000, None, dtype=object),
        "kind": np.ones(1000),
        "sure": np.zeros(1000),
    }
    target = (xs > 0).astype(np.int64)

    def scorer(factor: float) -> Scorer:
        return lambda rows: np.array(scores(np.where(np.isnan(rows["x"]), 0.0, rows["x"]), factor, SHIFT))

    def refit(positions: Any) -> Scorer:
        return scorer(scale * (1 + 0.02 * np.random.default_rng(len(positions)).normal()))

    held_out = LabelledRows({name: values[:300] for name, values in columns.items()}, target[:300])
    return Training(scorer(scale), refit, Table(columns, target, "y"), np.arange(1000), held_out)


@pytest.fixture(scope="module")
def retrained(releases: ReleaseMaker) -> Verdict:
    """The verdict over a candidate that uses its column more, with both recipes: every suite is run."""
    recipes = Recipes(training(1.6), training(1.0), training(1.0).score)
    code = {"features.py": IMPUTED}
    candidate = releases.make("0.1.1", scale=1.6, shift=SHIFT, code=code)
    baseline = releases.make("0.1.0", shift=SHIFT, code=code)
    return releases.run(candidate, baseline, policy=Policy(timeout=30), recipes=recipes)


def test_what_production_was_asked_is_replayed(releases: ReleaseMaker) -> None:
    """A candidate that uses its column more turns decisions; one logged answer is not the baseline's."""
    xs = np.random.default_rng(3).normal(size=400)
    logged = np.array(scores(xs, 1.0, SHIFT))
    logged[7] = logged[7, ::-1]

    def draw(columns: Any, classes: Any, version: str) -> LoggedRows:
        assert [column.name for column in columns] == ["x", "what", "kind", "sure"]
        none = np.full(len(xs), None, dtype=object)
        rows = {"x": xs, "what": none, "kind": np.ones(len(xs)), "sure": np.zeros(len(xs))}
        answers = [classes[int(yes >= 0.5)] for yes in logged[:, 1]]
        versions = np.array([version] * len(xs), dtype=object)
        return logged_rows(xs, columns=rows, scores=logged, answers=answers, versions=versions)

    recipes = Recipes(training(1.0), training(1.0), training(1.0).score)
    code = {"features.py": IMPUTED}
    shifted = releases.make("0.1.1", shift=SHIFT + 1.0, code=code)
    baseline = releases.make("0.1.0", shift=SHIFT, code=code)
    verdict = releases.run(shifted, baseline, policy=Policy(timeout=30), recipes=recipes, traffic=draw)
    found = {check.name: check for check in verdict.checks if check.suite == "traffic"}
    assert verdict.rows["traffic"] == 400
    assert found["traffic.flips"].outcome is Outcome.blocked
    assert found["traffic.logged"].evidence["requests"][0]["request_id"] == "r7"
    assert found["traffic.logged"].outcome is Outcome.waiting
    assert "Answers to logged requests" in to_html(verdict)
    assert "traffic" in {state.suite for state in suite_states(verdict)}


@pytest.mark.soak
def test_without_a_baseline_it_is_said_that_nothing_is_replayed(releases: ReleaseMaker) -> None:
    verdict = run(releases.baseline, None, policy=NOTED, index=releases.index, traffic=mock.Mock())
    (check,) = [check for check in verdict.checks if check.suite == "traffic"]
    assert (check.outcome, check.name) == (Outcome.noted, "traffic.rows")


def test_every_suite_runs_with_both_recipes(retrained: Verdict) -> None:
    assert {check.suite for check in retrained.checks} == set(QUESTIONS) - {"gate", "traffic"}
    assert retrained.outcome is Outcome.blocked, retrained.cause
    exact = {c.id: c.outcome for c in retrained.checks if c.suite in ("golden", "reproduce", "rebuild")}
    assert set(exact.values()) == {Outcome.passed}, exact


def test_every_chart_of_the_page_is_fed_by_a_real_trial(retrained: Verdict) -> None:
    titles = [figure.title for section in sections(retrained) for figure in section.figures]
    assert titles == [
        "Changes relative to noise", "How far the predictions moved", "Better or worse", "Groups of rows",
        "Use of each column", "The data, before and now", "Size and time",
    ]  # fmt: skip
    assert flips(retrained) is not None
    pictures = retrained.pictures
    assert pictures["change"]["noise"] is not None
    assert all(pair["high"] is not None and pair["rows"] for pair in pictures["slices"])
    (x,) = [pair for pair in pictures["sensitivity"] if pair["name"] == "x"]
    assert x["new"] > x["high"] > x["old"] > x["low"]  # it is used more than retraining explains
    assert {pair["name"] for pair in pictures["shares"]} == {"y = 0", "y = 1"}  # nothing is missing in either table
    assert any("x" in row["drivers"] for row in retrained.worst_rows)
    page = to_html(retrained)
    assert all(title in page for title in (*titles, "Predicted labels, before and now", 'class="driver"'))


def test_the_samples_of_the_renderings_hold_only_what_a_trial_writes(retrained: Verdict) -> None:
    sample = samples.passed()
    assert set(sample.pictures) == set(retrained.pictures)
    for key, value in sample.pictures.items():
        real = retrained.pictures[key]
        assert type(value) is type(real), key
        first, second = (each[0] if isinstance(each, list) else each for each in (value, real))
        if isinstance(first, dict):
            assert {k for k, v in first.items() if v is not None} <= {k for k, v in second.items() if v is not None}
    assert set(sample.worst_rows[0]) == set(retrained.worst_rows[0])


def test_a_suite_that_cannot_run_is_inconclusive_and_not_a_pass(releases: ReleaseMaker) -> None:
    verdict = releases.run(releases.make("0.1.1"), policy=Policy())
    assert verdict.outcome is Outcome.inconclusive
    assert verdict.exit_code == 3
    assert {"reproduce.candidate", "reproduce.baseline", "rebuild.scores", "total.noise"} <= set(open_checks(verdict))


def test_a_wheel_that_does_not_predict_what_training_stored_is_blocked(releases: ReleaseMaker) -> None:
    verdict = releases.run(releases.make(scale=1.001, files={"golden.json": json.dumps(golden())}))
    assert verdict.outcome is Outcome.blocked
    assert verdict.cause.startswith("Blocked: the installed candidate differs from what training stored")


def test_labels_that_contradict_the_scores_are_blocked(releases: ReleaseMaker) -> None:
    moved = INIT + (
        "def predict(given):\n    answers = release.predict(given)\n"
        "    return [{**a, 'prediction': int(a['probabilities']['1'] >= 0.8)} for a in answers]\n"
    )
    verdict = releases.run(releases.make(init=moved))
    assert "golden.labels" in open_checks(verdict)
    assert "its threshold is not 0.5" in verdict.cause


def test_a_worse_model_is_blocked_by_its_metrics(releases: ReleaseMaker) -> None:
    verdict = releases.run(releases.make(scale=-1.0))
    assert verdict.exit_code == 1
    assert "metrics.worse[roc_auc]" in open_checks(verdict)
    assert verdict.worst_rows[0]["old"] != verdict.worst_rows[0]["new"]


@pytest.mark.parametrize(
    ("predict", "check"),
    [
        pytest.param("drops", "golden.scores", marks=pytest.mark.soak),
        pytest.param("shuffles", "invariants.inputs", marks=pytest.mark.soak),
        ("batch", "golden.scores"),
    ],
)
def test_a_package_with_a_faulty_predict_is_blocked(releases: ReleaseMaker, predict: str, check: str) -> None:
    rows = golden()
    rows["rows"][3]["x"] = None
    rows["rows"] += [{**row, "kind": 2} for row in rows["rows"]]
    verdict = releases.run(
        releases.make(predict=predict, files={"golden.json": json.dumps({**rows, "scores": rows["scores"] * 2})})
    )
    assert verdict.exit_code == 1
    assert any(id_.startswith(check) for id_ in open_checks(verdict)), open_checks(verdict)


def test_a_random_model_is_blocked(releases: ReleaseMaker) -> None:
    verdict = releases.run(releases.make(files={"golden.json": json.dumps(golden(what="random"))}))
    assert "invariants.again" in open_checks(verdict)


def test_a_narrower_schema_waits_for_acceptance(narrower: Verdict) -> None:
    assert narrower.outcome is Outcome.waiting
    assert narrower.exit_code == 3
    assert "contract.break[x]" in open_checks(narrower)
    assert narrower.recommended_version == "0.2.0"


def test_a_version_that_is_not_above_the_baselines_is_blocked(releases: ReleaseMaker) -> None:
    verdict = releases.run(releases.make("0.0.9"))
    assert list(open_checks(verdict)) == ["contract.version"]


def test_another_target_is_inconclusive(releases: ReleaseMaker) -> None:
    facts = {"classes": ["no", "yes"], "positive": "yes"}
    text = reference().replace(",0\r\n", ",no\r\n").replace(",1\r\n", ",yes\r\n")
    facts["split"] = {"seed": 1, "cuts": {"no": 1.0, "yes": 1.0}}  # type: ignore[assignment]
    verdict = releases.run(releases.make(facts=facts, files={"reference.csv": text}), policy=Policy())
    assert verdict.exit_code == 3
    assert "total.comparable" in open_checks(verdict)


def test_too_few_labels_are_inconclusive(releases: ReleaseMaker) -> None:
    few = releases.make("0.1.5", files={"reference.csv": reference(20)})
    verdict = releases.run(few, releases.make("0.1.4", files={"reference.csv": reference(20)}), policy=Policy())
    assert "metrics.rows" in open_checks(verdict)


CONSTANT = {"scale": 0.0}
ENORMOUS = SCHEMA.replace("x: float | None", "x: float = Field(ge=1000)").replace(
    "from seatrial import Schema", "from pydantic import Field\nfrom seatrial import Schema"
)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (CONSTANT, "The candidate gives the same answer to all"),
        ({"files": {"golden.json": '{"rows": [], "scores": []}'}}, "The candidate has no golden rows"),
        ({"files": {"golden.json": None}}, "has no moody_model/artifacts/golden.json"),
        ({"files": {"reference.csv": None}}, "has no moody_model/artifacts/reference.csv"),
        ({"files": {"reference.csv": reference(target="z")}}, "no column `y`"),
        ({"files": {"reference.csv": "x,what,kind,sure,y\n"}}, "has no rows"),
        pytest.param({"facts": {"split": {}}}, "does not record how its rows were split", marks=pytest.mark.soak),
        pytest.param({"files": {"golden.json": json.dumps(golden(what="exit 0"))}}, "ended without an answer", marks=pytest.mark.soak),
        ({"files": {"golden.json": json.dumps(golden(what="crash"))}}, "crashed"),
        ({"code": {"features.py": "def y(x: float | None) -> float | None:\n    raise OSError('no store')\n"}}, "no store"),
        ({"code": {"features.py": "import nowhere_to_be_found\n"}}, "nowhere_to_be_found"),
        ({"code": {"run.pth": "import os"}}, "would run every time Python starts"),
        ({"facts": {"environment": {"onnxruntime": "0.0.1"}}}, "cannot be created"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)  # fmt: skip
def test_vacuous_comparisons_are_refused(releases: ReleaseMaker, how: dict[str, Any], message: str) -> None:
    with pytest.raises(SeatrialError, match=message) as raised:
        releases.run(releases.make(**how))
    assert raised.value.message.count("\n") < 14


def test_rows_that_one_release_was_trained_on_are_not_compared(releases: ReleaseMaker) -> None:
    seen = {"split": {"seed": 1, "cuts": {"0": 0.0, "1": 0.0}}}
    with pytest.raises(NotComparedError, match="No rows are left to compare"):
        releases.run(releases.make("0.2.0", facts=seen), releases.make("0.1.0", facts=seen))


def test_a_candidate_that_refuses_every_row_is_refused(releases: ReleaseMaker) -> None:
    facts = {"typical": {"x": 2000.0, "what": None, "kind": 1, "sure": False}}
    rows = golden()
    rows["rows"] = [{**row, "x": 1000.0 + row["x"] ** 2} for row in rows["rows"]]
    rows["scores"] = scores([row["x"] for row in rows["rows"]], 1, 0)
    with pytest.raises(SeatrialError, match=r"rejects every row|gives the same answer"):
        releases.run(releases.make(facts=facts, code={"schema.py": ENORMOUS}, files={"golden.json": json.dumps(rows)}))


def test_a_constant_baseline_is_refused(releases: ReleaseMaker) -> None:
    with pytest.raises(NotComparedError, match="The baseline gives the same answer"):
        releases.run(releases.make("0.3.0"), releases.make("0.2.0", **CONSTANT))


def test_a_wheel_is_compared_with_itself_only_on_request(releases: ReleaseMaker) -> None:
    with pytest.raises(NotComparedError, match="are the same wheel"):
        releases.run(releases.baseline)
    verdict = releases.run(releases.baseline, same_wheel=True)
    assert list(open_checks(verdict)) == ["contract.version"]


def test_what_is_not_a_release_is_refused(releases: ReleaseMaker, tmp_path: Path) -> None:
    with pytest.raises(NotComparedError, match="is not a release"):
        releases.run(make_wheel(tmp_path, release=None))
    with pytest.raises(SeatrialError, match="does not exist"):
        releases.run(tmp_path / "none-1.0-py3-none-any.whl")
    (tmp_path / "torn_model-1.0-py3-none-any.whl").write_bytes(b"PK\x03\x04torn")
    with pytest.raises(NotComparedError, match="damaged"):
        releases.run(tmp_path / "torn_model-1.0-py3-none-any.whl")


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "has no rows"), ("x,what,kind,sure,y\n", "has no rows"), ("y\n1\n", "no column `x`"), ("x,y\nabc,1\n", "abc"), ("x,y\n1\n", "line 2")],
)  # fmt: skip
def test_invalid_row_files_are_refused(releases: ReleaseMaker, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "rows.csv").write_text(text)
    with pytest.raises(SeatrialError, match=message):
        releases.run(releases.make("0.1.1"), data=tmp_path / "rows.csv")


@pytest.mark.parametrize("labels", [True, pytest.param(False, marks=pytest.mark.soak)])
def test_rows_from_the_user_are_compared_too(releases: ReleaseMaker, tmp_path: Path, labels: bool) -> None:
    lines = [f"{i / 100},{i % 2}" if labels else f"{i / 100}" for i in range(50)]
    (tmp_path / "given.csv").write_text("\n".join(["x,y" if labels else "x", *lines]))
    verdict = releases.run(releases.make("0.1.1"), data=tmp_path / "given.csv")
    assert verdict.rows["given"] == 50
    assert "metrics.coverage" not in {check.name for check in verdict.checks}  # the release has no intervals
    assert verdict.exit_code == 0


def test_the_first_release_is_checked_on_its_own(releases: ReleaseMaker) -> None:
    verdict = run(releases.make("0.1.0"), None, policy=NOTED, index=releases.index)
    assert verdict.exit_code == 0
    assert "first release" in verdict.cause
    assert {"golden", "invariants", "total"} <= {check.suite for check in verdict.checks}
    doubtful = releases.make("0.1.0", facts={"doubts": {"too_good": "The result is too good to be true."}})
    verdict = run(doubtful, None, policy=NOTED, index=releases.index)
    assert (verdict.outcome, list(open_checks(verdict))) == (Outcome.waiting, ["doubts.too_good"])
    narrow = releases.make("0.1.0", facts=intervals(0.99))
    verdict = run(narrow, None, policy=NOTED, index=releases.index)
    assert (verdict.outcome, list(open_checks(verdict))) == (Outcome.waiting, ["metrics.coverage"])
    useless = releases.make("0.1.0", scale=-3.0)
    verdict = run(useless, None, policy=NOTED, index=releases.index)
    assert list(open_checks(verdict)) == ["metrics.trivial"]
    assert verdict.exit_code == 1


def test_a_policy_with_an_unknown_key_is_a_usage_error() -> None:
    with pytest.raises(PolicyError, match="unknown key `margn`") as raised:
        read_policy({"margn": 1}, "pyproject.toml")
    assert raised.value.exit_code == 2
    assert NotComparedError("x").exit_code == 4


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_a_policy_without_a_limit_is_a_usage_error(value: float) -> None:
    with pytest.raises(PolicyError, match="max_slower"):
        read_policy({"max_slower": value}, "pyproject.toml")


def test_a_real_verdict_opens_the_gate_once_it_has_passed_or_its_differences_are_accepted(
    passed: Verdict, narrower: Verdict, tmp_path: Path
) -> None:
    """tests/trial/test_gate.py has the rest, with made-up verdicts."""
    today, last = date(2027, 3, 1), date(2027, 3, 31)
    for verdict in (passed, narrower):
        assert verdict.baseline
        folder = gate.result_folder(tmp_path, verdict.candidate.sha256, verdict.baseline.sha256)
        write_result(folder, verdict)
    candidate, baseline = passed.candidate.sha256, passed.baseline.sha256 if passed.baseline else None
    assert gate.require_passed(tmp_path, candidate, baseline, today=today).outcome is Outcome.passed
    with pytest.raises(SeatrialError, match="has not passed its trial"):
        gate.require_passed(tmp_path, narrower.candidate.sha256, baseline, today=today)
    given = gate.accept(tmp_path, narrower, checks=[], reason="agreed", by="Ada", today=today, until=last)
    assert given.checks
    assert all(id_.startswith("contract.") for id_ in given.checks)
    who = {"candidate": narrower.candidate.sha256, "baseline": baseline, "today": last}
    marked = gate.with_acceptances(narrower.checks, gate.read_acceptances(tmp_path), **who)
    assert {check.outcome for check in marked} <= {Outcome.accepted, Outcome.passed, Outcome.noted}


@pytest.mark.soak
def test_a_repackaging_may_change_nothing_at_all(releases: ReleaseMaker) -> None:
    strict = Policy(kind="repackage", inconclusive="note", timeout=30)
    assert releases.run(releases.make("0.1.1"), policy=strict).exit_code == 0
    verdict = releases.run(releases.make("0.1.1", scale=1 + 1e-6), policy=strict)
    assert verdict.exit_code == 1
    assert any(id_.startswith("total.scores") for id_ in open_checks(verdict))
    assert releases.run(releases.make("0.1.1", scale=1 + 1e-6)).exit_code == 0  # which a retrain may
