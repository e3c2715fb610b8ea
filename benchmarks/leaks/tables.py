"""Made-up tables with one known leak, and honest ones with strong signals, of which none may be left out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

Columns = dict[str, Any]


@dataclass(frozen=True)
class LeakTable:
    """A table: its columns, its target, and the columns that leak, of which one must be named; none is honest."""

    name: str
    columns: Columns
    target: str
    leaks: frozenset[str]


Maker = Callable[[np.random.Generator, int], tuple[Columns, Any, tuple[str, ...]]]


def _noise(draw: np.random.Generator, rows: int, count: int) -> Columns:
    return {f"n{number}": draw.normal(0, 1, rows) for number in range(count)}


def _sigmoid(draw: np.random.Generator, scores: Any) -> Any:
    return (draw.random(len(scores)) < 1 / (1 + np.exp(-scores))).astype(int)


# -- developed on: leaks


def threshold_of_one(draw: np.random.Generator, rows: int) -> Any:
    columns = _noise(draw, rows, 6) | {"mark": draw.normal(50, 12, rows).round(1)}
    return columns, (columns["mark"] > 55).astype(int), ("mark",)


def difference(draw: np.random.Generator, rows: int) -> Any:
    columns = _noise(draw, rows, 6) | {"a": draw.normal(5000, 900, rows), "b": draw.normal(5, 1, rows)}
    return columns, (columns["a"] - 1000 * columns["b"] > 300).astype(int), ("a", "b")


def product(draw: np.random.Generator, rows: int) -> Any:
    columns = _noise(draw, rows, 5) | {"p": draw.normal(0, 1, rows), "q": draw.normal(0, 1, rows)}
    return columns, (columns["p"] * columns["q"] > 0.1).astype(int), ("p", "q")


def ratio(draw: np.random.Generator, rows: int) -> Any:
    columns = _noise(draw, rows, 5) | {"debt": draw.lognormal(8, 1, rows), "income": draw.lognormal(9, 0.6, rows)}
    return columns, (columns["debt"] / columns["income"] > 0.5).astype(int), ("debt", "income")


def near_difference(draw: np.random.Generator, rows: int) -> Any:
    expected = draw.normal(100, 20, rows)
    columns = _noise(draw, rows, 5) | {"expected": expected, "booked": expected + draw.normal(0, 3, rows)}
    return columns, (np.abs(columns["booked"] - expected) > 3).astype(int), ("booked", "expected")


def part_of_a_total(draw: np.random.Generator, rows: int) -> Any:
    parts = {name: draw.gamma(2, 300, rows).round(2) for name in ("x", "y", "z")}
    columns = _noise(draw, rows, 4) | {"y": parts["y"], "z": parts["z"], "sum": sum(parts.values())}
    return columns, parts["x"], ("sum", "y", "z")


def arrival_beside_delay(draw: np.random.Generator, rows: int) -> Any:
    planned = draw.integers(300, 1300, rows)
    delay = draw.normal(5, 20, rows).round().astype(int)
    late = planned + delay
    hhmm = [minutes // 60 * 100 + minutes % 60 for minutes in (planned, late)]
    return _noise(draw, rows, 5) | {"planned": hhmm[0], "seen": hhmm[1]}, delay, ("planned", "seen")


def balance_after(draw: np.random.Generator, rows: int) -> Any:
    before, amount = draw.gamma(2, 2000, rows).round(2), draw.lognormal(6, 1, rows).round(2)
    return _noise(draw, rows, 4) | {"before": before, "after": (before - amount).round(2)}, amount, ("before", "after")


def grade_of_a_grade(draw: np.random.Generator, rows: int) -> Any:
    score = draw.normal(0, 1, rows)
    letters = np.digitize(score, [-1, -0.3, 0.3, 1])
    sub = np.digitize(score, np.quantile(score, np.linspace(0.05, 0.95, 19)))
    names = np.array([f"{'ABCDE'[a]}{b:02d}" for a, b in zip(letters, sub, strict=True)])
    return _noise(draw, rows, 5) | {"fine": names.tolist()}, np.array(list("ABCDE"))[letters], ("fine",)


def filled_in_after(draw: np.random.Generator, rows: int) -> Any:
    target = _sigmoid(draw, draw.normal(-0.6, 1, rows))
    agent = [f"agent {n % 9}" if (y and draw.random() < 0.85) or draw.random() < 0.02 else None
             for n, y in enumerate(target)]  # fmt: skip
    return _noise(draw, rows, 5) | {"handler": agent}, target, ("handler",)


def several_classes(draw: np.random.Generator, rows: int) -> Any:
    columns = _noise(draw, rows, 5) | {"h": draw.normal(1.7, 0.1, rows), "w": draw.normal(72, 12, rows)}
    return columns, np.digitize(columns["w"] / columns["h"] ** 2, [20, 25, 30]), ("h", "w")


def price_of_quantity(draw: np.random.Generator, rows: int) -> Any:
    columns = _noise(draw, rows, 4) | {"unit": draw.lognormal(2, 0.5, rows).round(2), "qty": draw.integers(1, 40, rows)}
    return columns, (columns["unit"] * columns["qty"]).round(2), ("unit", "qty")


# -- developed on: honest


def one_dominant(draw: np.random.Generator, rows: int) -> Any:
    columns = _noise(draw, rows, 6)
    return columns, _sigmoid(draw, 6 * columns["n0"] + columns["n1"]), ()


def separate_groups(draw: np.random.Generator, rows: int) -> Any:
    kind = draw.integers(0, 3, rows)
    centers = draw.normal(0, 3, (3, 6))
    columns = {f"f{n}": centers[kind, n] + draw.normal(0, 1, rows) for n in range(6)}
    return columns, kind, ()


def dominant_quantity(draw: np.random.Generator, rows: int) -> Any:
    area = draw.lognormal(4, 0.5, rows)
    columns = _noise(draw, rows, 5) | {"area": area.round(1), "rooms": (area / 25).round() + draw.integers(0, 2, rows)}
    return columns, 2000 * area * np.exp(draw.normal(0, 0.08, rows)), ()


def linear_with_noise(draw: np.random.Generator, rows: int) -> Any:
    columns = _noise(draw, rows, 8)
    return columns, sum((n + 1) * columns[f"n{n}"] for n in range(8)) + draw.normal(0, 2, rows), ()


def many_weak(draw: np.random.Generator, rows: int) -> Any:
    target = draw.integers(0, 2, rows)
    return {f"w{n}": target * 0.5 + draw.normal(0, 1, rows) for n in range(40)}, target, ()


def rare_and_strong(draw: np.random.Generator, rows: int) -> Any:
    target = (np.arange(rows) % 25 == 0).astype(int)
    columns = _noise(draw, rows, 5) | {"v": target * 3.0 + draw.normal(0, 1, rows)}
    return columns, target, ()


def missing_tells(draw: np.random.Generator, rows: int) -> Any:
    target = _sigmoid(draw, draw.normal(0, 1, rows))
    cabin = [f"C{draw.integers(1, 30)}" if draw.random() < (0.5 if y else 0.2) else None for y in target]
    return _noise(draw, rows, 4) | {"cabin": cabin, "fare": draw.lognormal(3, 1, rows) * (1 + target)}, target, ()


# -- held out: other shapes


def held_threshold(draw: np.random.Generator, rows: int) -> Any:
    columns = {f"u{n}": draw.uniform(0, 9, rows) for n in range(9)} | {"level": draw.gamma(3, 4, rows)}
    return columns, np.where(columns["level"] > 9, "high", "low"), ("level",)


def held_sum(draw: np.random.Generator, rows: int) -> Any:
    columns = {f"u{n}": draw.uniform(0, 9, rows) for n in range(12)}
    columns |= {name: draw.integers(0, 100, rows) for name in ("oral", "written")}
    return columns, np.where(columns["oral"] + columns["written"] >= 100, "pass", "fail"), ("oral", "written")


def held_speed(draw: np.random.Generator, rows: int) -> Any:
    columns = {f"u{n}": draw.uniform(0, 9, rows) for n in range(7)}
    columns |= {"metres": draw.uniform(50, 900, rows), "seconds": draw.uniform(10, 90, rows)}
    return columns, (columns["metres"] / columns["seconds"]).round(3), ("metres", "seconds")


def held_outside(draw: np.random.Generator, rows: int) -> Any:
    columns = {f"u{n}": draw.uniform(0, 9, rows) for n in range(5)} | {"set": draw.normal(20, 4, rows)}
    columns["read"] = columns["set"] + draw.standard_t(4, rows)
    return columns, np.where(np.abs(columns["read"] - columns["set"]) < 1.2, "ok", "alarm"), ("set", "read")


def held_invoice(draw: np.random.Generator, rows: int) -> Any:
    net, tax, freight = (draw.lognormal(size, 0.7, rows).round(2) for size in (6, 4, 3))
    columns = {f"u{n}": draw.uniform(0, 9, rows) for n in range(6)} | {"tax": tax, "freight": freight}
    return columns | {"gross": (net + tax + freight).round(2)}, net, ("gross", "tax", "freight")


def held_grades(draw: np.random.Generator, rows: int) -> Any:
    columns = {f"u{n}": draw.uniform(0, 9, rows) for n in range(8)} | {"points": draw.beta(2, 2, rows) * 100}
    return columns, np.digitize(columns["points"], [40, 55, 70, 85]), ("points",)


def held_duration(draw: np.random.Generator, rows: int) -> Any:
    start = np.datetime64("2024-01-01T00:00:00") + draw.integers(0, 3e7, rows).astype("timedelta64[s]")
    seconds = draw.gamma(2, 4000, rows).astype(int)
    columns = {f"u{n}": draw.uniform(0, 9, rows) for n in range(5)}
    columns |= {"opened": start, "ended": start + seconds.astype("timedelta64[s]")}
    return columns, seconds / 60, ("opened", "ended")


def held_filled_in(draw: np.random.Generator, rows: int) -> Any:
    target = draw.choice(["kept", "left"], rows, p=[0.8, 0.2])
    late = np.where((target == "left") & (draw.random(rows) < 0.9), draw.gamma(2, 10, rows), np.nan)
    late = np.where((target == "kept") & (draw.random(rows) < 0.05), 3.0, late)
    return {f"u{n}": draw.uniform(0, 9, rows) for n in range(6)} | {"fee": late}, target, ("fee",)


def held_signed_product(draw: np.random.Generator, rows: int) -> Any:
    columns = {f"u{n}": draw.uniform(-1, 1, rows) for n in range(10)}
    return columns, np.where(columns["u3"] * columns["u7"] > 0, "same", "other"), ("u3", "u7")


def held_rank(draw: np.random.Generator, rows: int) -> Any:
    value = draw.gumbel(0, 5, rows)
    return {f"u{n}": draw.uniform(0, 9, rows) for n in range(6)} | {"index_of": np.cbrt(value)}, value, ("index_of",)


def held_three(draw: np.random.Generator, rows: int) -> Any:
    columns = {f"u{n}": draw.uniform(0, 9, rows) for n in range(8)}
    columns |= {name: draw.normal(60, 15, rows).round() for name in ("maths", "art", "sport")}
    total = columns["maths"] + columns["art"] + columns["sport"]
    return columns, np.where(total > 180, "up", "stay"), ("maths", "art", "sport")


def held_honest_lab(draw: np.random.Generator, rows: int) -> Any:
    target = draw.choice([0, 1], rows, p=[0.7, 0.3])
    marker = draw.gamma(2, 1, rows) + 4.5 * target
    return {f"u{n}": draw.uniform(0, 9, rows) for n in range(9)} | {"marker": marker}, target, ()


def held_honest_energy(draw: np.random.Generator, rows: int) -> Any:
    columns = {f"u{n}": draw.uniform(0, 9, rows) for n in range(5)}
    columns |= {"load": draw.uniform(10, 90, rows), "outside": draw.uniform(-10, 30, rows)}
    clean = 3 * columns["load"] - 2 * columns["outside"] + columns["load"] * columns["outside"] / 50
    return columns, clean + draw.normal(0, 0.06 * np.std(clean), rows), ()


def held_honest_clusters(draw: np.random.Generator, rows: int) -> Any:
    kind = draw.choice(4, rows, p=[0.4, 0.3, 0.2, 0.1])
    columns = {f"c{n}": draw.uniform(-8, 8, 4)[kind] + draw.standard_t(5, rows) for n in range(8)}
    return columns, np.array(["oak", "ash", "elm", "fir"])[kind], ()


def held_honest_counts(draw: np.random.Generator, rows: int) -> Any:
    columns = {f"k{n}": draw.poisson(4, rows) for n in range(12)}
    return columns, _sigmoid(draw, 0.8 * (columns["k0"] + columns["k1"] - columns["k2"] - 4)), ()


def held_honest_price(draw: np.random.Generator, rows: int) -> Any:
    carat = draw.lognormal(-0.4, 0.6, rows)
    columns = {f"u{n}": draw.uniform(0, 9, rows) for n in range(4)} | {"carat": carat.round(2)}
    columns["width"] = 6.5 * np.cbrt(carat) + draw.normal(0, 0.1, rows)
    return columns, (4000 * carat**1.7 * np.exp(draw.normal(0, 0.2, rows))).round(), ()


def held_honest_noise(draw: np.random.Generator, rows: int) -> Any:
    return {f"u{n}": draw.uniform(0, 9, rows) for n in range(25)}, draw.integers(0, 2, rows), ()


DEVELOPED: tuple[Maker, ...] = (
    threshold_of_one, difference, product, ratio, near_difference, part_of_a_total, arrival_beside_delay,
    balance_after, grade_of_a_grade, filled_in_after, several_classes, price_of_quantity, one_dominant,
    separate_groups, dominant_quantity, linear_with_noise, many_weak, rare_and_strong, missing_tells,
)  # fmt: skip
HELD_OUT: tuple[Maker, ...] = (
    held_threshold, held_sum, held_speed, held_outside, held_invoice, held_grades, held_duration, held_filled_in,
    held_signed_product, held_rank, held_three, held_honest_lab, held_honest_energy, held_honest_clusters,
    held_honest_counts, held_honest_price, held_honest_noise,
)  # fmt: skip
SIZES = {"developed": (80, 200, 1000, 5000), "held out": (60, 150, 600, 8000)}


def tables(which: str, seeds: range) -> Iterator[LeakTable]:
    """Make each table in each size with each seed."""
    for maker in DEVELOPED if which == "developed" else HELD_OUT:
        for rows in SIZES[which]:
            for seed in seeds:
                draw = np.random.default_rng([seed, rows, sum(map(ord, maker.__name__))])
                columns, target, leaks = maker(draw, rows)
                name = f"{maker.__name__} {rows}"
                yield LeakTable(name, {**columns, "answer": target}, "answer", frozenset(leaks))
