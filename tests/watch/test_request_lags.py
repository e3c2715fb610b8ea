"""A column of moments in another time zone is another distance from the time of its requests."""

from types import SimpleNamespace

import numpy as np
import pytest
from tests.watch.made_logs import at

from seatrial.model.schema import Column
from seatrial.watch.changes import LookAt
from seatrial.watch.input_findings import _column_findings
from seatrial.watch.input_tally import InputTally
from seatrial.watch.release_reference import column_bins
from seatrial.watch.request_lags import hours_shifted, lag_changes
from seatrial.watch.tallies import SlotCounts, slot_of

FIRST = slot_of(at(0))
DAYS = 20


def tally_of(late: np.ndarray, share: float = 1.0) -> InputTally:
    """Requests by the hour; those of the last 30 hours have moments that are so many hours off."""
    import pyarrow as pa

    g = np.random.default_rng(5)
    slots = np.repeat(FIRST + np.arange(24 * DAYS), 12)
    hours = slots + np.where((slots >= FIRST + 24 * DAYS - 30) & (g.random(len(slots)) < share), late, 0)
    texts = np.datetime_as_string((hours * 3600).astype("datetime64[s]"), unit="s")
    bins = column_bins(Column("asked", "other", nullable=True, required=False), texts[:500].astype(object), {})
    assert bins is not None
    tally = InputTally.__new__(InputTally)
    tally.bins, tally.lags = (bins,), {"asked": SlotCounts(28)}
    tally.lags["asked"].add("0.1.0", slots, bins.lags(pa.array(texts.astype(str)), slots))
    return tally


@pytest.mark.parametrize(("late", "share"), [(5, 1.0), (-1, 1.0), (8, 0.4)])
def test_a_shift_is_found_in_all_or_some_rows(late, share):
    look = LookAt(FIRST + 24 * DAYS - 1, 24, DAYS, FIRST)
    found = lag_changes(tally_of(np.int64(late), share), look, 1e-3, 10)
    assert [(each.bins.name, each.cause.kind) for each in found] == [("asked", "time_zone")]
    assert f"shifted by {late} hour" in found[0].cause.words
    assert found[0].change.since == FIRST + 24 * DAYS - 30
    assert found[0].change.moved == pytest.approx(share, abs=0.06)
    assert lag_changes(tally_of(np.int64(0)), look, 1e-3, 10) == []


def test_a_profile_that_changed_in_another_way_is_no_shift():
    profile = np.bincount(np.random.default_rng(1).integers(5, 15, 1000), minlength=27) / 1000
    moved = np.roll(profile, 3)
    assert hours_shifted(profile, moved) == 3
    assert hours_shifted(profile, 0.7 * profile + 0.3 * moved) == 3
    assert hours_shifted(profile, np.where(np.arange(27) == 6, profile + 0.5, profile / 2)) == 0


def test_a_shift_by_half_a_day_is_told_although_it_has_more_bins_than_hours_of_the_day():
    look = LookAt(FIRST + 24 * DAYS - 1, 24, DAYS, FIRST)
    changed = lag_changes(tally_of(np.int64(12)), look, 1e-3, 10)
    (finding,) = _column_findings(changed, SimpleNamespace(version="0.1.0"))
    assert "`asked` is shifted by 12 hours" in finding.summary
    assert "bins" not in finding.evidence
