"""Fewer rows on thresholds than training takes: each case is small, and there are many."""

import pytest


@pytest.fixture(autouse=True)
def _fewer_boundary_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    from seatrial.compile import boundaries

    monkeypatch.setattr(boundaries, "THRESHOLDS", 400)
    monkeypatch.setattr(boundaries, "PAIRS", 150)
