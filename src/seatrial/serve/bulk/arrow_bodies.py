"""Reads the Arrow streams that clients send, in chunks of checked rows."""

import io
from collections.abc import Iterator
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.model import Release
from seatrial.model.row_validation import RowError, encodable
from seatrial.model.table_files import Chunk, RawChunk, check_chunks, from_arrow
from seatrial.serve.bulk.arrow_messages import Messages
from seatrial.serve.bulk.inlet import PieceFile
from seatrial.serve.bulk.table_bodies import BODY, CHUNK, check_names

# What Arrow raises, besides errors of its own, where a stream is damaged or a value has no Python type.
INVALID = (ArithmeticError, AttributeError, LookupError, NotImplementedError, TypeError, ValueError)


def arrow_body(release: Release, pieces: Iterator[bytes], limit: int) -> Iterator[Chunk]:
    """Read an Arrow IPC stream of at most `limit` bytes. Raises RowError, and SeatrialError for what is none."""
    messages = Messages(io.BufferedReader(PieceFile(pieces), 2**16), limit)
    for chunk in check_chunks(_raw_chunks(release, messages), BODY, release.checker):
        yield chunk
        messages.forget()


def _raw_chunks(release: Release, messages: Messages) -> Iterator[RawChunk]:
    import pyarrow as pa

    try:
        stream = pa.ipc.open_stream(pa.PythonFile(messages, mode="r"))
        check_names(release, stream.schema.names)
        for field in stream.schema:
            _check_type(field)
        for batch in stream:
            batch.validate()
            for start in range(0, batch.num_rows, CHUNK):
                yield _raw_chunk(batch.slice(start, CHUNK))
        if not messages.at_end():
            raise SeatrialError("More bytes follow the end of the Arrow stream.", hint="Send one stream.")
    except RowError:
        raise
    except (pa.ArrowException, OSError, *INVALID) as error:
        first = str(error).partition("\n")[0][:200]
        raise SeatrialError(f"{BODY} is not a valid Arrow stream: {first}", hint="Write the stream again.") from None


def _check_type(field: Any) -> None:
    """Refuse types whose values have parts: a list of nulls takes no bytes, however long it says that it is."""
    from pyarrow import types

    kind = field.type.value_type if types.is_dictionary(field.type) else field.type
    scalar = types.is_primitive(kind) or types.is_decimal(kind) or types.is_string(kind) or types.is_large_string(kind)
    if not scalar and not types.is_string_view(kind) and not types.is_null(field.type):
        name = encodable(field.name)
        hint = "Send numbers, strings, booleans, dates or times."
        raise SeatrialError(f"The column {name} has the type {str(field.type)[:100]}.", hint=hint)


def _raw_chunk(batch: Any) -> RawChunk:
    import pyarrow as pa

    batch.validate(full=True)
    columns = {}
    for field, values in zip(batch.schema, batch.columns, strict=True):
        name = encodable(field.name)
        try:
            columns[field.name] = from_arrow(values, name)
        except (pa.ArrowException, *INVALID) as error:
            hint = f"Send another type; it is {field.type}."
            raise SeatrialError(f"The column {name} cannot be read: {error}", hint=hint) from None
    return RawChunk(columns, batch.num_rows)
