"""Logging with Loguru: one line per request and per event, as text on a terminal, as JSON when piped or on request.

A Loguru call costs 10 to 40 microseconds, more than a prediction. So request lines are formatted here and passed to
Loguru as one raw message for each batch of requests. Callers can neither forge a line nor get data into the log at
level info: paths are escaped, and bodies and query strings are never written.
"""

import asyncio
import io
import json
import logging
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from loguru import logger

from seatrial.core.trace_context import parse_traceparent
from seatrial.http.log_writer import DROPPED, DroppingWriter
from seatrial.serve.exchanges import Exchange
from seatrial.serve.metrics.families import LINES_BACKLOG, LINES_DROPPED
from seatrial.serve.metrics.tally import Tally
from seatrial.serve.server_settings import Settings

if TYPE_CHECKING:
    from loguru import Record

BUSY = 503  # the server refuses work that it has no room for: that is no error of its own
KEY_JSON, TRACE_JSON = ',"key":"%s"', ',"trace_id":"%s"'  # the names of keys need no quoting
LINES = "lines"  # what marks the lines of requests, which are complete, among what Loguru is given
MOST_MIDDLES, LONG_PATH = 1024, 128  # parts of lines that are kept, of paths up to a length: callers choose them
QUIET = {"uvicorn.error", "uvicorn.asgi", "asyncio"}  # their level info is only for debugging

# Everything that could start a new line or control a terminal. `escape` also writes lone surrogates as backslashes.
_CONTROL = {i: f"\\x{i:02x}" for i in (*range(32), *range(127, 160))}
_CONTROL |= {i: f"\\u{i:04x}" for i in (0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))}
_CONTROL |= {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"}


def configure(settings: Settings, stream: TextIO | None = None) -> "AccessLog":
    """Send all logs of this process to one stream; returns the access log."""
    stream = stream or sys.stderr
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not stream.isatty())
    level = settings.log_level.upper()
    logger.remove()
    writer = DroppingWriter(stream.fileno(), _report_dropped) if hasattr(stream, "buffer") else None
    logger.add(
        writer or stream,
        format=_as_json if as_json else _as_text,
        level=level,
        backtrace=False,
        diagnose=False,  # it would print local variables, which contain people's data
    )
    logging.basicConfig(handlers=[_Handler()], level=logging.WARNING, force=True)
    logging.captureWarnings(True)
    for name in ("uvicorn", *QUIET):
        library = logging.getLogger(name)
        library.handlers, library.propagate = [], True
        library.setLevel(logging.DEBUG if level in ("DEBUG", "TRACE") else logging.WARNING)
    return AccessLog(as_json=as_json, level=logger.level(level).no, writer=writer)


def _report_dropped(count: int) -> None:
    logger.warning(DROPPED % count)


class Prints(io.TextIOBase):
    """Logs what a project's code prints, a line each: printing can neither block the server nor forge a log line."""

    def __init__(self) -> None:
        self._rest = ""

    def write(self, text: str) -> int:
        """Log each line that is complete."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            logger.info("{}", line)
        return len(text)


def unseen_values(counts: Mapping[tuple[str, str], int]) -> None:
    """Log how often a value arrived that no training row had, by column and type; nothing if none did."""
    listed = sorted(counts.items(), key=lambda item: -item[1])
    if listed:
        shown = ", ".join(f"{column} {kind} {count:,}" for (column, kind), count in listed[:20])
        logger.warning("Values that training did not see: {}", shown)


def escape(text: str) -> str:
    """Escape a text, so that it stays on one line."""
    return text if text.isprintable() else text.translate(_CONTROL).encode("utf-8", "backslashreplace").decode()


def _as_text(record: "Record") -> str:
    """Format a record as text. Lines after the first are indented, so that no value looks like a log line."""
    extra = record["extra"]
    if LINES in extra:  # Loguru asks for a format, and does not use it
        return ""
    request_id = f" {extra['request_id']}" if "request_id" in extra else ""
    time_ = record["time"].strftime("%H:%M:%S.%f")[:-3]
    lines = [f"{time_} {record['level'].name:<8} {escape(record['message'])}{request_id}"]
    for line in (_traceback(record) or extra.get("exception", "")).splitlines():
        lines.append("    " + escape(line))
    extra["_line"] = "\n".join(lines)
    return "{extra[_line]}\n"


def _as_json(record: "Record") -> str:
    if LINES in record["extra"]:
        return ""
    extra = {key: value for key, value in record["extra"].items() if key != "_line"}
    document = {
        "time": _utc(record["time"].timestamp()),
        "level": record["level"].name,
        "message": record["message"],
        **extra,
    }
    if record["exception"]:
        document["exception"] = _traceback(record)
    record["extra"]["_line"] = json.dumps(document, default=str)
    return "{extra[_line]}\n"


def _traceback(record: "Record") -> str:
    error = record["exception"]
    if error is None or error.value is None:
        return ""
    return "".join(traceback.format_exception(error.type, error.value, error.traceback)).rstrip()


def _utc(seconds: float) -> str:
    whole = int(seconds)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{int((seconds - whole) * 1000):03d}Z"


def fault(message: str, error: BaseException, request_id: str) -> None:
    """Log an error in handling a request: its type and its traceback.

    The error's message is logged at level debug only: it may quote a feature function's input, which is people's data.
    """
    bound = logger.bind(request_id=request_id)
    bound.bind(exception=_traceback_without_messages(error)).error(message)
    bound.debug("{}", "".join(traceback.format_exception(error)).rstrip())


def _traceback_without_messages(error: BaseException) -> str:
    """Format the tracebacks of an error and its causes with the types of the errors and without their messages."""
    parts: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(parts) < 10:
        kind = type(cause)
        parts.append("".join(traceback.format_tb(cause.__traceback__)) + f"{kind.__module__}.{kind.__qualname__}")
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return "\ncaused by:\n".join(parts)


class _Handler(logging.Handler):
    """Passes the records of the standard library's logging, Uvicorn's and warnings included, to Loguru."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            level: str | int = logger.level(record.levelname).name
        except ValueError:
            level = record.levelno
        if record.name in QUIET and record.levelno == logging.INFO:
            level = "DEBUG"
        error = record.exc_info
        if error and isinstance(error[1], asyncio.CancelledError):
            error = None  # a client that stalled while the server stopped needs no traceback
        named = logger.patch(lambda made: made.update({"name": record.name}))
        named.opt(exception=error).log(level, "{}", record.getMessage().strip())


class AccessLog:
    """One line per request; `release` is set once it is known."""

    def __init__(self, *, as_json: bool, level: int, writer: DroppingWriter | None = None) -> None:
        self.release = "-"
        self._writer = writer
        self._line = self._json if as_json else self._text
        self._info = level <= logger.level("INFO").no
        self._warning = level <= logger.level("WARNING").no
        self._error = level <= logger.level("ERROR").no
        self._middles: dict[tuple[int, str, str], str] = {}
        self._second = 0
        self._prefix = ""

    def __call__(self, exchanges: Sequence[Exchange]) -> None:
        """Write the lines, through Loguru."""
        line, clock = self._line, time.time() - time.perf_counter()
        lines = [
            line(each, clock + each.ended, (each.ended - each.began) * 1000)
            for each in exchanges
            if (self._info if each.status < 500 else self._warning if each.status == BUSY else self._error)
        ]
        if lines:
            logger.opt(raw=True).bind(**{LINES: True}).error("".join(lines))

    def add_numbers(self, numbers: Tally) -> None:
        """Add what became of the lines."""
        if self._writer:
            numbers.totals[LINES_DROPPED.name] = {(): self._writer.all_dropped}
            numbers.levels[LINES_BACKLOG.name] = {(): self._writer.waiting}

    def _text(self, exchange: Exchange, now: float, took: float) -> str:
        second, method, status = int(now), exchange.method, exchange.status
        if second != self._second:
            self._second, self._prefix = second, time.strftime("%H:%M:%S", time.localtime(second))
        level = "INFO    " if status < 500 else "WARNING " if status == BUSY else "ERROR   "
        return (
            f"{self._prefix}.{int((now - second) * 1000):03d} {level} {method} {escape(exchange.path)} {status}"
            f" {took:.2f} ms {self.release} {exchange.request_id}{_caller(exchange, ' key=%s', ' trace=%s')}\n"
        )

    def _json(self, exchange: Exchange, now: float, took: float) -> str:
        second, request_id = int(now), exchange.request_id
        if second != self._second:
            self._second, self._prefix = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        middle = self._middles.get((exchange.status, exchange.path, exchange.method)) or self._middle(exchange)
        if "\\" in request_id or '"' in request_id:
            request_id = json.dumps(request_id)[1:-1]
        caller = _caller(exchange, KEY_JSON, TRACE_JSON) if exchange.key or exchange.trace else ""
        return (
            f'{{"time":"{self._prefix}.{int((now - second) * 1000):03d}Z",{middle}"duration_ms":{took:.3f},'
            f'"release":"{self.release}","request_id":"{request_id}"{caller}}}\n'
        )

    def _middle(self, exchange: Exchange) -> str:
        """The part of a line that many requests share."""
        status, path, method = exchange.status, exchange.path, exchange.method
        level = "INFO" if status < 500 else "WARNING" if status == BUSY else "ERROR"
        quoted = json.dumps(path)[1:-1]
        middle = (
            f'"level":"{level}","message":"{method} {quoted} {status}",'
            f'"method":"{method}","path":"{quoted}","status":{status},'
        )
        if len(path) > LONG_PATH:
            return middle
        if len(self._middles) >= MOST_MIDDLES:
            self._middles.clear()
        self._middles[status, path, method] = middle
        return middle


def _caller(exchange: Exchange, key: str, trace: str) -> str:
    """The name of the caller's key and the ID of its trace, each in its form; nothing for what there is not."""
    text = key % exchange.key if exchange.key else ""
    if exchange.trace and (parent := parse_traceparent(exchange.trace)):
        text += trace % parent.trace_id
    return text
