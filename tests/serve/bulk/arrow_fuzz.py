"""Damaged Arrow streams for one release; run as a process of its own, since a fault in Arrow would end it.

Prints how many streams were read and refused, and raises anything else that happens.
"""

import datetime as dt
import json
import random
import re
import struct
import sys
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
from tests.serve.bulk.tables import stream_of, table_of

from seatrial.core.errors import SeatrialError
from seatrial.model import Release
from seatrial.model.row_validation import RowError
from seatrial.serve.bulk.arrow_bodies import arrow_body

LIMIT = 2**27
NUMBERS = [0, 1, -1, 2**31 - 1, 2**31, 2**32 - 1, 2**62, -(2**63), 2**40, 8, 255, 65536]


def bases(release: Release) -> list[bytes]:
    rows = [release.metadata.example, release.metadata.typical] * 40
    table = table_of(release, rows)
    encoded = pa.table(
        [c.dictionary_encode() if pa.types.is_string(c.type) else c for c in table.columns], names=table.column_names
    )
    odd = {
        "list": pa.array([[1, None], None] * 40),
        "struct": pa.array([{"a": 1, "b": "x"}, None] * 40),
        "decimal": pa.array([Decimal("1.5"), None] * 40),
        "date": pa.array([dt.date(2024, 1, 1), None] * 40),
        "moment": pa.array([1, None] * 40, pa.timestamp("ns", "Europe/Berlin")),
        "binary": pa.array([b"\xff", None] * 40),
        "null": pa.nulls(80),
        "runs": pa.RunEndEncodedArray.from_arrays(pa.array([40, 80], pa.int32()), pa.array(["a", None])),
        "half": pa.array([1.5, None] * 40, pa.float32()).cast(pa.float16()),
        "view": pa.array(["x", None] * 40, pa.string_view()),
    }
    names = table.column_names
    typed = [
        stream_of(table.set_column(names.index(name), name, values))
        for name, values in zip((names * 2)[: len(odd)], odd.values(), strict=True)
    ]
    packed = [stream_of(table, batch=30, options=pa.ipc.IpcWriteOptions(compression=c)) for c in ("lz4", "zstd")]
    return [stream_of(table, batch=30), stream_of(encoded, batch=30), *packed, *typed]


def damaged(data: bytes, generator: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(generator.choice([1, 1, 1, 2, 5])):
        place = generator.randrange(len(changed))
        way = generator.randrange(6)
        if way == 0:
            changed[place] ^= 1 << generator.randrange(8)
        elif way == 1:
            changed[place] = generator.randrange(256)
        elif way == 2:
            place -= place % 8
            changed[place : place + 8] = struct.pack("<q", generator.choice(NUMBERS))
        elif way == 3:
            place -= place % 4
            changed[place : place + 4] = struct.pack("<I", generator.choice(NUMBERS) % 2**32)
        elif way == 4:
            del changed[place:]
        else:
            start = generator.randrange(len(changed))
            changed[place:place] = changed[start : start + generator.randrange(1, 64)]
        if not changed:
            return b""
    return bytes(changed)


def main(package: str, count: int, seed: int) -> None:
    release = Release(package).load()
    generator = random.Random(seed)
    streams = bases(release)
    outcomes: Counter[str] = Counter()
    slowest = 0.0
    last = Path("last.arrow")
    for _ in range(count):
        data = damaged(generator.choice(streams), generator)
        last.write_bytes(data)
        began = time.perf_counter()
        try:
            for chunk in arrow_body(release, iter([data]), LIMIT):
                release.score_table(chunk.columns)
            outcomes["read"] += 1
        except (RowError, SeatrialError) as error:
            outcomes[type(error).__name__] += 1
        slowest = max(slowest, time.perf_counter() - began)
    peak = int(re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[0]) * 1024
    sys.stdout.write(json.dumps({**outcomes, "slowest": slowest, "peak_mb": peak / 1e6}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
