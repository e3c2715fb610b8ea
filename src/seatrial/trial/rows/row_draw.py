"""Draws rows that production was asked from the prediction log in one pass and in bounded memory.

Each row has a hash of its inputs and the seed. The rows with the smallest hashes are a random sample of the distinct
rows, whatever their order and however often each was asked (bottom-k sampling, Cohen and Kaplan 2007), and the largest
hash that is kept says how many distinct rows there are. There is a sample for each answer, and for rows with a label.
"""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from seatrial.model.features import Array, Floats
from seatrial.model.row_hash import Numbers, mixed, text_hash, value_hashes

if TYPE_CHECKING:
    import pyarrow as pa

INPUT = "input_"  # before the names of inputs, in the log
MOST_ANSWERS = 8  # that have a sample of their own; rarer ones share one
MOST_TWINS = 3  # answers of one version to the same inputs
BANDS = 8  # of a regression's answers
Mask = npt.NDArray[np.bool_]


class RowDraw:
    """Draws at most about `limit` of the distinct rows in batches of the log; `version` is preferred of equal rows.

    `inputs` are the names of columns of the schema, `labelled` the request IDs that have a label.
    """

    def __init__(
        self, inputs: Sequence[str], version: str, limit: int, *, seed: int = 0, labelled: Collection[str] = ()
    ) -> None:
        import pyarrow as pa

        self._inputs = sorted(inputs)
        self._version = version
        self._limit = limit
        self._start = text_hash(f"seatrial traffic {seed}")
        self._labelled = pa.array(labelled, pa.string())
        self._tables: list[pa.Table] = []
        self._keys: list[Array] = []  # (n, 4) of each table: sample, hash, twin, order
        self._waiting = 0
        self._answers: dict[str, int] = {}
        self._edges: Floats | None = None
        self._bounds: dict[int, int] = {}  # the largest hash of each full sample
        self.logged = 0
        self.by_version: dict[str, int] = {}

    def add(self, batch: "pa.RecordBatch") -> None:
        """Look at a batch of rows."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if not batch.num_rows:
            return
        self.logged += batch.num_rows
        for each in pc.value_counts(batch.column("version")).to_pylist():
            self.by_version[each["values"]] = self.by_version.get(each["values"], 0) + each["counts"]
        hashes = self._hashes(batch, [INPUT + name for name in self._inputs])
        samples = self._samples(batch)
        bounds = np.full(int(samples.max()) + 1, 2**64 - 1, dtype=np.uint64)
        for sample, bound in self._bounds.items():
            if sample < len(bounds):
                bounds[sample] = bound
        kept = np.flatnonzero(hashes <= bounds[samples])
        if not len(kept):
            return
        batch = batch.take(pa.array(kept))
        own = np.asarray(pc.equal(batch.column("version"), self._version))
        scores = [name for name in batch.schema.names if name.startswith("probability_")] or ["prediction"]
        twins = np.where(own, self._hashes(batch, scores), np.uint64(0))
        moments = np.asarray(batch.column("time").cast(pa.int64())).astype(np.uint64)
        order = np.where(own, np.uint64(0), np.uint64(2**63)) + (np.uint64(2**62) - moments)  # its own, then newer ones
        self._tables.append(pa.Table.from_batches([batch]))
        self._keys.append(np.stack([samples[kept].astype(np.uint64), hashes[kept], twins, order], axis=1))
        self._waiting += len(kept)
        if self._waiting > 4 * self._limit + 100_000:
            self._compact()

    def drawn(self) -> tuple["pa.Table", Floats, Mask, float]:
        """The drawn rows, their weights, which of them come first of equal ones, and the number of distinct rows."""
        self._compact()
        table, keys = self._tables[0], self._keys[0]
        samples, ranks = keys[:, 0].astype(np.int64), _ranks(keys)
        sizes, totals = {}, {}
        for sample in np.unique(samples).tolist():
            inside = samples == sample
            sizes[sample] = int(ranks[inside].max()) + 1
            full = sample in self._bounds
            totals[sample] = (sizes[sample] - 1) / (self._bounds[sample] / 2.0**64) if full else float(sizes[sample])
        quotas = _quotas(sizes, totals, self._limit)
        kept = np.flatnonzero(ranks < np.array([quotas[sample] for sample in samples.tolist()]))
        weights = np.array([totals[sample] / quotas[sample] for sample in samples[kept].tolist()])
        keys = keys[kept]
        order = np.lexsort((keys[:, 3], keys[:, 0] % 2 == 0, keys[:, 1]))  # of equal rows, one with a label first
        first = np.zeros(len(kept), dtype=bool)
        if len(kept):
            first[order] = np.concatenate([[True], keys[order[1:], 1] != keys[order[:-1], 1]])
        return (
            table.take(kept),
            weights / max(weights.mean(), 1e-300) if len(kept) else weights,
            first,
            sum(totals.values()),
        )

    def _hashes(self, batch: "pa.RecordBatch", names: Sequence[str]) -> Numbers:
        total = np.full(batch.num_rows, self._start, dtype=np.uint64)
        for name in names:
            total = mixed(total ^ text_hash(name)) ^ _hashes_of(batch.column(name))
        return mixed(total)

    def _samples(self, batch: "pa.RecordBatch") -> Array:
        """Which sample each row belongs to: twice the number of its answer, and one more if it has a label."""
        import pyarrow as pa
        import pyarrow.compute as pc

        answers = batch.column("prediction")
        if pa.types.is_floating(answers.type):
            values = answers.to_numpy(zero_copy_only=False)
            if self._edges is None:
                self._edges = np.unique(np.nanquantile(values, np.arange(1, BANDS) / BANDS))
            groups = np.searchsorted(self._edges, values)
        else:
            coded = answers.cast(pa.string()).dictionary_encode()
            known = [str(each) for each in coded.dictionary.to_pylist()]
            places = [self._answers.setdefault(each, min(len(self._answers), MOST_ANSWERS)) for each in known]
            groups = np.array([*places, MOST_ANSWERS])[coded.indices.fill_null(len(places)).to_numpy()]
        with_label = np.asarray(pc.is_in(batch.column("request_id"), value_set=self._labelled))
        return np.asarray(2 * groups.astype(np.int64) + with_label)

    def _compact(self) -> None:
        """Keep the smallest hashes of each sample, and of equal rows one; different answers of one version stay."""
        import pyarrow as pa

        table = pa.concat_tables(self._tables)
        keys = np.concatenate(self._keys)
        order = np.lexsort((keys[:, 3], keys[:, 2], keys[:, 1], keys[:, 0]))
        keys = keys[order]
        new = np.ones(len(keys), dtype=bool)
        new[1:] = (keys[1:, :3] != keys[:-1, :3]).any(axis=1)
        new[MOST_TWINS:] &= (keys[MOST_TWINS:, :2] != keys[:-MOST_TWINS, :2]).any(axis=1)
        order, keys = order[new], keys[new]
        ranks = _ranks(keys)
        for sample in np.unique(keys[:, 0]).tolist():
            inside = (keys[:, 0] == sample) & (ranks == self._limit - 1)
            if inside.any() and (sample in self._bounds or bool((ranks[keys[:, 0] == sample] >= self._limit).any())):
                self._bounds[int(sample)] = int(keys[inside, 1][0])
        kept = ranks < self._limit
        self._tables, self._keys = [table.take(order[kept])], [keys[kept]]
        self._waiting = 0


def _ranks(keys: Array) -> Array:
    """The place of each row's hash among the distinct ones of its sample, for keys in their order; (n,)."""
    if not len(keys):
        return np.zeros(0, dtype=np.int64)
    begins = np.concatenate([[True], keys[1:, 0] != keys[:-1, 0]])
    changed = begins | np.concatenate([[True], keys[1:, 1] != keys[:-1, 1]])
    counted = np.cumsum(changed) - 1
    return np.asarray(counted - np.maximum.accumulate(np.where(begins, counted, 0)))


def _quotas(sizes: dict[int, int], totals: dict[int, float], limit: int) -> dict[int, int]:
    """How many rows of each sample are taken: half of the limit evenly, the rest by how many rows there are."""
    if sum(sizes.values()) <= limit:
        return dict(sizes)
    even = limit // (2 * len(sizes))
    taken = {sample: min(size, even) for sample, size in sizes.items()}
    left, whole = limit - sum(taken.values()), sum(totals.values())
    return {s: max(1, min(size, taken[s] + int(left * totals[s] / whole))) for s, size in sizes.items()}


def _hashes_of(array: "pa.Array") -> Numbers:
    import pyarrow as pa

    kind = array.type
    if pa.types.is_boolean(kind):
        array, kind = array.cast(pa.int8()), pa.int8()
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return value_hashes(array.to_numpy(zero_copy_only=False))
    coded = array.cast(pa.string()).dictionary_encode()
    known = np.array([text_hash(each) for each in [*coded.dictionary.to_pylist(), ""]], dtype=np.uint64)
    return np.asarray(known[coded.indices.fill_null(len(known) - 1).to_numpy()])
