"""A label that is never given is found from the first request on, if held-out rows had it often enough."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from seatrial.watch.answer_findings import answer_findings
from seatrial.watch.changes import LookAt
from seatrial.watch.tallies import SlotCounts
from seatrial.watch.watch_records import Finding

FIRST, DAY = 500_000, 24


def found(known: tuple[int, int], given: tuple[int, int], days: int = 1) -> list[Finding]:
    """What is found if `known` held-out rows have each label, and `given` rows of each day."""
    counts = SlotCounts(3)
    for day in range(days):
        counts.add("1", np.full(sum(given), FIRST + DAY * day), np.repeat([0, 1], given))
    tally: Any = SimpleNamespace(
        reference=SimpleNamespace(version="1"),
        label_counts=counts,
        label_names=("= no", "= yes", "another label"),
        score_counts=None,
        score_names=(),
        expected=lambda: (np.array([*known, 0]), None),
    )
    return answer_findings(tally, LookAt(FIRST + DAY * days - 1, DAY, 91, FIRST), 4e-4)


@pytest.mark.parametrize("days", [1, 20])
def test_a_label_that_is_never_given_is_found(days: int) -> None:
    (only,) = found((900, 100), (1_000, 0), days)
    assert (only.name, only.level) == ("answers.labels", "alarm")
    assert only.summary.startswith("The answer yes is never given to the newest")
    assert "10\u00a0% of the held-out rows had it" in only.summary


@pytest.mark.parametrize(("known", "given"), [((900, 100), (200, 0)), ((990, 10), (1_000, 0)), ((900, 100), (970, 30))])
def test_a_rare_label_or_one_that_is_rarer_now_is_nothing(known: tuple[int, int], given: tuple[int, int]) -> None:
    assert found(known, given) == []
