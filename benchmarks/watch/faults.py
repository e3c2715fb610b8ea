"""Faults: one change of what production asks, or of what is true, at a moment, in the rows that it is given."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.watch.populations import CLOCK, Generator, Population, moments
from seatrial.model.features import Array, Columns, Floats

LABEL_WAIT = 21  # days: how long labels are waited for
Change = Callable[[Columns, Array, str, "Population", Generator], Columns]
GARBAGE, DUPLICATES, LABELS, RELATION, MIXTURE = (
    "client_garbage",
    "requests_twice",
    "labels_wrong",
    "relation",
    "mixture",
)


@dataclass(frozen=True)
class Fault:
    """One fault of a table: of a `column` where it is of one, in `share` of the rows, and what a finding should name.

    `change` returns the columns with other values in some rows (positions). A slow one comes in over `days`. `loss` is
    what it costs of the headline metric at its end. Without `costs`, a fault is not about the metric.
    """

    name: str
    words: tuple[str, ...]  # of which the first finding's name or summary has one
    change: Change | None = None
    column: str = ""
    share: float = 1.0
    days: float = 0.0
    costs: bool = True
    loss: float = 0.0

    @property
    def slow(self) -> bool:
        """Whether it comes in slowly."""
        return self.days > 0

    def strength(self, times: Array, begin: int) -> Floats:
        """How much of it is there at these times (n,), 0 to 1."""
        since = (times - begin) / 86_400e6
        return np.clip(since / self.days, 0, 1) if self.slow else (since >= 0).astype(float)

    def at(self, strength: float) -> "Fault":
        """The same, for good, at a part of its strength."""
        return replace(self, share=self.share * strength, days=0.0)

    def names(self, text: str) -> bool:
        """Whether a finding's words are about it."""
        lower = text.lower().replace("_", " ")
        return any(word in lower for word in self.words)


def numeric(columns: Columns) -> list[str]:
    """Columns of numbers with more than a few values."""
    return [n for n, v in columns.items() if v.dtype.kind == "f" and len(np.unique(v[~np.isnan(v)])) > 8]


def texts(columns: Columns) -> list[str]:
    """Columns of texts with few values."""
    return [n for n, v in columns.items() if v.dtype.kind == "O" and 2 <= len({*v.tolist()}) <= 60]


def any_column(columns: Columns) -> list[str]:
    """Both."""
    return [*numeric(columns), *texts(columns)]


def _number(change: Callable[[Floats], Floats]) -> Change:
    def apply(columns: Columns, rows: Array, name: str, _: Population, __: Generator) -> Columns:
        values = columns[name].copy()
        values[rows] = change(values[rows])
        return {**columns, name: values}

    return apply


def _set(value: object) -> Change:
    def apply(columns: Columns, rows: Array, name: str, _: Population, __: Generator) -> Columns:
        values = columns[name].copy()
        values[rows] = np.nan if value is None and values.dtype.kind == "f" else value
        return {**columns, name: values}

    return apply


def _permuted(columns: Columns, rows: Array, name: str, population: Population, g: Generator) -> Columns:
    """A join on the wrong key: each row has some other row's value."""
    values = columns[name].copy()
    values[rows] = population.columns[name][g.integers(0, population.rows, len(rows))]
    return {**columns, name: values}


def _renamed(columns: Columns, rows: Array, name: str, population: Population, _: Generator) -> Columns:
    known, counts = np.unique([v for v in population.columns[name].tolist() if v is not None], return_counts=True)
    values, most = columns[name].copy(), known[counts.argmax()]
    values[rows] = np.array([f"{v}_v2" if v == most else v for v in values[rows].tolist()], dtype=object)
    return {**columns, name: values}


def _upper(columns: Columns, rows: Array, name: str, _: Population, __: Generator) -> Columns:
    """Another program writes the values, in its own way."""
    values = columns[name].copy()
    values[rows] = np.array([v and f" {v.swapcase()}" for v in values[rows].tolist()], dtype=object)
    return {**columns, name: values}


def _merged(columns: Columns, rows: Array, name: str, population: Population, _: Generator) -> Columns:
    """The second most common value has become the most common one."""
    known, counts = np.unique([v for v in population.columns[name].tolist() if v is not None], return_counts=True)
    values, (second, most) = columns[name].copy(), known[np.argsort(counts)[-2:]]
    values[rows] = np.array([most if v == second else v for v in values[rows].tolist()], dtype=object)
    return {**columns, name: values}


def _filled_in(values: Floats) -> Floats:
    return np.where(np.isnan(values), np.nanmedian(values), values)


def _noisy(values: Floats) -> Floats:
    """The same middle, and 2.5 times as far from it; no value beyond zero that was not."""
    middle = np.nanmedian(values)
    moved = middle + 2.5 * (values - middle)
    return np.maximum(moved, 0) if np.nanmin(values) >= 0 else moved


def _stuck(columns: Columns, rows: Array, name: str, population: Population, _: Generator) -> Columns:
    values, usual = columns[name].copy(), population.columns[name]
    values[rows] = np.nanquantile(usual, 0.7) if usual.dtype.kind == "f" else usual[0]
    return {**columns, name: values}


def _exchanged(columns: Columns, rows: Array, name: str, population: Population, _: Generator) -> Columns:
    others = [each for each in numeric(population.columns) if each != name]
    if not others:
        return columns
    first, second = columns[name].copy(), columns[others[0]].copy()
    first[rows], second[rows] = columns[others[0]][rows], columns[name][rows]
    return {**columns, name: first, others[0]: second}


def _garbage(columns: Columns, rows: Array, _: str, population: Population, g: Generator) -> Columns:
    """Every column has something, and none of it belongs together; numbers are anywhere between the ends."""
    made = dict(columns)
    for name, values in columns.items():
        drawn = population.columns[name][g.integers(0, population.rows, len(rows))]
        changed = values.copy()
        if values.dtype.kind == "f" and name in numeric(population.columns):
            low, high = np.nanmin(population.columns[name]), np.nanmax(population.columns[name])
            drawn = np.round(low + (high - low) * g.random(len(rows)))
        changed[rows] = drawn
        made[name] = changed
    return made


def _sentinel(values: Floats) -> Floats:
    return np.where(np.isnan(values) | (np.arange(len(values)) % 4 == 0), -999.0, values)


UNIT = ("unit", "times what it was", "times as", "factor", "scale")
VALUES = ("new value", "unseen", "categor", "renamed", "refus")
MOVED = ("shift", "offset", "more than", "higher", "moved")
SUDDEN = (  # of one column each: name, words, change, whether of numbers or texts
    ("unit_thousandth", UNIT, _number(lambda v: v / 1000), numeric),
    ("unit_hundredfold", UNIT, _number(lambda v: v * 100), numeric),
    ("unit_inches", UNIT, _number(lambda v: v / 2.54), numeric),
    ("category_renamed", VALUES, _renamed, texts),
    ("category_new", VALUES, _set("somewhere else"), texts),
    ("join_broken", ("join", "pair", "relation", "together", "no longer"), _permuted, any_column),
    ("missing_rise", ("missing",), _set(None), any_column),
    ("sensor_stuck", ("stuck", "constant", "same value", "always", "one value"), _stuck, numeric),
    ("columns_exchanged", ("exchanged", "swapped", "mixed up"), _exchanged, numeric),
    ("sentinel", ("-999", "sentinel", "value"), _number(_sentinel), numeric),
    ("sign_lost", ("sign", "negative", "below"), _number(lambda v: -v), numeric),
    ("offset", MOVED, _number(lambda v: v + 1.5 * (np.nanstd(v) or 1)), numeric),
    ("capped", ("cap", "highest", "end"), _number(lambda v: np.minimum(v, np.nanquantile(v, 0.3))), numeric),
    ("fahrenheit", (*UNIT, "fahrenheit"), _number(lambda v: v * 1.8 + 32), numeric),
    ("currency", (*UNIT, "currency"), _number(lambda v: v * 1.17), numeric),
    ("filled_in", ("where it was missing", "missing less"), _number(_filled_in), numeric),
    ("noisy", ("spread", "moved"), _number(_noisy), numeric),
    ("respelled", (*VALUES, "written"), _upper, texts),
    ("merged", ("where it had", "more often", "less often"), _merged, texts),
)  # fmt: skip
WHOLE = (  # of no column
    Fault(GARBAGE, ("key", "client", "caller", "partner", "together"), _garbage, share=1.0, costs=False),
    Fault(DUPLICATES, ("duplicate", "repeat", "twice"), share=0.3, costs=False),
    Fault(LABELS, ("label", "metric", "auc", "accuracy", "r2", "rmse", "error"), share=0.25),
    Fault(RELATION, ("label", "metric", "auc", "accuracy", "r2", "rmse", "error", "relation"), share=0.5),
)
SLOW_DAYS = 90.0
SLOW = ("unit_inches", "missing_rise", "join_broken", "offset")  # of the sudden ones, in more and more rows
SLOW_WHOLE = (
    Fault(f"{MIXTURE}_slow", ("mixture", "shift", "drift", "moved"), share=1.5, days=SLOW_DAYS),
    replace(WHOLE[3], name=f"{RELATION}_slow", share=1.0, days=SLOW_DAYS),
)


def _another_zone(columns: Columns, rows: Array, name: str, _: Population, __: Generator) -> Columns:
    values = columns[name].copy()
    values[rows] = moments(values[rows].astype("datetime64[s]") + np.timedelta64(5, "h"))
    return {**columns, name: values}


TIME_ZONE = Fault("time_zone", ("time zone", "hour"), _another_zone, CLOCK, costs=False)


def with_relation(population: Population, truth: Floats, rows: Array) -> Floats:
    """The truth of some rows (positions) once their relation to the inputs has moved: turned around its mean."""
    moved = truth.copy()
    mean = population.truth.mean(axis=0)
    moved[rows] = np.clip(2 * mean - truth[rows], 0 if population.classes else None, None)
    if population.classes:
        moved[rows] /= moved[rows].sum(axis=1, keepdims=True)
    return moved
