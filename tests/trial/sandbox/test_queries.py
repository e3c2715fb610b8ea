"""Tables that are sent to a sandbox: each value as its column's type reads it."""

import csv
from pathlib import Path

import numpy as np

from seatrial.trial.sandbox.queries import Score, write_request


def test_repeated_numbers_are_written_as_each_of_them_is(tmp_path: Path) -> None:
    numbers = np.array([0.1, np.nan, -0.0, 3.0, 1e22, 0.1 + 0.2, -2.5e-300, 2.0**53, np.nan] * 3)
    texts = np.array(["a", None, "b, c"] * 9, dtype=object)
    (sent,) = write_request(tmp_path, [Score("rows", {"x": numbers, "t": texts, "k": [1, None, 2.0] * 9})])
    with (tmp_path / sent["table"]).open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["x", "t", "k"]
    written = ["0.1", "", "0", "3", "1e+22", "0.30000000000000004", "-2.5e-300", "9007199254740992.0", ""]
    assert [row[0] for row in rows] == written * 3
    assert [row[1] for row in rows] == ["a", "", "b, c"] * 9
    assert [row[2] for row in rows] == ["1", "", "2"] * 9
