"""What requests had in them, in bins: each input, how they fit together, repeated rows, and a sample of the newest."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from seatrial.model.features import Array
from seatrial.watch.number_causes import is_longer
from seatrial.watch.release_reference import FAR, ColumnBins, ReleaseReference, number_values
from seatrial.watch.row_fit import LEVELS, row_fits
from seatrial.watch.tallies import SlotCounts

INPUT = "input_"  # the begin of the names of inputs in the log
MOST_SAMPLED = 20_000  # rows
MOST_SIGNATURES = 2_000_000  # of rows that are remembered to find repeated ones; hours that no batch had lately go
MOST_FITTED = 2_000  # rows of an hour and a batch, of which the fit is looked at
NEW, REPEATED = 0, 1


class InputTally:
    """Counts the inputs of all versions in the bins of one release, the newest that served."""

    def __init__(self, reference: ReleaseReference) -> None:
        self.bins = reference.bins
        self.counts = {each.name: SlotCounts(each.size) for each in self.bins}
        self.lags = {each.name: SlotCounts(2 * FAR + 2) for each in self.bins if each.has_hours}
        self.longer = {each.name: SlotCounts(2) for each in self.bins if each.decimals is not None}
        self.fits = row_fits(self.bins, [reference_codes(each, reference) for each in self.bins])
        self.fit_counts = {each.name: SlotCounts(LEVELS) for each in self.fits}
        self.repeats = SlotCounts(2)
        self._signatures: dict[int, Array] = {}  # of the hours that were added to last, in order
        self.absent: dict[str, set[str]] = {}  # columns that a version's log does not have

    @property
    def columns(self) -> Sequence[str]:
        """The inputs."""
        return [INPUT + each.name for each in self.bins]

    def add(self, batch: Any, version: str, slots: Array) -> None:
        """Count a batch."""
        codes: dict[str, Array] = {}
        signature = slots.astype(np.uint64)
        for each in self.bins:
            array = logged(batch, each)
            if array is None:
                self.absent.setdefault(version, set()).add(each.name)
                continue
            numbers = number_values(array) if each.form == "number" else None
            codes[each.name] = each.codes(array) if numbers is None else each.number_codes(numbers)
            self.counts[each.name].add(version, slots, codes[each.name])
            if numbers is not None and each.decimals is not None:
                self.longer[each.name].add(version, slots, is_longer(numbers, each.decimals).astype(np.int64))
            if each.name in self.lags:
                self.lags[each.name].add(version, slots, each.lags(array, slots))
            signature = _mixed(
                signature, _values_of(array, codes[each.name]) if numbers is None else numbers.view(np.uint64)
            )
        every = slice(None, None, len(slots) // (MOST_FITTED * len(np.unique(slots)) + 1) + 1)
        for fit in self.fits:
            if {fit.name, *fit.partners} <= {*codes}:
                found = fit.codes(codes[fit.name][every], [codes[name][every] for name in fit.partners])
                self.fit_counts[fit.name].add(version, slots[every], found)
        self.repeats.add(version, slots, self._repeated(slots, signature))

    def _repeated(self, slots: Array, signatures: Array) -> Array:
        """Mark rows that a row of the same hour before them has the signature of (rows,), in whichever batch."""
        marked = np.full(len(slots), REPEATED, dtype=np.int64)
        for slot in np.unique(slots).tolist():
            rows = np.flatnonzero(slots == slot)
            own, first = np.unique(signatures[rows], return_index=True)
            known = self._signatures.pop(slot, own[:0])
            new = ~np.isin(own, known)
            marked[rows[first[new]]] = NEW
            self._signatures[slot] = np.concatenate([known, own[new]])
        while len(self._signatures) > 1 and sum(map(len, self._signatures.values())) > MOST_SIGNATURES:
            del self._signatures[next(iter(self._signatures))]
        return marked


def logged(rows: Any, bins: ColumnBins) -> Any:
    """An input's column in a pyarrow batch or table of the log; None where there is none, or none that is compared."""
    name = INPUT + bins.name
    if name not in rows.schema.names or not bins.takes(rows.schema.field(name).type):
        return None
    column = rows.column(name)
    return column.combine_chunks() if hasattr(column, "combine_chunks") else column


def reference_codes(bins: ColumnBins, reference: ReleaseReference) -> Array:
    """The bins of a column's held-out values (n,)."""
    import pyarrow as pa

    values = reference.columns[bins.name]
    if bins.form == "number":
        return bins.number_codes(values.astype(np.float64))
    texts = [None if value in (None, "") else str(value) for value in values.tolist()]
    if bins.form == "moment":
        texts = [text.replace(" ", "T").removesuffix("Z")[:19] if text else None for text in texts]
        texts = [f"{text}T00:00:00" if text and len(text) == 10 else text for text in texts]
    return bins.codes(pa.array(texts, pa.string()))


def _values_of(array: Any, codes: Array) -> Array:
    """What tells a value from others, as uint64 (rows,): a number itself, of others their bin."""
    import pyarrow as pa

    kind = array.type
    if pa.types.is_floating(kind) or pa.types.is_integer(kind):
        numbers = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        return np.ascontiguousarray(numbers).view(np.uint64)
    return codes.astype(np.uint64)


def _mixed(signature: Array, values: Array) -> Array:
    """Mix values into signatures of rows (the finalizer of SplitMix64, Steele et al. 2014)."""
    with np.errstate(over="ignore"):
        mixed = (signature ^ values) * np.uint64(0xBF58476D1CE4E5B9) + np.uint64(0x9E3779B97F4A7C15)
    return np.asarray(mixed ^ (mixed >> np.uint64(29)))


class SampleTally:
    """Keeps some rows of the hours from `first` to `last` as they are: only they show what was done to them.

    Each row gets a random number, and an hour keeps the rows with the lowest ones (a bottom-k sample, Cohen and Kaplan
    2007). So it does not matter when in an hour, or in which batch, a row comes.
    """

    def __init__(self, names: Sequence[str], first: int, last: int) -> None:
        self._names = [*names, "key"]
        self._first, self._last = first, last
        self._most = max(MOST_SAMPLED // max(last - first + 1, 1), 1)  # rows of an hour
        self._kept: dict[int, list[tuple[Any, Array]]] = {}
        self._draw = np.random.default_rng(16)

    @property
    def columns(self) -> Sequence[str]:
        """The inputs, and who asked."""
        return self._names

    def add(self, batch: Any, version: str, slots: Array) -> None:  # noqa: ARG002 - the same for all versions
        """Keep up to so many rows of each hour."""
        import pyarrow as pa

        names = [name for name in self._names if name in batch.schema.names]
        for slot in np.unique(slots[(slots >= self._first) & (slots <= self._last)]).tolist():
            rows = np.flatnonzero(slots == slot)
            numbers = self._draw.random(len(rows))
            best = np.argsort(numbers)[: self._most]
            parts = self._kept.setdefault(slot, [])
            parts.append((batch.select(names).take(pa.array(rows[best])), numbers[best]))
            if sum(len(part) for _, part in parts) > 2 * self._most:
                self._kept[slot] = [self._lowest(parts)]

    def _lowest(self, parts: Sequence[tuple[Any, Array]], most: int | None = None, below: float = 2.0) -> Any:
        """The rows with the lowest numbers, in their order, and the numbers."""
        import pyarrow as pa

        table = pa.concat_tables(
            [rows if isinstance(rows, pa.Table) else pa.Table.from_batches([rows]) for rows, _ in parts],
            promote_options="permissive",
        )
        numbers = np.concatenate([part for _, part in parts])
        best = np.argsort(numbers)[: self._most if most is None else most]
        best = best[numbers[best] <= below]
        return table.take(pa.array(best)), numbers[best]

    def table(self, since: int, last: int) -> Any:
        """Rows of the hours from `since` to `last`, as a pyarrow.Table in random order; None if there are none.

        Each row of these hours is in it with the same probability.
        """
        hours = [self._lowest(parts) for slot, parts in sorted(self._kept.items()) if since <= slot <= last]
        if not hours:
            return None
        below = min((float(numbers[-1]) for _, numbers in hours if len(numbers) >= self._most), default=1.0)
        table = self._lowest(hours, sum(len(numbers) for _, numbers in hours), below)[0]
        return table if table.num_rows else None
