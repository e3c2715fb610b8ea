"""What would close a gap: the sort of rows that tell a missed fault, or the line of the policy that stops it."""

from collections.abc import Iterator

import numpy as np

from seatrial.model.features import Array, Columns

COVERED = 0.9  # of the rows that a fault changes, a sort of rows has to hold this share to be named
MOST_VALUES = 30


def telling_rows(many: Columns, differ: Array, asked: Columns) -> tuple[str, ...]:
    """Say which sort of rows a fault changes, of `many` (`differ`, a mask), and how many of those asked are of it."""
    if not differ.any():
        return ("It changes labels and no score, and of the golden rows, where labels are compared, it changes none.",)
    best: tuple[float, str, Array] | None = None
    for words, inside, among in _sorts(many, asked):
        covered = float(inside[differ].mean())
        exact = float(differ[inside].mean()) if inside.any() else 0.0
        if covered >= COVERED and (best is None or covered * exact > best[0] + 1e-9):
            best = (covered * exact, words, among)
    size = len(next(iter(asked.values())))
    # A sort that most rows are of explains nothing: a random half of all rows would hold half of the changed ones.
    if best is None or best[0] < min(2 * float(differ.mean()), 0.9):
        return (
            f"It changes {differ.mean():.1%} of made-up rows, and none of the {size:,} that are asked: "
            "give the trial more rows with `--data`.",
        )
    here = int(best[2].sum())
    told = f"{here} of the {size:,} rows asked" if here else f"none of the {size:,} rows asked"
    return (f"It shows in rows with {best[1]}; {told} {'is' if here < 2 else 'are'} so: give more with `--data`.",)


def _sorts(many: Columns, asked: Columns) -> Iterator[tuple[str, Array, Array]]:
    """Sorts of rows that can be said in a few words: (words, which of `many`, which of `asked`)."""
    for name, values in many.items():
        here = asked[name]
        if values.dtype.kind == "f":
            yield f"`{name}` missing", np.isnan(values), np.isnan(here)
            yield f"`{name}` = 0", values == 0, here == 0
            yield f"a fraction in `{name}`", values % 1 > 0, here % 1 > 0
            known = values[~np.isnan(values)]
            for edge in np.unique(np.quantile(known, [0.9, 0.97, 0.99])).tolist() if len(known) else []:
                yield f"`{name}` above {edge:.4g}", values > edge, here > edge
            for edge in np.unique(np.quantile(known, [0.1, 0.03])).tolist() if len(known) else []:
                yield f"`{name}` below {edge:.4g}", values < edge, here < edge
            continue
        yield f"`{name}` missing", _is(values, None), _is(here, None)
        padded = [np.array([v is not None and v != str(v).strip() for v in part.tolist()]) for part in (values, here)]
        yield f"padding in `{name}`", padded[0], padded[1]
        known_values = set(values.tolist()) - {None}
        if len(known_values) <= MOST_VALUES:
            for value in sorted(known_values):
                yield f"`{name}` = {value}", _is(values, value), _is(here, value)


def _is(values: Array, wanted: object) -> Array:
    return np.array([value == wanted for value in values.tolist()], dtype=bool)
