"""Logs by Loguru: one line per request and per event, readable on a terminal, JSON when piped or asked for.

A Loguru call costs 10 to 40 microseconds, more than a prediction. So request lines are formatted here, collected, and
handed to Loguru as one raw message every 50 ms. What callers send can neither forge a line nor reach the log at info
level: paths are escaped, and bodies and query strings are never written.
"""

import asyncio
import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TextIO

from loguru import logger

from seatrial.serve.server_settings import Settings

if TYPE_CHECKING:
    from loguru import Record

FLUSH_SECONDS = 0.05
FLUSH_LINES = 64  # a flush takes the event loop's time, and more at once would be felt
ATOMIC = 4096  # what a pipe takes in one piece, so that lines of several workers do not mix (PIPE_BUF)
QUIET = {"uvicorn.error", "uvicorn.asgi", "asyncio"}  # their information is for those who debug

# Everything that could start a new line or steer a terminal, and halves of surrogate pairs, which no encoding takes.
_CONTROL = {i: f"\\x{i:02x}" for i in (*range(32), *range(127, 160))}
_CONTROL |= {i: f"\\u{i:04x}" for i in (0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))}
_CONTROL |= {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"}


def configure(settings: Settings, stream: TextIO | None = None) -> "AccessLog":
    """Send every log of this process to one place, and give the log of requests."""
    stream = stream or sys.stderr
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not stream.isatty())
    level = settings.log_level.upper()
    logger.remove()
    logger.add(
        _sink(stream),
        format=_as_json if as_json else _as_text,
        level=level,
        backtrace=False,
        diagnose=False,  # it would print local variables, people's data among them
    )
    logging.basicConfig(handlers=[_Handler()], level=logging.WARNING, force=True)
    logging.captureWarnings(True)
    for name in ("uvicorn", *QUIET):
        inner = logging.getLogger(name)
        inner.handlers, inner.propagate = [], True
        inner.setLevel(logging.DEBUG if level in ("DEBUG", "TRACE") else logging.WARNING)
    return AccessLog(as_json=as_json, least=logger.level(level).no)


def _sink(stream: TextIO) -> Callable[[Any], None]:
    """Write whole lines, in pieces that a pipe takes at once."""
    if not hasattr(stream, "buffer"):
        return lambda message: (stream.write(message), None)[1]
    handle = stream.fileno()

    def write(message: Any) -> None:
        data = str(message).encode("utf-8", "backslashreplace")
        while data:
            end = len(data) if len(data) <= ATOMIC else data.rfind(b"\n", 0, ATOMIC) + 1 or data.find(b"\n") + 1
            done = os.write(handle, data[: end or len(data)])
            data = data[done:]

    return write


def escape(text: str) -> str:
    """Make one line of any text."""
    return text if text.isprintable() else text.translate(_CONTROL).encode("utf-8", "backslashreplace").decode()


def _as_text(record: "Record") -> str:
    """Format a record for people; what follows the first line is indented, so that no value can pass for a line."""
    extra = record["extra"]
    request_id = f" {extra['request_id']}" if "request_id" in extra else ""
    time_ = record["time"].strftime("%H:%M:%S.%f")[:-3]
    lines = [f"{time_} {record['level'].name:<8} {escape(record['message'])}{request_id}"]
    for line in (_traceback(record) or extra.get("exception", "")).splitlines():
        lines.append("    " + escape(line))
    extra["_line"] = "\n".join(lines)
    return "{extra[_line]}\n"


def _as_json(record: "Record") -> str:
    given = {key: value for key, value in record["extra"].items() if key != "_line"}
    document = {
        "time": _utc(record["time"].timestamp()),
        "level": record["level"].name,
        "message": record["message"],
        **given,
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
    """Log a fault in answering a request: where it came from, and of what type.

    Its message is left to level debug: a feature function's error says what it was given, and that is people's data.
    """
    told = logger.bind(request_id=request_id)
    told.bind(exception=_places(error)).error(message)
    told.debug("{}", "".join(traceback.format_exception(error)).rstrip())


def _places(error: BaseException) -> str:
    """Format a traceback and those of its causes, with the errors' types and without their messages."""
    parts: list[str] = []
    found: BaseException | None = error
    while found is not None and len(parts) < 10:
        kind = type(found)
        parts.append("".join(traceback.format_tb(found.__traceback__)) + f"{kind.__module__}.{kind.__qualname__}")
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)
    return "\ncaused by:\n".join(parts)


class _Handler(logging.Handler):
    """Hands what the standard library's logging gets, Uvicorn's and the warnings included, to Loguru."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            level: str | int = logger.level(record.levelname).name
        except ValueError:
            level = record.levelno
        if record.name in QUIET and record.levelno == logging.INFO:
            level = "DEBUG"
        error = record.exc_info
        if error and isinstance(error[1], asyncio.CancelledError):
            error = None  # a client that stalled while the server stopped is no fault worth a traceback
        logger.opt(exception=error).log(level, "{}", record.getMessage().strip())


class AccessLog:
    """One line per request, collected and written together; `release` is set once it is known."""

    def __init__(self, *, as_json: bool, least: int) -> None:
        self.release = "-"
        self._line = self._json if as_json else self._text
        self._info = least <= logger.level("INFO").no
        self._error = least <= logger.level("ERROR").no
        self._noted: list[tuple[float, float, str, str, int, str]] = []
        self._second = 0
        self._prefix = ""

    def add(self, began: float, method: str, path: str, status: int, request_id: str) -> None:
        """Note an answered request; `began` is time.perf_counter() when its first byte was read."""
        if not (self._info if status < 500 else self._error):
            return
        noted = self._noted
        noted.append((began, time.perf_counter(), method, path, status, request_id))
        if len(noted) == 1:
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)
        elif len(noted) >= FLUSH_LINES:
            self.flush()

    def flush(self) -> None:
        """Write the lines, by way of Loguru."""
        if self._noted:
            noted, self._noted = self._noted, []
            line, clock = self._line, time.time() - time.perf_counter()
            lines = [
                line(clock + ended, (ended - began) * 1000, method, path, status, request_id)
                for began, ended, method, path, status, request_id in noted
            ]
            logger.opt(raw=True).error("".join(lines))

    def _text(self, now: float, took: float, method: str, path: str, status: int, request_id: str) -> str:
        second = int(now)
        if second != self._second:
            self._second, self._prefix = second, time.strftime("%H:%M:%S", time.localtime(second))
        level = "INFO    " if status < 500 else "ERROR   "
        return (
            f"{self._prefix}.{int((now - second) * 1000):03d} {level} {method} {escape(path)} {status}"
            f" {took:.2f} ms {self.release} {request_id}\n"
        )

    def _json(self, now: float, took: float, method: str, path: str, status: int, request_id: str) -> str:
        second = int(now)
        if second != self._second:
            self._second, self._prefix = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        level = "INFO" if status < 500 else "ERROR"
        quoted = json.dumps(path)[1:-1]
        if "\\" in request_id or '"' in request_id:
            request_id = json.dumps(request_id)[1:-1]
        return (
            f'{{"time":"{self._prefix}.{int((now - second) * 1000):03d}Z","level":"{level}",'
            f'"message":"{method} {quoted} {status}","method":"{method}","path":"{quoted}","status":{status},'
            f'"duration_ms":{took:.3f},"release":"{self.release}","request_id":"{request_id}"}}\n'
        )
