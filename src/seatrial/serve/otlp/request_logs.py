"""Log lines and request lines as log records of OpenTelemetry, with the trace that a request is part of."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from loguru import logger
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource

from seatrial import __version__
from seatrial.core.trace_context import parse_traceparent
from seatrial.serve.exchanges import Exchange
from seatrial.serve.logs import LINES
from seatrial.serve.otlp.spans import ROOT, context_of, sendable

if TYPE_CHECKING:
    from loguru import Message

LEVELS = {
    "DEBUG": SeverityNumber.DEBUG,
    "INFO": SeverityNumber.INFO,
    "WARNING": SeverityNumber.WARN,
    "ERROR": SeverityNumber.ERROR,
    "CRITICAL": SeverityNumber.FATAL,
}
BUSY = 503


class LogExport:
    """Sends what the text log has."""

    def __init__(self, exporters: Sequence[Any], resource: Resource, level: str) -> None:
        self._provider = LoggerProvider(resource, shutdown_on_exit=False)
        for exporter in exporters:
            self._provider.add_log_record_processor(BatchLogRecordProcessor(exporter()))
        self._log = self._provider.get_logger("seatrial", __version__)
        self._level = logger.level(level.upper()).no
        self._sink = logger.add(self._send, level=level.upper(), format="{message}", filter=_is_event)

    def __call__(self, exchanges: Sequence[Exchange]) -> None:
        """Send the request lines."""
        clock = time.time() - time.perf_counter()
        for each in exchanges:
            level = "INFO" if each.status < 500 else "WARNING" if each.status == BUSY else "ERROR"
            if logger.level(level).no >= self._level:
                parent = parse_traceparent(each.trace) if each.trace else None
                path = sendable(each.path)
                self._log.emit(
                    timestamp=int((clock + each.ended) * 1e9),
                    context=context_of(*parent) if parent else ROOT,
                    severity_number=LEVELS[level],
                    severity_text=level,
                    body=f"{each.method} {path} {each.status}",
                    attributes={
                        "method": each.method,
                        "path": path,
                        "status": each.status,
                        "duration_ms": round((each.ended - each.began) * 1000, 3),
                        "request_id": each.request_id,
                        **({"key": each.key} if each.key else {}),
                    },
                )

    def stop(self) -> None:
        """Send what is left."""
        logger.remove(self._sink)
        self._provider.shutdown()

    def _send(self, message: "Message") -> None:
        record = message.record
        level = record["level"].name
        self._log.emit(
            timestamp=int(record["time"].timestamp() * 1e9),
            context=ROOT,
            severity_number=LEVELS.get(level, SeverityNumber.INFO),
            severity_text=level,
            body=record["message"].encode("utf-8", "replace").decode(),
            attributes={key: str(value) for key, value in record["extra"].items() if key != "_line"},
        )


def _is_event(record: Any) -> bool:
    """Whether to send a record: not the request lines, which come as exchanges, and not what sending itself logs."""
    return LINES not in record["extra"] and not str(record["name"]).startswith("opentelemetry")
