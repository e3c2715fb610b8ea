"""What answers alone let one expect: near what labels say while the relation holds, and an alarm when it gets worse."""

import numpy as np
import pytest
from tests.watch.labelled_streams import counted, draw, every, known, look, nobody

from seatrial.watch.expectation import expectation
from seatrial.watch.metric_windows import WIDTH
from seatrial.watch.performance import performance
from seatrial.watch.score_cells import score_cells

TASKS = ("binary", "multiclass", "regression")


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("shift", [0.0, 0.8])
def test_intervals_have_what_labels_say_later(task: str, shift: float) -> None:
    inside = []
    for seed in range(6):
        rows = known(task, seed=100 + seed)
        cells = score_cells(rows)
        found = expectation(cells, cells.counts(rows.scores, rows.truth))
        for window in range(4):
            drawn = draw(task, 500, 1000 + 10 * seed + window, shift)
            table = cells.counts(drawn.scores, drawn.truth)
            for measure in cells.measures:
                value, spread = found.estimate(measure, table.sum(axis=1), 60)
                inside.append(abs(cells.measured(measure, table[None])[0] - value) < WIDTH * spread)
    assert np.mean(inside) > 0.88


@pytest.mark.parametrize("task", TASKS)
def test_cells_give_the_metrics_of_the_rows(task: str) -> None:
    rows = known(task)
    cells = score_cells(rows)
    table = cells.counts(rows.scores, rows.truth)
    assert table.sum() == rows.rows
    if task == "regression":
        errors = np.abs(rows.truth - rows.scores)
        exact = [np.sqrt((errors**2).mean()), errors.mean()]
    else:
        right = rows.rule.decide(rows.scores) == rows.truth
        exact = [right.mean()]
    named = {measure.name: cells.measured(measure, table[None])[0] for measure in cells.measures}
    found = [named["rmse"], named["mae"]] if task == "regression" else [named["accuracy"]]
    assert found == pytest.approx(exact, rel=0.02)


def test_a_class_that_never_occurs_among_held_out_rows_is_no_certainty() -> None:
    rows = known("binary")
    cells = score_cells(rows)
    none = np.zeros((1, cells.size, 2), dtype=np.int64)
    shares = cells.shares(none)  # without rows, they are what the model says
    assert shares[0] == pytest.approx(cells.scores, abs=1e-3)


def test_a_quiet_stream_does_not_alarm() -> None:
    tallies = counted("binary", {day: draw("binary", 300, day) for day in range(30)}, nobody)
    findings, series, notes = performance(tallies, look(30))
    assert findings == []
    assert {each.subject for each in series} == {"roc_auc", "accuracy", "balanced_accuracy", "log_loss", "brier"}
    assert all(len(each.points) == 30 for each in series)
    assert any("None of the 9,000 rows of 1 has a label" in note for note in notes)


def test_answers_that_become_less_certain_alarm_without_labels() -> None:
    days = {day: draw("multiclass", 400, day, shift=0.9 if day < 20 else -0.6) for day in range(30)}
    findings, _, _ = performance(counted("multiclass", days, nobody, _moved()), look(30))
    (accuracy,) = [each for each in findings if each.name == "estimated.accuracy"]
    assert accuracy.level == "alarm"
    assert (accuracy.new or 1) < (accuracy.old or 0) - 0.02
    assert accuracy.since
    assert accuracy.since.day in range(24, 27)
    assert "By the answers alone, the accuracy to expect is" in accuracy.summary


def _moved() -> object:
    from seatrial.watch.score_cells import KnownRows

    drawn = draw("multiclass", 4000, 77, shift=0.9)
    rows = known("multiclass")
    return KnownRows(rows.rule, drawn.scores, drawn.truth, {"x": drawn.x, "sex": drawn.sex.astype(object)})


def test_labels_that_contradict_an_estimate_say_that_it_cannot_be_known() -> None:
    days = {day: draw("binary", 400, day, shift=0.0 if day < 20 else -1.2, relation=1.0 if day < 20 else 0.1)
            for day in range(30)}  # fmt: skip
    findings, _, notes = performance(counted("binary", days, every), look(30))
    relation = [each for each in findings if each.name == "measured.relation"]
    assert [each.level for each in relation[:1]] == ["alarm"]
    assert all(each.level == "unknown" for each in findings if each.part == "estimated")
    assert any("The estimates of 1 cannot be believed" in note for note in notes)


def test_rows_with_values_that_training_had_not_are_said() -> None:
    import pyarrow as pa
    from tests.watch.labelled_streams import BEGIN, batch

    from seatrial.watch.tallies import slot_of

    tallies = counted("binary", {day: draw("binary", 300, day) for day in range(9)}, nobody)
    drawn = draw("binary", 300, 9)
    odd = batch("binary", drawn, 9)
    odd = odd.set_column(odd.schema.get_field_index("unseen"), "unseen", pa.array(["x"] * 300))
    tallies.expected.add(odd, "1", np.full(300, slot_of(BEGIN) + 24 * 9))
    _, _, notes = performance(tallies, look(10))
    assert any("100% of the newest rows have values that the training rows had not" in note for note in notes)
