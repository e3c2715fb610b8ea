"""What the usual checks of drift say about the same windows: each column by itself, at fixed limits."""

from collections.abc import Mapping

import numpy as np

from seatrial.model.features import Array, Columns, Floats

NAMES = ("KS and chi-square at 0.05", "PSI at 0.2", "half of the columns at 0.05")
BINS, LEVEL, PSI, HALF, FEW = 10, 0.05, 0.2, 0.5, 1e-4
MOST_TEXTS = 50  # of a column that is compared; with more it is free text


def peers(reference: Columns, window: Columns) -> dict[str, bool]:
    """Whether each of the peers alarms: the first two at any column, the last at half of them (Evidently's default)."""
    window = {name: window[name] for name in compared(reference)}
    drifted = {name: _p(reference[name], values) < LEVEL for name, values in window.items()}
    stable = max(_psi(reference[name], values) for name, values in window.items())
    return dict(
        zip(NAMES, (any(drifted.values()), bool(stable > PSI), bool(np.mean([*drifted.values()]) >= HALF)), strict=True)
    )


def compared(reference: Columns) -> list[str]:
    """The columns that peers compare: all but free text."""
    return [n for n, values in reference.items() if values.dtype.kind == "f" or len({*values}) <= MOST_TEXTS]


def _p(old: Array, new: Array) -> float:
    from scipy.stats import chi2_contingency, ks_2samp

    if old.dtype.kind == "f" and len(np.unique(old)) > BINS:
        old, new = old[~np.isnan(old)], new[~np.isnan(new)]
        return float(ks_2samp(old, new, method="asymp").pvalue) if len(old) and len(new) else 1.0
    counts = np.array(_counts(old, new))
    return float(chi2_contingency(counts).pvalue) if counts.shape[1] > 1 else 1.0


def _psi(old: Array, new: Array) -> float:
    if old.dtype.kind == "f" and len(np.unique(old)) > BINS:
        ends = np.unique(np.nanquantile(old, np.linspace(0, 1, BINS + 1)[1:-1]))
        old, new = np.digitize(old, ends), np.digitize(new, ends)
    a, b = (np.maximum(np.array(each) / max(sum(each), 1), FEW) for each in _counts(old, new))
    return float(((b - a) * np.log(b / a)).sum())


def _counts(old: Array, new: Array) -> tuple[list[int], list[int]]:
    tallies: list[Mapping[object, int]] = []
    for values in (old, new):
        texts = np.array([str(v) for v in values.tolist()])
        known, counts = np.unique(texts, return_counts=True)
        tallies.append(dict(zip(known.tolist(), counts.tolist(), strict=True)))
    names = sorted({*tallies[0], *tallies[1]})
    return [tallies[0].get(n, 0) for n in names], [tallies[1].get(n, 0) for n in names]


def window_columns(table: object, reference: Columns) -> Columns:
    """The inputs of a table of the log, as the reference has them."""
    columns: dict[str, Floats | Array] = {}
    for name, old in reference.items():
        values = table[f"input_{name}"]  # type: ignore[index]
        numbers = old.dtype.kind == "f"
        columns[name] = (
            values.cast("float64").to_numpy(zero_copy_only=False) if numbers else np.array(values.to_pylist(), object)
        )
    return columns
