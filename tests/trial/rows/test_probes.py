"""Probes: every column of an ordinary table, and bounds for a wide one."""

from seatrial.model.schema import Column
from seatrial.trial.rows.probes import MOST_CELLS, ROWS_CHANGED, probe_rows


def probes_of(width: int):
    columns = [Column(f"c{number}", "number", nullable=True, required=True) for number in range(width)]
    rows = [{column.name: float(row) for column in columns} for row in range(10)]
    return probe_rows(columns, rows)


def test_every_column_is_varied_in_some_rows() -> None:
    probes = probes_of(10)
    assert {f"c{number}" for number in range(10)} <= {probe.column for probe in probes}
    assert sum((probe.column, probe.what) == ("c3", "missing") for probe in probes) == ROWS_CHANGED


def test_a_wide_table_has_bounded_probes() -> None:
    for width in (300, 1500):
        probes = probes_of(width)
        assert len(probes) * width <= MOST_CELLS
        assert len({probe.column for probe in probes}) > 100
