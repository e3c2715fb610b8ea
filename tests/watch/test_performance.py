"""The metrics of a real release, by a watch that reads its log and its labels."""

import json
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from tests.watch.labelled_streams import batch, draw, every, known, labels_of, look
from tests.watch.made_logs import at, day_table

from seatrial.watch import performance
from seatrial.watch.log_watch import LogWatch, Looked
from seatrial.watch.performance import performance_tallies
from seatrial.watch.watch_settings import WatchSettings

ROWS, DAYS = 150, 8


def looked(titanic, reference, label: Callable[[int, object], object]) -> Looked:
    """A look at quiet days whose rows all have a label: that of the held-out row that each is drawn from."""
    days, requests, labels = [], [], []
    for day in range(DAYS):
        table = day_table(titanic, reference.columns, day, ROWS)
        g = np.random.default_rng([16, day])  # as day_table draws
        g.random(ROWS)
        drawn = g.integers(0, reference.rows, ROWS)
        requests += table["request_id"].to_pylist()
        labels += [json.dumps(label(day, value)) for value in reference.labels[drawn].tolist()]
        days.append(table.append_column("version", pa.repeat(pa.scalar(titanic.version), ROWS)))
    known = pa.table({"request_id": requests, "row": pa.array(np.zeros(len(requests), np.int32)), "label": labels})
    watch = LogWatch({titanic.version: reference}, titanic.version, WatchSettings(), at(DAYS), known)
    for table in days:
        for rows in table.combine_chunks().to_batches():
            watch.add(rows)
    return watch.look(at(DAYS))


def test_labels_that_agree_are_noted_and_raise_no_alarm(titanic, reference) -> None:
    found = looked(titanic, reference, lambda _, label: label)
    assert [
        each.id for each in found.findings if each.part in ("estimated", "measured") and each.level == "alarm"
    ] == []
    assert any("agree with what its answers let one expect" in note for note in found.notes)
    estimated, measured = (
        next(each for each in found.series if each.part == part and each.subject == "roc_auc")
        for part in ("estimated", "measured")
    )
    assert len(estimated.points) == len(measured.points) == DAYS
    inside = [e.low <= m.value <= e.high for e, m in zip(estimated.points, measured.points, strict=True)]
    assert sum(inside) >= DAYS - 1


def test_labels_that_turn_are_found_with_their_day(titanic, reference) -> None:
    classes = list(titanic.metadata.classes)
    found = looked(titanic, reference, lambda day, label: label if day < 5 else classes[label == classes[0]])
    names = {each.name for each in found.findings if each.level == "alarm"}
    assert {"measured.relation", "measured.roc_auc"} <= names
    area = next(each for each in found.findings if each.name == "measured.roc_auc")
    assert area.since == at(5)


@pytest.mark.parametrize(("second_serves", "share"), [(True, 0.5), (False, 1.0)])
def test_versions_that_serve_share_what_a_look_may_spend(
    second_serves: bool, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    tallies = performance_tallies({"1": known("binary"), "2": known("binary")}, labels_of({}, every))
    for version, hour in (("1", -1), ("2", -1 if second_serves else -24 * 20)):
        rows = draw("binary", 200, 3)
        tallies.expected.add(batch("binary", rows, 0), version, np.full(200, look(30).end + hour))
    spent = []
    for name in ("measured", "estimated"):
        own = getattr(performance, name)
        monkeypatch.setattr(performance, name, lambda *given, own=own: (spent.append(given[2].alpha), own(*given))[1])
    performance.performance(tallies, look(30, alpha=1e-4))
    assert spent == pytest.approx([0.5e-4 * share, 0.4e-4 * share])
