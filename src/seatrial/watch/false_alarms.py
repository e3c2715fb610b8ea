"""The budget of false alarms, shared out over looks, parts and checks.

"1 a year" is an expected number, over all checks, looks and versions together. A look may spend the budget of the time
since the look before it, at most that of one window (spending over looks, Lan and DeMets 1983); parts and checks share
it by Bonferroni's inequality. The expected number of false alarms is then at most the budget, whatever checks have to
do with each other and however often somebody looks. The price is a factor of at most 10 in the p-value that is asked
for, which a few rows more make up for.
"""

from datetime import datetime, timedelta
from math import log

import numpy as np

from seatrial.model.features import Array, Floats
from seatrial.watch.watch_records import Part

YEAR = timedelta(days=365.25)
SHARES: dict[Part, float] = {"traffic": 0.15, "drift": 0.35, "answers": 0.15, "estimated": 0.15, "measured": 0.20}


def spent_by_look(budget: float, window: timedelta, at: datetime, before: datetime | None) -> float:
    """The expected number of false alarms that a look may add; `before` is when the last one was, if there was one."""
    passed = window if before is None else min(max(at - before, timedelta(0)), window)
    return budget * (passed / YEAR)


def limit(alpha: float, tests: int) -> float:
    """The logarithm of the p-value below which one of so many tests alarms, so that all of them together spend `alpha`.

    Of an `alpha` of 0, as of two looks at one moment, nothing does.
    """
    return log(alpha / max(tests, 1)) if alpha > 0 else -float("inf")


def log_tail(values: Floats | float, freedom: Floats | float) -> Array:
    """The log of the probability that Student's t is above these values: scipy.stats.t.logsf in a tenth of the time."""
    from scipy.special import stdtr

    with np.errstate(divide="ignore"):
        tails = np.where(values > 0, np.log(stdtr(freedom, -values)), np.log1p(-stdtr(freedom, values)))
    return np.asarray(tails)
