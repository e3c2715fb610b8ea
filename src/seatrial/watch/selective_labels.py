"""Selective labels: whether what the model decided, or what came of it, decides which rows ever get a label."""

from collections.abc import Sequence

import numpy as np

from seatrial.watch.expectation import Expectation
from seatrial.watch.measured_tally import MeasuredTally
from seatrial.watch.metric_windows import MetricWindow
from seatrial.watch.watch_records import Finding, Level

FEWEST = 20  # rows with one decision
RATIO = 0.8  # of the lowest to the highest share of labels, below which labels are selective
CERTAIN = 1e-3
EXPECTED = 20.0  # rows with an outcome, of which none is there


def label_shares(tally: MeasuredTally, version: str, until: int) -> list[tuple[str, int, int]]:
    """Each decision of a version with its number of rows before the hour `until`, and how many of them have a label."""
    slots, counts = tally.shares[version].by_slot(version)
    pairs = counts[slots < until].sum(axis=0).reshape(-1, 2)
    return [(name, int(a + b), int(b)) for name, (a, b) in zip(tally.decisions(version), pairs.tolist(), strict=True)]


def selection_words(shares: Sequence[tuple[str, int, int]]) -> str:
    """Say that labels depend on the decision, with the shares; "" where they do not, or too few rows can show it."""
    known = [each for each in shares if each[1] >= FEWEST]
    found = [(name, labelled / rows) for name, rows, labelled in known]
    if len(found) < 2 or not any(share for _, share in found) or all(share == 1 for _, share in found):
        return ""
    low, high = min(found, key=lambda each: each[1]), max(found, key=lambda each: each[1])
    if low[1] > RATIO * high[1]:
        return ""
    from scipy.stats import chi2_contingency  # which takes a second to load

    if chi2_contingency([[labelled, rows - labelled] for _, rows, labelled in known]).pvalue > CERTAIN:
        return ""
    fewest = f"only {low[1]:.0%}" if low[1] else "none"
    return (
        f"{fewest} of the rows that were answered {low[0]!r} have a label, and {high[1]:.0%} of those that were "
        f"answered {high[0]!r}"
    )


def selective_labels(shares: Sequence[tuple[str, int, int]], version: str) -> list[Finding]:
    """A note where labels depend on the decision: metrics are then those of the rows that have labels."""
    words = selection_words(shares)
    if not words:
        return []
    rates = {name: labelled / max(rows, 1) for name, rows, labelled in shares}
    return [
        Finding(
            "measured.selective", "measured", Level.noted,
            f"The labels are selective: {words}. Metrics with labels say little about the others.",
            version=version, old=max(rates.values()), new=min(rates.values()),
            hint="Give some rows an outcome regardless of the answer, or judge such a model by these groups apart.",
            evidence={"shares": rates},
        )
    ]  # fmt: skip


def absent_outcomes(expected: Expectation, windows: Sequence[MetricWindow], version: str) -> list[Finding]:
    """A note for a class that no label is, although the answers let one expect it: it may not be recorded at all."""
    if not expected.cells.classifies or not windows:
        return []
    counts = np.sum([window.counts for window in windows], axis=0).reshape(expected.cells.size, -1)
    promised = (counts.sum(axis=1)[:, None] * expected.shares[0]).sum(axis=0)
    absent = np.flatnonzero((counts.sum(axis=0) == 0) & (promised >= EXPECTED))
    rows = int(counts.sum())
    return [
        Finding(
            "measured.selective", "measured", Level.noted,
            f"No label is {name}, of {rows:,} rows; by the answers {number:,.0f} were to be expected. Either such "
            "outcomes are not recorded, or the relation between inputs and outcomes moved.",
            version=version, subject=str(name), old=number / rows, new=0.0,
            hint=f"Check that `seatrial log labels` is given outcomes of every kind, {name} too.",
            evidence={"rows": rows},
        )
        for name, number in ((expected.cells.rule.classes[k], float(promised[k])) for k in absent.tolist())
    ]  # fmt: skip
