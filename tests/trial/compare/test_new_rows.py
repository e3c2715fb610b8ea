"""New rows against old ones: chance alone must not block, and a severed relation must."""

import math

import numpy as np
import pytest

from seatrial.model.features import Array
from seatrial.trial.compare.groups import Grouping
from seatrial.trial.compare.new_rows import _Part, _relation, _variance

ALPHA = 1e-4


def table(rows: int, seed: int) -> tuple[Array, Array]:
    """Groups of 5 and a label whose rate goes with the group, as that explains a sixth of it."""
    draw = np.random.default_rng(seed)
    groups = draw.integers(0, 5, rows)
    return groups, (draw.random(rows) < 0.1 + 0.2 * groups).astype(int)


def relation(groups: Array, labels: Array, old: int) -> tuple[float, float, bool]:
    names = tuple("abcde")
    return _relation(_Part(Grouping("x", names, groups), old), _Part(Grouping("y", ("no", "yes"), labels), old), ALPHA)


@pytest.mark.parametrize("new", [25, 40])
def test_few_rows_of_the_same_kind_are_no_alarm(new: int) -> None:
    """With the variance taken from the few new rows, some splits in a hundred were alarms at a limit of 1 in 10,000."""
    certain = by_formula = 0
    for seed in range(150):
        groups, labels = table(500 + new, seed)
        before, after, alarm = relation(groups, labels, 500)
        certain += alarm
        spread = math.sqrt(_variance(before, 500) + _variance(after, new))
        by_formula += abs(after - before) > 3.9 * spread
    assert by_formula > 0
    assert certain == 0


def test_a_relation_that_is_gone_is_certain_where_the_rows_suffice() -> None:
    groups, labels = table(900, 1)
    labels[500:] = np.random.default_rng(2).permutation(labels[500:])
    before, after, certain = relation(groups, labels, 500)
    assert before > 0.15
    assert after < 0.03
    assert certain
    leaking = np.where(np.arange(900) < 500, labels, groups > 2)
    assert relation(groups, leaking, 500)[2]
