"""Faults of the labels of new rows: not yet known, wrong, inverted, shifted, constant, leaked, on another scale."""

from collections.abc import Callable

import numpy as np

from benchmarks.detection.batches import LABEL, Batch, Faulty, plain
from benchmarks.detection.fault_parts import Change, Rows, everywhere, run, some
from seatrial.model.features import Array


def _classes(b: Batch) -> list[object]:
    """The labels, the first one (the negative one of two) first; none for a regression."""
    if b.target.dtype.kind == "f":
        return []
    first = dict(zip(b.target.astype(str).tolist(), b.target.tolist(), strict=True))
    return [first[key] for key in sorted(first)]


def _default(b: Batch) -> Array:
    """What an unknown label is written as: the negative class, the commonest of several, 0 for a number."""
    known = _classes(b)
    if not known:
        return np.zeros(len(b.target))
    if len(known) > 2:
        texts = b.target.astype(str).tolist()
        known = sorted(known, key=lambda label: -texts.count(str(label)))
    return np.full(len(b.target), known[0], dtype=b.target.dtype)


def _wrong(b: Batch) -> Array:
    """A wrong label for each row: another class at random, or the number of another row."""
    known = _classes(b)
    if not known:
        return np.asarray(b.target[b.g.permutation(len(b.target))])
    places = {str(label): k for k, label in enumerate(known)}
    codes = np.array([places[text] for text in b.target.astype(str).tolist()])
    other = (codes + b.g.integers(1, len(known), len(codes))) % len(known)
    return np.array([known[k] for k in other.tolist()], dtype=b.target.dtype)


def label(change: Callable[[Batch], Array], rows: Rows = everywhere) -> Change:
    """A fault of the labels."""
    return lambda b: b.labelled(rows(b), change(b))


def number_label(change: Callable[[Array], Array], rows: Rows = everywhere) -> Change:
    """A fault of labels that are numbers."""
    return lambda b: b.labelled(rows(b), change(b.target)) if b.target.dtype.kind == "f" else None


def class_label(change: Callable[[Batch], Array], rows: Rows = everywhere, least: int = 2) -> Change:
    """A fault of labels that are classes."""
    return lambda b: b.labelled(rows(b), change(b)) if len(_classes(b)) >= least else None


def _in_group(change: Callable[[Batch], Array]) -> Change:
    def apply(b: Batch) -> Faulty | None:
        found = b.group()
        return found and b.labelled(found[1], change(b), (found[0],))  # type: ignore[return-value]

    return apply


def _before(by: int) -> Callable[[Batch], Array]:
    def change(b: Batch) -> Array:
        after, rows = b.target.copy(), b.places
        after[rows] = np.roll(b.target[rows], by)
        return after

    return change


def _merged(b: Batch) -> Array:
    known = _classes(b)
    return np.array([known[0] if str(v) == str(known[1]) else v for v in b.target.tolist()], dtype=b.target.dtype)


def _one_sided(first: int) -> Callable[[Batch], Array]:
    """Only rows of one label are mislabelled."""

    def change(b: Batch) -> Array:
        known = _classes(b)
        return np.array(
            [known[1 - first] if str(v) == str(known[first]) else v for v in b.target.tolist()], dtype=b.target.dtype
        )

    return change


def _by_a_column(b: Batch) -> Faulty | None:
    """The label is a rule on one column: somebody's shortcut."""
    known, name = _classes(b), b.pick(b.numbers())
    if len(known) != 2 or name is None:
        return None
    above = b.columns[name] > np.nanmedian(b.columns[name])
    return b.labelled(b.some(0.5), np.where(above, known[1], known[0]).astype(b.target.dtype), (name,))


def _leak(noise: float) -> Change:
    """A numeric column contains the label."""

    def apply(b: Batch) -> Faulty | None:
        name = b.pick(b.numbers())
        if name is None:
            return None
        values, known = b.columns[name], _classes(b)
        places = {str(v): float(k) for k, v in enumerate(known)}
        codes = np.array([places[t] for t in b.target.astype(str).tolist()]) if known else b.target
        codes = (codes - codes.mean()) / (codes.std() or 1.0)
        after = np.nanmean(values) + np.nanstd(values) * (codes + noise * b.g.normal(size=len(codes)))
        whole = bool((values[~np.isnan(values)] % 1 == 0).all())
        after = np.clip(np.rint(after) if whole else after, np.nanmin(values), np.nanmax(values))
        return b.wrote({name: after}, b.new, (name, LABEL))

    return apply


def _leak_category(b: Batch) -> Faulty | None:
    """A category column is filled in after the label is known."""
    name, known = b.pick(b.texts()), _classes(b)
    if name is None or not known:
        return None
    values, categories = plain(b.columns[name]), b.known(name)
    common = b.target.astype(str) == str(known[-1])
    after = np.where(common, categories[0], values)
    after = np.where(~common & (values == categories[0]), categories[1], after)
    return b.wrote({name: after}, b.new, (name, LABEL))


def _newest(b: Batch, share: float) -> Array:
    """The last new rows (a mask)."""
    mask = np.zeros(len(b.new), dtype=bool)
    mask[b.places[-max(1, round(share * len(b.places))) :]] = True
    return mask


LABELS: list[tuple[str, str, Change]] = [
    ("labels_unknown_half", "half of the new rows have no label yet, which is written as the negative one",
     label(_default, some(0.5))),
    ("labels_unknown_newest", "the newest half has no label yet", label(_default, lambda b: _newest(b, 0.5))),
    ("labels_unknown_third", "the newest third has no label yet", label(_default, lambda b: _newest(b, 0.33))),
    ("labels_wrong_15", "15 % of the labels are wrong", label(_wrong, some(0.15))),
    ("labels_wrong_30", "30 % of the labels are wrong", label(_wrong, some(0.3))),
    ("labels_wrong_load", "30 % of the labels, in a row, are wrong", label(_wrong, run(0.3))),
    ("labels_wrong_group", "a group's labels are wrong", _in_group(_wrong)),
    ("label_inverted", "the labels are the other way round", class_label(_wrong)),
    ("label_inverted_half", "half of the labels, in a row, are the other way round", class_label(_wrong, run(0.5))),
    ("label_shifted", "each row has the label of the row before", label(_before(1))),
    ("label_shifted_half", "half of the rows, in a row, have the label of the row before", label(_before(1), run(0.5))),
    ("label_random", "the labels are those of other rows", label(lambda b: b.target[b.g.permutation(len(b.target))])),
    ("label_constant_load", "a third of the rows, in a row, has one label", label(_default, run(0.33))),
    ("label_default_group", "a group has one label", _in_group(_default)),
    ("label_positive_missed", "two in five positives are labelled negative", class_label(_one_sided(1), some(0.4))),
    ("label_negative_missed", "two in five negatives are labelled positive", class_label(_one_sided(0), some(0.4))),
    ("label_merged", "two classes are one", class_label(_merged, least=3)),
    ("label_by_a_column", "half of the labels follow a rule on one column", _by_a_column),
    ("label_leak", "a column contains the label", _leak(0.1)),
    ("label_leak_noisy", "a column contains the label and noise", _leak(0.6)),
    ("label_leak_category", "a category contains the label", _leak_category),
    ("target_thousand", "the target is a thousand times what it was", number_label(lambda t: t * 1000)),
    ("target_tenth", "the target is a tenth of what it was in a third", number_label(lambda t: t / 10, some(0.33))),
    ("target_currency", "the target is in another currency", number_label(lambda t: t * 1.19)),
    ("target_logarithm", "the target's logarithm was taken", number_label(lambda t: np.log1p(np.abs(t)))),
    ("target_capped", "the target is capped at its median", number_label(lambda t: np.minimum(t, np.median(t)))),
    ("target_rounded", "the target is rounded coarsely", number_label(lambda t: np.rint(t / t.std()) * t.std())),
    ("target_mean", "a quarter of the targets is the mean",
     number_label(lambda t: np.full(len(t), t.mean()), some(0.25))),
]  # fmt: skip
