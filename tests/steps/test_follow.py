"""Following a candidate by the log: each row and each label counts once, whatever was killed, repeated or late."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.prediction_log.made_up_log import write
from tests.trial.logged_traffic import COLUMNS, START, logged_table, sigmoid

from seatrial.core.errors import SeatrialError
from seatrial.prediction_log.log_settings import LogSettings
from seatrial.prediction_log.reading import PredictionLog
from seatrial.steps.follow import _Follower, _limits
from seatrial.steps.follow_state import FollowState, read_state
from seatrial.trial.policy import Policy
from seatrial.trial.records import NotComparedError
from seatrial.trial.shadow import ShadowLimits, ShadowState

LIMITS = ShadowLimits(0.05, 0.01, 0.01, "a test")
FACTS = SimpleNamespace(task="binary", classes=("no", "yes"), positive="yes", threshold=0.5)


class Candidate:
    """A sandbox whose release answers by `sigmoid` with a shift, and fails where it is told to."""

    def __init__(self, shift: float = 0.0) -> None:
        self.wheel = SimpleNamespace(name="tiny-model", version="0.2.0")
        self.shift, self.asked, self.fails = shift, 0, False

    def ask(self, jobs: Any) -> Any:
        if self.fails:
            raise NotComparedError("The candidate crashed.")
        (job,) = jobs
        xs = np.asarray(job.table["x"], dtype=float)
        self.asked += len(xs)
        return SimpleNamespace(scored={"traffic": SimpleNamespace(scores=sigmoid(xs, 1.0, self.shift))})


def follower(root: Path, candidate: Candidate, **settings: Any) -> _Follower:
    log = PredictionLog(LogSettings(to=str(root), **settings), "tiny-model")
    described: Any = SimpleNamespace(columns=COLUMNS, metadata=FACTS)
    sandbox: Any = candidate
    path = root / "state.npz"
    return _Follower("tiny-model", log, log.store, path, sandbox, described, "0.1.0", LIMITS, lambda _: None)  # type: ignore[arg-type]


def add(root: Path, xs: Any, version: str = "0.1.0") -> None:
    table = logged_table(list(xs), ["f"] * len(xs), version)
    write(root, table.drop_columns(["version"]), version)


def label(root: Path, labels: dict[str, str]) -> None:
    rows = [{"request_id": each, "row": 0, "label": f'"{text}"', "source": "t"} for each, text in labels.items()]
    schema = [("time", pa.timestamp("us", "UTC")), ("request_id", pa.string()), ("row", pa.int32())]
    schema += [("label", pa.string()), ("source", pa.string())]
    stamped = [{**row, "time": 10**15 + place} for place, row in enumerate(rows)]
    PredictionLog(LogSettings(to=str(root)), "tiny-model").store.add_labels(
        pa.Table.from_pylist(stamped, pa.schema(schema))
    )


def judged(family: str, turned: float | None) -> Any:
    evidence = {"turned_by_replicas": turned}
    total = SimpleNamespace(name=f"total.{family}", evidence={"turned_by_replicas": 0.9}, limit=0.5)
    return SimpleNamespace(checks=[total, SimpleNamespace(name=f"traffic.{family}", evidence=evidence, limit=0.5)])


@pytest.mark.parametrize(
    ("verdict", "classifies", "change", "most"),
    [
        (judged("flips", 0.04), True, 0.04, 0.04),
        (judged("flips", 0.3), True, 0.1, 0.3),  # a third of all decisions is not harmless
        (judged("flips", 0.0), True, 0.01, 0.01),
        (judged("changes", 0.06), False, 0.06, 0.06),
        (judged("changes", 0.06), True, 0.02, 0.1),
        (None, True, 0.02, 0.1),
    ],
)
def test_harmless_is_what_replicas_turn_and_a_person_accepts(
    verdict: Any, classifies: bool, change: float, most: float
) -> None:
    limits = _limits(verdict, Policy(), classifies=classifies)
    assert (limits.change, limits.most) == (change, most)


def test_what_comes_later_is_counted_once(tmp_path: Path) -> None:
    add(tmp_path, [1.0, 2.0, 1.0])
    add(tmp_path, [5.0, 6.0], "0.0.9")  # another version was asked that
    candidate = Candidate()
    one = follower(tmp_path, candidate)
    state = one.look(FollowState())
    assert (state.counts.rows, state.logged, candidate.asked) == (2, 3, 2)
    assert one.look(state) == state
    add(tmp_path, [2.0, 3.0])
    again = read_state(tmp_path / "state.npz")
    assert again is not None
    later = follower(tmp_path, candidate).look(again)
    assert (later.counts.rows, later.logged, candidate.asked) == (3, 5, 3)
    assert one.result(later).decision.state is ShadowState.undecided


@pytest.mark.parametrize(("shift", "state"), [(0.0, ShadowState.promote), (2.0, ShadowState.take_back)])
def test_enough_rows_decide(tmp_path: Path, shift: float, state: ShadowState) -> None:
    add(tmp_path, np.random.default_rng(0).normal(size=800))
    one = follower(tmp_path, Candidate(shift))
    found = one.result(one.look(FollowState()))
    assert found.decision.state is state
    assert found.exit_code == (0 if state is ShadowState.promote else 1)
    assert found.rows == 800


def test_labels_count_once_when_they_come(tmp_path: Path) -> None:
    xs = np.random.default_rng(0).normal(size=400)
    add(tmp_path, xs)
    one = follower(tmp_path, Candidate(2.0))
    state = one.look(FollowState())
    label(tmp_path, {f"0.1.0-{k}": "yes" for k in range(300)} | {"unknown": "yes"})
    state = one.look(state)
    assert state.counts.labelled == 300
    assert one.look(state).counts.labelled == 300
    assert state.counts.loss < -0.3
    assert one.result(state).decision.state is ShadowState.promote  # decisions turn, and for the better


def test_labels_of_rows_before_the_comparison_do_not_count(tmp_path: Path) -> None:
    add(tmp_path, [1.0, 2.0, 3.0])
    label(tmp_path, {"0.1.0-0": "yes", "0.1.0-2": "no"})
    since = (START + timedelta(minutes=1)).isoformat()
    state = follower(tmp_path, Candidate()).look(FollowState(since=since))
    assert (state.counts.rows, state.counts.labelled) == (2, 1)


def test_each_label_counts_once_although_rows_are_alike_and_requests_are_sent_again(tmp_path: Path) -> None:
    add(tmp_path, [1.0] * 20)
    add(tmp_path, [2.0, 3.0])  # the same request again, with other values
    label(tmp_path, {f"0.1.0-{k}": "yes" if k % 2 else "no" for k in range(20)})
    state = follower(tmp_path, Candidate()).look(FollowState())
    assert (state.counts.rows, state.counts.labelled, state.logged) == (3, 20, 22)


def test_a_candidate_that_crashes_is_taken_back_and_its_rows_are_asked_again(tmp_path: Path) -> None:
    add(tmp_path, [1.0, 2.0])
    candidate = Candidate()
    one = follower(tmp_path, candidate)
    candidate.fails = True
    state = one.look(FollowState())
    found = one.result(state)
    assert (found.exit_code, found.rows) == (1, 0)
    assert "crashed" in found.decision.why
    candidate.fails = False
    assert one.look(replace(state, crashed="")).counts.rows == 2


def test_hashed_columns_cannot_be_asked_again(tmp_path: Path) -> None:
    add(tmp_path, [1.0])
    with pytest.raises(SeatrialError, match="only a hash of `sex`"):
        follower(tmp_path, Candidate(), hashed=["sex"]).look(FollowState())
