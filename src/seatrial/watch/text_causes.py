"""What was done to texts: known values that are written in another way, merged, or exchanged with each other."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from seatrial.model.features import Array
from seatrial.watch.changed_numbers import mixture_shares, smoothed
from seatrial.watch.number_causes import ColumnCause
from seatrial.watch.release_reference import ColumnBins

MOST_UNSEEN = 200  # values that are compared with known ones
NEARLY_ALL = 0.8  # of the rows with unseen values, that must be known ones in another form
LEAST_GAIN = 12.0  # nats
EXPLAINED = 0.9  # of what is new
SHORTEST = 3  # characters of a value that was cut off
WHOLE = 0.9  # of the rows
MOST_PAIRED = 12  # values of a column


def respelled(bins: ColumnBins, new: Array) -> ColumnCause | None:
    """Unseen texts of the newest rows (m,) that are known ones in another form: case, spaces, encoding, cut off."""
    unseen = np.array([value is not None and not bins.knows(value) for value in new.tolist()])
    values, counts = np.unique(new[unseen].astype(str), return_counts=True)
    known = [*bins.values, *sorted(bins.others)]
    for words, form in _FORMS.items():
        forms = form(known)
        found = [(value, was) for value in values[:MOST_UNSEEN].tolist() if (was := forms(value)) is not None]
        matched = {value for value, _ in found}
        rows = sum(count for value, count in zip(values.tolist(), counts.tolist(), strict=True) if value in matched)
        if found and rows >= NEARLY_ALL * counts.sum():
            common = values[counts.argmax()]
            value, was = next((pair for pair in found if pair[0] == common), found[0])
            text = f"is written in another way: {value!r} where it was {was!r} ({words}): a category was renamed"
            return ColumnCause("renamed", text, unseen)
    return None


def _same_letters(known: Sequence[str]) -> Callable[[str], str | None]:
    forms = {_letters(value): value for value in known}
    return lambda value: forms.get(_letters(value))


def _letters(value: str) -> str:
    return "".join(character for character in value.casefold() if character.isalnum())


def _decoded(known: Sequence[str]) -> Callable[[str], str | None]:
    forms = {form: value for value in known for form in _wrongly_decoded(value)}
    return forms.get


def _wrongly_decoded(value: str) -> Iterable[str]:
    if value.isascii():
        return
    for written, read in (("utf-8", "latin-1"), ("utf-8", "cp1252"), ("latin-1", "utf-8")):
        decoded = value.encode(written, "replace").decode(read, "replace")
        if decoded != value:
            yield decoded


def _cut_off(known: Sequence[str]) -> Callable[[str], str | None]:
    def find(value: str) -> str | None:
        longer = [each for each in known if each.startswith(value)] if len(value) >= SHORTEST else []
        return longer[0] if len(longer) == 1 else None

    return find


_FORMS: dict[str, Callable[[Sequence[str]], Callable[[str], str | None]]] = {
    "other case, spaces or punctuation": _same_letters,
    "another encoding": _decoded,
    "cut off": _cut_off,
}


def regrouped(bins: ColumnBins, before: Array, codes: Array) -> ColumnCause | None:
    """Known values of which one has become another, two were exchanged, or one no longer comes, in all rows.

    `before` are the counts of the bins before the change (size,), `codes` the bins of the newest rows (m,).
    """
    known = range(2, 2 + min(len(bins.values), MOST_PAIRED))
    counts = np.bincount(codes, minlength=bins.size).astype(np.float64)
    if len(known) < 2 or not counts.sum() or not before.sum():
        return None
    usual = smoothed(before.astype(np.float64))
    ways: list[tuple[int, int | None, bool]] = [(a, None, False) for a in known]
    ways += [(a, b, both) for a in known for b in known for both in (False, True) if a != b and not (both and a > b)]
    moved = np.stack([_moved(usual, *way) for way in ways])
    counts *= before.sum() / (before.sum() + counts.sum())
    shares, gains = mixture_shares(counts, usual, moved)
    # In some rows, it could not be told from other rows.
    gains = np.where(shares > WHOLE, gains, 0.0)
    best = int(gains.argmax())
    shown = counts / counts.sum()
    most = float((counts * np.log(np.maximum(shown, 1e-12) / usual)).sum()) - len(known) / 2
    if gains[best] < max(LEAST_GAIN, EXPLAINED * most):
        return None
    a, b, both = ways[best]
    if b is None:
        gone = bins.names[a].removeprefix("= ")
        return ColumnCause("moved", f"no longer has {gone!r}: such requests no longer come", np.zeros(0), 0.6)
    was, now = (bins.names[k].removeprefix("= ") for k in (a, b))
    share = float(shares[best] * usual[a] + (shares[best] * usual[b] if both else 0.0))
    words = f"has {was!r} and {now!r} exchanged" if both else f"has {now!r} where it had {was!r}"
    return ColumnCause("regrouped", words, np.zeros(0), 0.9, share)


def _moved(usual: Array, a: int, b: int | None, both: bool) -> Array:
    """The shares of the bins if `a` has become `b`, or its rows no longer come."""
    moved = usual.copy()
    if b is None:
        moved[a] = 1e-6
        return np.asarray(moved / moved.sum())
    moved[b] = usual[a] if both else usual[a] + usual[b]
    moved[a] = usual[b] if both else 1e-6
    return np.asarray(moved / moved.sum())
