"""What a segment holds: a line of JSON for each turn of the event loop, or for an unusual request or a part of one.

The values of a row are a list in the order of the release's columns, which stand once in a file of the spool, with
their types. A turn's requests are lists too, in the order of segments.TURN. So a request costs half a microsecond and
some 180 bytes, and the shipper has less to parse.
"""

import hashlib
import hmac
import importlib.metadata
import json
import os
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from operator import itemgetter
from pathlib import Path
from time import perf_counter, time_ns
from typing import Any
from zlib import crc32

from pydantic_core import to_json

from seatrial.core.errors import SeatrialError
from seatrial.core.files import write_atomic
from seatrial.core.trace_context import parse_traceparent
from seatrial.model import Release
from seatrial.model.schema import Column
from seatrial.prediction_log.log_settings import KEY_VARIABLE, LogSettings

KEY_FILE = "key"  # in the spool, where the variable is not set
SHORTEST_KEY = 16
MOST_ERRORS = 100  # of a refused request, in its record

_MOMENTS = {"date": "date", "date-time": "datetime", "time": "time", "duration": "duration"}


# A request's exchange, its checked rows, what the model said about them, and the values that training did not see.
Answer = tuple[Any, Sequence[Any], Sequence[Any], Sequence[Any]]


class Records:
    """Makes the records of one release.

    `add_hashes` are the positions of values that only a keyed hash is kept of. A record is bytes that end in a newline.
    """

    def __init__(self, release: Release, settings: LogSettings, spool: Path) -> None:
        logged = _logged(release, settings)
        self.facts = _facts(release, logged, settings)
        self.wheel: str = self.facts["wheel"]
        names = [column.name for column in logged]
        self._values = _getter(names)
        self.positions = [position for position, column in enumerate(release.columns) if column.name in names]
        self._hashed = [position for position, name in enumerate(names) if name in settings.hashed]
        self._key = _key(spool) if self._hashed else b""
        self.keeps_all = settings.share == 1
        self._below = int(settings.share * 2**32)  # checksums of the IDs of requests that are kept
        self._known = frozenset(column.name for column in release.columns)
        self._classifier = release.metadata.task != "regression"

    def keeps(self, request_id: str) -> bool:
        """Whether a request is in the share that is logged; the same for all of its records."""
        return self.keeps_all or crc32(request_id.encode()) < self._below

    def turn(self, answers: Sequence[Answer]) -> bytes:
        """The records of what is answered in one turn of the event loop; nearly all have one row."""
        now, clock, wheel, values = time_ns() // 1000, perf_counter(), self.wheel, self._values
        plain = self._classifier and not self._hashed
        records, turn = [], []
        for exchange, rows, scored, unseen in answers:
            if not plain or len(rows) != 1 or unseen or exchange.trace:
                records.append(self.answered(exchange, rows, scored, unseen))
                continue
            position, shares = scored[0]
            took = int((clock - exchange.began) * 1e6)
            row = values(rows[0].__dict__)
            turn.append((exchange.request_id, exchange.route, exchange.key, took, (row,), (shares,), (position,)))
        if turn:
            records.append(to_json({"t": now, "w": wheel, "turn": turn}) + b"\n")
        return b"".join(records)

    def answered(self, exchange: Any, rows: Iterable[Any], scored: Sequence[Any], unseen: Sequence[Any] = ()) -> bytes:
        """The record of an answered `exchange`: its checked rows, and what the model said about each of them."""
        values = self._values
        return self.table(exchange, [values(row.__dict__) for row in rows], scored, unseen)

    def table(
        self,
        exchange: Any,
        rows: list[Any],
        scored: Sequence[Any],
        unseen: Sequence[Any] = (),
        *,
        first: int = 0,
        part: int = 0,
    ) -> bytes:
        """The same for rows whose logged values are in tuples, in the order of `positions`.

        A long request has several records: `part` counts them, and `first` is the number of the first row in the
        request, as are the rows of `unseen`.
        """
        if self._hashed:
            rows = [self._with_hashes(row) for row in rows]
        record = {**self._head(exchange), "rows": rows}
        if not self._classifier:
            record["scores"] = [value for value, _ in scored]
        elif len(scored) == 1:
            [(position, shares)] = scored
            record["scores"], record["decided"] = (shares,), (position,)
        else:
            record["scores"] = [shares for _, shares in scored]
            record["decided"] = [position for position, _ in scored]
        if unseen:
            record["unseen"] = [[each.row, each.column] for each in unseen]
        if part:
            record |= {"part": part, "first": first}
        return to_json(record) + b"\n"

    def refused(self, exchange: Any, status: int, errors: Sequence[Mapping[str, Any]]) -> bytes:
        """The record of a refused request: the place and the rule of each error, and no value."""
        places = []
        for error in errors[:MOST_ERRORS]:
            place = error["loc"][1:] if error["loc"] and error["loc"][0] == "body" else error["loc"]
            row = next((part for part in place if type(part) is int), None)
            column = next((part for part in place if isinstance(part, str) and part in self._known), "")
            places.append([row, column, error["type"]])
        return to_json({**self._head(exchange), "status": status, "errors": places}) + b"\n"

    def _head(self, exchange: Any) -> dict[str, Any]:
        head = {
            "t": time_ns() // 1000,
            "id": exchange.request_id,
            "w": self.wheel,
            "route": exchange.route,
            "us": int((perf_counter() - exchange.began) * 1e6),
        }
        if exchange.key:
            head["key"] = exchange.key
        if exchange.trace and (parent := parse_traceparent(exchange.trace)):
            head["trace"] = parent.trace_id
        return head

    def _with_hashes(self, row: Sequence[Any]) -> list[Any]:
        values = list(row)
        for position in self._hashed:
            if values[position] is not None:
                values[position] = keyed_hash(values[position], self._key)
        return values


def _getter(names: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """What takes these values out of a row."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda row: tuple([row[name] for name in names])


def _logged(release: Release, settings: LogSettings) -> list[Column]:
    """The columns that are logged, in the schema's order. Raises SeatrialError where the settings name another one."""
    known = [column.name for column in release.columns]
    for key, names in (("columns", settings.columns or ()), ("hashed", settings.hashed)):
        for name in names:
            if name not in known:
                hint = f"It has {', '.join(known)}."
                raise SeatrialError(
                    f"The prediction log's `{key}` has {name!r}; the schema has no such column.", hint=hint
                )
    return [each for each in release.columns if settings.columns is None or each.name in settings.columns]


def _facts(release: Release, logged: Sequence[Column], settings: LogSettings) -> dict[str, Any]:
    """What the columns of a table of this release's predictions are made from."""
    formats = {name: _format(part) for name, part in release.json_schema["properties"].items()}
    columns = [
        {
            "name": column.name,
            "type": "string" if column.name in settings.hashed else _type(column, formats[column.name]),
            "hashed": column.name in settings.hashed,
        }
        for column in logged
    ]
    facts = {
        "name": release.name,
        "version": release.version,
        "task": release.metadata.task,
        "classes": list(release.metadata.classes),
        "columns": columns,
    }
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode() + _installed(release.name))
    return {**facts, "wheel": digest.hexdigest()[:32]}


def _installed(name: str) -> bytes:
    """The list of the installed wheel's files with their hashes; empty where no wheel is installed."""
    with suppress(importlib.metadata.PackageNotFoundError):
        return (importlib.metadata.distribution(name).read_text("RECORD") or "").encode()
    return b""


def _type(column: Column, text_format: str) -> str:
    """The type of a column's values: integer, float, boolean, string, date, datetime, time, duration, or json."""
    plain = {"integer": "integer", "number": "float", "boolean": "boolean", "text": "string"}
    if column.kind in plain:
        return plain[column.kind]
    if column.kind == "category":
        kinds = {type(value).__name__ for value in column.categories}
        return {"bool": "boolean", "int": "integer", "str": "string"}.get("".join(kinds), "json")
    return _MOMENTS.get(text_format, "json")


def _format(part: Mapping[str, Any]) -> str:
    return next((str(each["format"]) for each in part.get("anyOf", [part]) if "format" in each), "")


def keyed_hash(value: Any, key: bytes) -> str:
    """What is kept of a value in a hashed column: nobody without the key can compute it, or try values against it."""
    return hmac.new(key, to_json(value), "sha256").hexdigest()[:32]


def _key(spool: Path) -> bytes:
    """The key of hashed columns: the variable SEATRIAL_LOG_KEY, or a file in the spool, which is made at first use."""
    if text := os.environ.get(KEY_VARIABLE):
        if len(text) < SHORTEST_KEY:
            hint = "Set it to a long random text, the same for all servers."
            raise SeatrialError(f"{KEY_VARIABLE} must be at least {SHORTEST_KEY} characters long.", hint=hint)
        return text.encode("utf-8", "surrogateescape")
    path = spool / KEY_FILE
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomic(path, secrets.token_hex(32), private=True)
    return path.read_bytes()
