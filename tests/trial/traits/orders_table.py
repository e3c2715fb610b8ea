"""A made-up table of orders: numbers, dates, categories, a sum and a label, from a seed."""

import datetime as dt

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.trial.compare.row_matching import Table
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome
from seatrial.trial.traits.trait_checks import compare_traits

ALPHA = 0.0025
TARGET = "late"
REGIONS = {"Köln": "north", "Bonn": "north", "Mainz": "south", "Trier": "south", "Ulm": "south"}


def objects(values: list[object]) -> Array:
    """An array of Python objects."""
    return np.fromiter(values, dtype=object, count=len(values))


def orders(rows: int, seed: int = 0) -> Table:
    """Draw a table of orders, all rows from one population."""
    g = np.random.default_rng(seed)
    days = g.integers(0, 730, rows)
    weekday = (days + 6) % 7  # 1 January 2023 is a Sunday
    days = np.where(weekday == 6, days + 1, days)
    minutes = np.clip(g.normal(13, 2, rows), 7, 20) * 60
    first = dt.datetime(2023, 1, 1)
    wait = g.integers(2, 30, rows)
    price = np.round(np.exp(g.normal(3, 0.8, rows)), 2)
    count = g.integers(1, 9, rows).astype(float)
    weight = np.round(2 + 3 * count + g.normal(0, 2, rows), 1)
    segment = g.choice(["retail", "online", "partner"], rows, p=[0.5, 0.3, 0.2])
    discount = np.where(g.random(rows) < 0.2, np.nan, np.round(g.beta(2, 8, rows) + 0.1 * (segment == "online"), 2))
    city = g.choice(list(REGIONS), rows)
    odds = -2 + 0.12 * wait + 1.5 * (segment == "partner") - 0.2 * count
    columns: Columns = {
        "ordered": objects([first + dt.timedelta(days=d, minutes=int(m)) for d, m in zip(days.tolist(), minutes, strict=True)]),
        "due": objects([(first + dt.timedelta(days=d)).date() for d in (days + wait).tolist()]),
        "price": price, "count": count, "total": np.round(price * count, 2), "weight": weight, "discount": discount,
        "segment": segment.astype(object), "city": city.astype(object),
        "region": objects([REGIONS[name] for name in city.tolist()]),
    }  # fmt: skip
    label = (g.random(rows) < 1 / (1 + np.exp(-odds))).astype(int)
    return Table(columns, label, TARGET)


def joined(old: Table, new: Table) -> Table:
    """The old rows followed by the new ones."""
    columns = {name: np.concatenate([values, new.columns[name]]) for name, values in old.columns.items()}
    return Table(columns, np.concatenate([old.target, new.target]), old.name)


def changed(table: Table, **columns: Array) -> Table:
    """The table with other values in some columns; `late` is the label."""
    target = columns.pop(TARGET, table.target)
    return Table({**table.columns, **columns}, target, table.name)


def compared(new: Table, old: Table) -> list[Check]:
    """Compare new rows with old ones."""
    checks = compare_traits(old, joined(old, new), np.arange(old.rows, old.rows + new.rows), Policy(), alpha=ALPHA)
    return [check for check in checks if check.outcome is not Outcome.passed]
