"""Reads a Parquet or an Arrow file by a project's reading rules batch by batch, so that a file of any size fits.

That is possible where no cell needs another one to be understood: where columns of numbers have numbers, and no column
has dates, whose format is found in all of them together.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seatrial.model.arrow_buffers import codes_of_indices
from seatrial.model.arrow_reader import parquet_batches
from seatrial.model.raw_chunks import CHUNK, RawChunk, from_arrow
from seatrial.template.reading.conversion import ExportColumn, project_names, read_export, shares_dictionary, text_of
from seatrial.template.records import ColumnRules, TableSource

if TYPE_CHECKING:
    from seatrial.model.features import Array
    from seatrial.template.reading.rules import ReadingRules

NUMBERS = ("integer", "number")
TEXTS = ("category", "code", "text", "boolean")


@dataclass(frozen=True)
class StreamedColumns:
    """The columns of a file that are read, by their names in the project: numbers, and those read cell by cell.

    `missing_numbers` has the numbers that mean a missing value in a column.
    """

    sources: Mapping[str, str]
    numbers: tuple[str, ...]
    texts: tuple[str, ...]
    missing_numbers: Mapping[str, tuple[float, ...]]
    constants: Mapping[str, str]


def streamed_columns(
    schema: Any, name: str, rules: "ReadingRules", wanted: Sequence[str], constants: Mapping[str, str]
) -> StreamedColumns | None:
    """Say how the columns of a file with this Arrow schema are read batch by batch; None where they cannot be.

    `constants` are columns of one value that are added to them.
    """
    import pyarrow as pa

    if len(set(schema.names)) != len(schema.names):
        return None
    names = [column for column in schema.names if not column.startswith("__index_level_")] + [*constants]
    source = TableSource(name, pa.table({column: pa.nulls(0) for column in names}))
    sources = {own: old for own, old in zip(project_names(source, rules), names, strict=True) if own in wanted}
    numbers, texts = [], []
    for own, old in sources.items():
        if old in constants:
            texts.append(own)
            continue
        column, kind = rules.columns.get(own) or ColumnRules(own, "text"), schema.field(old).type
        numeric = pa.types.is_integer(kind) or pa.types.is_floating(kind)
        if column.kind in NUMBERS and numeric and column.unit != "%":
            numbers.append(own)
        elif column.kind in TEXTS and not column.labels and _is_text_or_whole(kind):
            texts.append(own)
        else:
            return None
    missing = {own: _numbers_in(rules.missing_of(rules.columns[own])) for own in numbers}
    return StreamedColumns(sources, tuple(numbers), tuple(texts), missing, constants)


def streamed_chunks(
    path: Path, columns: StreamedColumns, rules: "ReadingRules", notes: list[str], keep: Sequence[str] = ()
) -> Iterator[RawChunk]:
    """Read a file in chunks; `notes` grows by what a person should know about how it was read.

    The columns of the file that `keep` names are in each chunk as they are.
    """
    import pyarrow as pa

    remembered = _RememberedTexts()
    own = [name for name in dict.fromkeys([*columns.sources.values(), *keep]) if name not in columns.constants]
    for whole in parquet_batches(path, own, CHUNK):
        rows = whole.num_rows
        added = {n: pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), [v]) for n, v in columns.constants.items()}
        batch = {**dict(zip(own, whole.columns, strict=True)), **added}
        raw: dict[str, list[Any] | Array] = {}
        for name in columns.numbers:
            values = np.asarray(from_arrow(batch[columns.sources[name]], columns.sources[name]))
            raw[name] = _without(values, columns.missing_numbers[name])
        texts = {}
        for name in columns.texts:
            values = batch[columns.sources[name]]
            known = remembered.values(name, values)
            if known is None:
                texts[columns.sources[name]] = values
            else:
                raw[name] = known
        if texts:
            export = read_export(TableSource(path.name, pa.table(texts)), rules, ())
            notes += [note for note in export.notes if _about(note) not in map(_about, notes)]
            for name, column in export.columns.items():
                raw[name] = column.as_array()
                remembered.add(name, batch[columns.sources[name]], column)
        yield RawChunk(raw, rows, kept={name: batch[name] for name in keep})


class _RememberedTexts:
    """The columns as they were read last: the batches of a part of a file share their distinct values."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[Any, ExportColumn]] = {}

    def add(self, name: str, values: Any, column: ExportColumn) -> None:
        """Remember how the distinct values of an Arrow array were read."""
        if shares_dictionary(values):
            self._last[name] = (values.dictionary, column)

    def values(self, name: str, values: Any) -> "Array | None":
        """The values of an Arrow array with the same distinct values; None where they are others."""
        if name not in self._last or not shares_dictionary(values):
            return None
        dictionary, column = self._last[name]
        if not dictionary.equals(values.dictionary):
            return None
        shared: Array = column.values_at(codes_of_indices(values.indices, null=len(dictionary)))
        return shared


def _is_text_or_whole(kind: Any) -> bool:
    import pyarrow as pa

    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    return bool(text or pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind))


def _numbers_in(texts: frozenset[str]) -> tuple[float, ...]:
    """The numbers among texts that mean a missing value, such as -999."""
    found = []
    for text in texts:
        try:
            found.append(float(text))
        except ValueError:
            continue
    return tuple(number for number in found if text_of(number) in texts)


def _without(values: "Array", missing: tuple[float, ...]) -> "Array":
    """The numbers with NaN for infinite ones and for those that mean a missing value, as cells are read."""
    if values.dtype == object:  # whole numbers that float64 has not
        return np.array([None if value in missing else value for value in values.tolist()], dtype=object)
    gone = np.isinf(values)
    if missing:
        gone |= np.isin(values, missing)
    return np.where(gone, np.nan, values) if gone.any() else values


def _about(note: str) -> str:
    """What a note is about: a column has one example of what was converted."""
    return note.partition(", such as")[0]
