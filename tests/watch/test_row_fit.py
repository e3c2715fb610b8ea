"""How well a column goes together with the others, and what is left of that in mixed-up rows."""

import numpy as np
import pyarrow as pa
import pytest

from seatrial.model.schema import Column
from seatrial.watch.release_reference import column_bins
from seatrial.watch.row_fit import LEVELS, row_fits

G = np.random.default_rng(11)
ROWS = 800


def table(rows: int) -> dict[str, np.ndarray]:
    """`a` is related to each of four columns, weakly; `alone` to none."""
    a = G.normal(size=rows)
    others = {f"x{k}": 0.35 * a + G.normal(size=rows) for k in range(4)}
    return {"a": a, **others, "alone": G.normal(size=rows)}


def test_many_weak_relations_of_a_column_add_up_and_a_column_without_any_has_no_fit():
    known = table(ROWS)
    bins = [column_bins(Column(name, "number", nullable=True, required=False), v, {}) for name, v in known.items()]
    fits = row_fits(bins, [each.number_codes(v) for each, v in zip(bins, known.values(), strict=True)])
    assert fits[0].name == "a"
    assert "alone" not in [fit.name for fit in fits]
    fit = fits[0]
    assert sum(fit.part_of(f"x{k}") for k in range(4)) > 0.7
    assert fit.part_of("nothing") == 0.0

    rows = table(20_000)
    codes = {each.name: each.codes(pa.array(rows[each.name])) for each in bins}
    others = [codes[name] for name in fit.partners]

    def shares(own: np.ndarray) -> np.ndarray:
        return np.bincount(fit.codes(own, others), minlength=LEVELS) / len(own)

    usual, mixed = shares(codes["a"]), shares(G.permutation(codes["a"]))
    some = np.where(np.arange(20_000) < 8_000, np.roll(codes["a"], 50), codes["a"])
    low = np.arange(LEVELS) < 3
    assert mixed[low].sum() - usual[low].sum() > 0.1
    assert fit.touched(usual[low].sum(), mixed[low].sum(), low) == pytest.approx(1.0, abs=0.2)
    assert fit.touched(usual[low].sum(), shares(some)[low].sum(), low) == pytest.approx(0.4, abs=0.12)


def test_nothing_is_fitted_to_a_few_rows_or_one_column():
    known = {name: values[:40] for name, values in table(ROWS).items()}
    bins = [column_bins(Column(name, "number", nullable=True, required=False), v, {}) for name, v in known.items()]
    codes = [each.number_codes(v) for each, v in zip(bins, known.values(), strict=True)]
    assert row_fits(bins, codes) == []
    assert row_fits([], []) == []
    assert row_fits(bins[:1], [np.tile(codes[0], 5)]) == []


def test_held_out_rows_are_no_closer_to_the_fits_of_the_other_half_than_new_rows():
    names = [f"x{k}" for k in range(24)]

    def rows(count: int) -> dict[str, np.ndarray]:
        common = G.normal(size=(count, 1))
        return dict(zip(names, (0.5 * common + G.normal(size=(count, 24))).T, strict=True))

    known, new = rows(400), rows(4_000)
    bins = [column_bins(Column(name, "number", nullable=True, required=False), v, {}) for name, v in known.items()]
    sides = [{each.name: each.number_codes(part[each.name]) for each in bins} for part in (known, new)]
    fits = row_fits(bins, [*sides[0].values()])
    assert len(fits) > 12

    def above(fit, by_half: bool) -> float:
        """How many more of the held-out rows are in high levels than of the new ones."""
        found = []
        for codes, half in zip(sides, (fit.half, G.integers(0, 2, 4_000)), strict=True):
            own, others = codes[fit.name], [codes[name] for name in fit.partners]
            levels = fit.other_half_codes(own, others, half) if by_half else fit.codes(own, others)
            found.append(float((levels >= LEVELS / 2).mean()))
        return found[0] - found[1]

    assert np.mean([above(fit, by_half=False) for fit in fits]) > 0.15
    assert abs(np.mean([above(fit, by_half=True) for fit in fits])) < 0.06  # their partners are chosen by all rows
