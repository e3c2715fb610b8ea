"""Rows of the log as columns of the schema."""

import json
from datetime import date

import numpy as np
import pyarrow as pa
from tests.trial.logged_traffic import COLUMNS, logged_table

from seatrial.model.schema import Column
from seatrial.trial.rows.logged_rows import draw_rows


def test_rows_come_with_answers_labels_and_columns():
    table = logged_table([1.0, None], ["f", None])
    labels = {("0.1.0-0", 0): "yes", ("0.1.0-1", 7): "no", ("other", 0): "no"}
    rows = draw_rows(table.to_batches(), COLUMNS, ("no", "yes"), "0.1.0", limit=100, labels=labels)
    place = rows.requests.index(("0.1.0-0", 0))
    assert rows.columns["x"][place] == 1.0
    assert rows.columns["sex"].tolist()[1 - place] is None
    assert np.isnan(rows.columns["x"][1 - place])
    assert rows.labels[place] == "yes"
    assert rows.labels[1 - place] is None  # another row of the request has one
    assert rows.scores[place].tolist() == [table["probability_no"][0].as_py(), table["probability_yes"][0].as_py()]
    assert rows.by_version == {"0.1.0": 2}


def test_what_a_column_of_the_log_cannot_hold_is_put_back():
    more = {
        "input_day": pa.array([date(2026, 1, 2), None], pa.date32()),
        "input_level": pa.array(["2", '"x"'], pa.string()),
        "other_values": [json.dumps({"x": 2**70, "day": "2026-01-03T00:00:00+01:00"}), None],
    }
    table = logged_table([None, 1.0], ["f", "m"], **more)
    columns = (*COLUMNS, Column("day", "other", True, True), Column("level", "category", True, True, categories=(1, 2)))
    rows = draw_rows(table.to_batches(), columns, ("no", "yes"), "0.1.0", limit=100, labels={})
    place = rows.requests.index(("0.1.0-0", 0))
    assert rows.columns["x"][place] == 2.0**70
    assert rows.columns["day"].tolist()[place] == "2026-01-03T00:00:00+01:00"
    assert rows.columns["level"][place] == 2.0
    assert np.isnan(rows.columns["level"][1 - place])  # no category of numbers, which the schema refuses


def test_a_column_that_the_log_lacks_has_its_default_and_a_class_no_score():
    columns = (*COLUMNS, Column("deck", "text", True, False, "none"))
    table = logged_table([1.0], ["f"])
    rows = draw_rows(table.to_batches(), columns, ("no", "yes", "perhaps"), "0.1.0", limit=100, labels={})
    assert rows.columns["deck"].tolist() == ["none"]
    assert np.isnan(rows.scores[0, 2])


def test_a_label_is_that_of_the_newest_row_of_a_request_that_was_sent_again():
    later = logged_table([8.0, 5.0], ["f", "f"]).slice(1)  # a minute later
    later = later.set_column(later.column_names.index("request_id"), "request_id", pa.array(["0.1.0-0"]))
    table = pa.concat_tables([logged_table([1.0], ["f"]), later])
    rows = draw_rows(table.to_batches(), COLUMNS, ("no", "yes"), "0.1.0", limit=9, labels={("0.1.0-0", 0): "yes"})
    assert dict(zip(rows.columns["x"].tolist(), rows.labels, strict=True)) == {1.0: None, 5.0: "yes"}


def test_rows_of_versions_before_a_column_have_its_default_and_that_is_said():
    deck = Column("deck", "text", False, False, "none")
    table = pa.concat_tables(
        [
            logged_table([1.0, 2.0], ["f", "m"], "0.0.9", input_deck=pa.nulls(2, pa.string())),
            logged_table([3.0], ["f"], input_deck=["A"]),
        ]
    )
    rows = draw_rows(table.to_batches(), (*COLUMNS, deck), ("no", "yes"), "0.1.0", limit=100, labels={})
    assert sorted(zip(rows.versions, rows.columns["deck"], strict=True)) == [*[("0.0.9", "none")] * 2, ("0.1.0", "A")]
    assert rows.notes == ["`deck` is in no row of 0.0.9, and has its default there"]


def test_a_null_that_the_baseline_was_asked_stays_null():
    deck = Column("deck", "text", True, False, "none")
    table = logged_table([3.0], ["f"], input_deck=pa.nulls(1, pa.string()))
    rows = draw_rows(table.to_batches(), (*COLUMNS, deck), ("no", "yes"), "0.1.0", limit=100, labels={})
    assert (rows.columns["deck"].tolist(), rows.notes) == ([None], [])


def test_rows_that_were_logged_while_a_column_was_hashed_are_not_asked():
    table = pa.concat_tables([logged_table([1.0], ["0123456789abcdef" * 2]), logged_table([2.0, None], ["f", None])])
    rows = draw_rows(table.to_batches(), COLUMNS, ("no", "yes"), "0.1.0", limit=100, labels={})
    assert sorted(rows.columns["sex"].tolist(), key=str) == [None, "f"]
    assert rows.notes == ["1 rows were logged while `sex` was hashed, and are left out"]
    none = draw_rows(table[:1].to_batches(), COLUMNS, ("no", "yes"), "0.1.0", limit=100, labels={})
    assert none.missing == "1 rows were logged while `sex` was hashed, so none can be asked again"


def test_regressions_are_drawn_by_bands_of_their_answers():
    values = np.linspace(0, 100, 200)
    table = logged_table(values.tolist(), ["f"] * 200).drop_columns(["prediction", "probability_no", "probability_yes"])
    table = table.append_column("prediction", pa.array(values))
    rows = draw_rows(table.to_batches(), COLUMNS, (), "0.1.0", limit=100, labels={})
    assert rows.scores.shape == (rows.size,)
    assert np.histogram(rows.scores, bins=8, range=(0, 100))[0].min() >= 6


def test_without_batches_there_are_no_rows():
    assert draw_rows([], COLUMNS, ("no", "yes"), "0.1.0", limit=100, labels={}).size == 0
