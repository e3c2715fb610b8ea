"""Reads the Arrow streams that clients send, in chunks of checked rows."""

import io
from collections.abc import Iterator
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.model import Release
from seatrial.model.table_files import Chunk, RawChunk, check_chunks, from_arrow
from seatrial.serve.bulk.arrow_messages import Messages
from seatrial.serve.bulk.inlet import PieceFile
from seatrial.serve.bulk.table_bodies import BODY, CHUNK, check_names


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
        for batch in stream:
            batch.validate()
            for start in range(0, batch.num_rows, CHUNK):
                yield _raw_chunk(batch.slice(start, CHUNK))
        if not messages.at_end():
            raise SeatrialError("More bytes follow the end of the Arrow stream.", hint="Send one stream.")
    except (pa.ArrowException, OSError) as error:
        first = str(error).partition("\n")[0][:200]
        raise SeatrialError(f"{BODY} is not a valid Arrow stream: {first}", hint="Write the stream again.") from None


def _raw_chunk(batch: Any) -> RawChunk:
    import pyarrow as pa

    batch.validate(full=True)
    columns = {}
    for field, values in zip(batch.schema, batch.columns, strict=True):
        try:
            columns[field.name] = from_arrow(values)
        except (pa.ArrowException, ArithmeticError, LookupError, TypeError, ValueError) as error:
            hint = f"Send another type; it is {field.type}."
            raise SeatrialError(f"The column {field.name} cannot be read: {error}", hint=hint) from None
    return RawChunk(columns, batch.num_rows)
