"""Named blocks: one table, and back again by name."""

import numpy as np

from seatrial.trial.compare.queries import MOST_CELLS, MOST_SHUFFLED, Blocks, make_queries, spread
from seatrial.trial.compare.scoring import Scoring

ROWS = {"x": np.array([1.0, 2.0, 3.0]), "s": np.array(["a", "b", None], dtype=object)}
PROBES = {"x": np.array([9.0]), "s": np.array(["p"], dtype=object)}
BLOCKS = Blocks({"rows": ROWS, "probes": PROBES})


def test_the_table_has_the_blocks_in_their_order() -> None:
    assert BLOCKS.table["x"].tolist() == [1.0, 2.0, 3.0, 9.0]
    assert BLOCKS.table["s"].tolist() == ["a", "b", None, "p"]


def test_entries_are_picked_by_the_names_of_blocks_in_any_order() -> None:
    scores = np.arange(8).reshape(4, 2)
    assert BLOCKS.pick(scores, "probes").tolist() == [[6, 7]]
    assert BLOCKS.pick(scores, "probes", "rows").tolist() == [[6, 7], [0, 1], [2, 3], [4, 5]]


def test_an_appended_block_leaves_the_others_where_they_were() -> None:
    longer = BLOCKS.extended("crossed", {"x": np.array([5.0, 6.0]), "s": np.array(["c", "d"], dtype=object)})
    assert longer.pick(longer.table["x"], "rows", "crossed").tolist() == [1.0, 2.0, 3.0, 5.0, 6.0]
    assert longer.rows("probes", "crossed")["s"].tolist() == ["p", "c", "d"]


def test_a_block_without_rows_is_empty() -> None:
    longer = BLOCKS.extended("crossed", {})
    assert longer.pick(longer.table["x"], "crossed").shape == (0,)
    assert len(longer.table["x"]) == 4


def test_wide_tables_have_bounded_queries() -> None:
    def queries(width: int):
        rows = {f"c{number}": np.arange(1000.0) for number in range(width)}
        return make_queries(Scoring("binary", (0, 1)), rows, None)

    assert (len(queries(20).part), len(queries(20).columns)) == (MOST_SHUFFLED, 20)
    for width in (300, 2_000):
        made = queries(width)
        assert 20 <= len(made.part) < MOST_SHUFFLED
        assert len(made.part) * len(made.columns) * width <= MOST_CELLS
    assert len(queries(300).columns) == 300


def test_names_are_spread_over_all_of_them() -> None:
    assert spread("abcdefghi", 3) == ("a", "e", "i")
    assert spread("abc", 5) == ("a", "b", "c")
    assert spread("abc", 0) == ("a",)
