"""What `follow` remembers."""

from pathlib import Path

import numpy as np
import pytest

from seatrial.core.errors import SeatrialError
from seatrial.steps.follow import begun
from seatrial.steps.follow_state import FollowState, read_state, write_state


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    state = FollowState("2026-11-01T00:00:00+00:00").with_segments(["a", "b"]).with_logged(7).with_scale(2.5)
    state = state.with_rows(np.array([3, 1], dtype=np.uint64), np.array([0.0, np.nan])).with_labels(
        ["r/0"], np.ones(1), np.ones(1)
    )
    write_state(tmp_path / "state.npz", state)
    read = read_state(tmp_path / "state.npz")
    assert read is not None
    assert (read.since, read.segments, read.labelled) == (state.since, {"a", "b"}, {"r/0"})
    assert (read.logged, read.scale, read.counts.lost) == (7, 2.5, 1)
    assert read.seen.tolist() == [1, 3]
    assert read.counts.moved.tolist() == state.counts.moved.tolist()
    assert (read.counts.labelled, read.counts.told) == (1, 1.0)
    assert read_state(tmp_path / "none.npz") is None


def test_the_same_since_goes_on_and_another_begins_anew(tmp_path: Path) -> None:
    old = begun(None, "7d", "2026-11-01T00:00:00+00:00").with_logged(7)
    write_state(tmp_path / "state.npz", old)
    for asked in ("7d", "", "2026-11-01T00:00:00+00:00"):
        found = begun(read_state(tmp_path / "state.npz"), asked, "2026-11-02T00:00:00+00:00")
        assert (found.logged, found.since) == (7, "2026-11-01T00:00:00+00:00")
    anew = begun(old, "6d", "2026-11-03T00:00:00+00:00")
    assert (anew.logged, anew.since, anew.asked) == (0, "2026-11-03T00:00:00+00:00", "6d")


@pytest.mark.parametrize("content", [b"", b"nothing", b"PK\x03\x04 cut"])
def test_a_damaged_state_is_reported(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state.npz").write_bytes(content)
    with pytest.raises(SeatrialError, match="damaged"):
        read_state(tmp_path / "state.npz")
