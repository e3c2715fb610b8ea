"""Measures what both releases cost, in turns, and compares it."""

import numpy as np

from seatrial.model.features import Columns
from seatrial.trial.compare.cost import compare_cost
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, NotComparedError, Outcome
from seatrial.trial.rows.answer_collection import CollectedAnswers
from seatrial.trial.sandbox.queries import Describe
from seatrial.trial.sandbox.turns import CostMeasurements, measure_in_turns
from seatrial.trial.setup import OpenedRelease

NAMES = ("latency", "latency_64", "latency_10000")
MOST_ROWS, FEWEST_ROWS, MOST_CELLS = 10_000, 1000, 1_000_000  # of the largest batch
LOADED_AGAIN = 2  # times, where loading seems to take too long


def check_cost(
    old: OpenedRelease,
    old_collected: CollectedAnswers,
    new: OpenedRelease,
    new_collected: CollectedAnswers,
    rows: Columns,
    policy: Policy,
) -> list[Check]:
    """Compare size, load time, latency and memory, as ratios; `rows` are repeated for the largest batch."""
    count = len(next(iter(rows.values())))
    size = max(FEWEST_ROWS, min(MOST_ROWS, MOST_CELLS // len(rows)))
    table = {name: values[np.arange(size) % count] for name, values in rows.items()}
    golden = (old.golden.rows, new.golden.rows)
    try:
        measured = measure_in_turns(old.sandbox, new.sandbox, golden, (table, table))
    except NotComparedError as error:
        summary = f"the cost of a prediction could not be measured: {error.message}"
        return [Check("cost.latency", "cost", Outcome.inconclusive, summary, severity=1.0, hint=error.hint)]
    loads = [(old_collected.load_seconds, new_collected.load_seconds)]
    if _ratio(loads[0]) > policy.max_load:
        # A busy machine multiplies a load time, so if one seems too long, both are measured again, in turns.
        loads += [(_load_seconds(old), _load_seconds(new)) for _ in range(LOADED_AGAIN)]
    load = min(loads, key=_ratio)
    before, after = (_costs(cost) for cost in measured)
    before |= {"size": old.sandbox.wheel.size, "load": load[0]}
    after |= {"size": new.sandbox.wheel.size, "load": load[1]}
    return compare_cost(before, after, policy, batch=size)


def _load_seconds(release: OpenedRelease) -> float:
    return release.sandbox.ask([Describe()]).load_seconds


def _ratio(load: tuple[float, float]) -> float:
    return load[1] / max(load[0], 1e-12)


def _costs(measured: CostMeasurements) -> dict[str, float]:
    latency = zip(NAMES, measured.seconds.values(), strict=True)
    return {**{name: float(np.median(seconds)) for name, seconds in latency}, "memory": measured.memory_mb}
