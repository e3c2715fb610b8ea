"""Every metric that the server has: its name, its kind, what it means, and its labels."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram", "info"]

# A small prediction takes some 0.2 ms, an explanation or a large body up to seconds.
SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
BATCHES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
OTHER = "other"  # in a label, for everything that is not one of a known few


@dataclass(frozen=True)
class Family:
    """One metric; a counter's name ends with _total, an info's with _info, and a histogram has the `bounds`."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()


REQUESTS = Family(
    "seatrial_requests_total",
    "counter",
    "Requests that ended, by the route's template, the method and the status; 499 where the client left first.",
    ("route", "method", "status"),
)
DURATION = Family(
    "seatrial_request_duration_seconds",
    "histogram",
    "Time from a request's first byte to its answer.",
    ("route",),
    SECONDS,
)
ROWS = Family("seatrial_rows_total", "counter", "Rows that were predicted, by route.", ("route",))
BATCH = Family(
    "seatrial_batch_rows", "histogram", "Rows in one call of the engine, which requests share.", bounds=BATCHES
)
PREDICTIONS = Family("seatrial_predictions_total", "counter", "Predicted rows, by predicted label.", ("label",))
REFUSALS = Family(
    "seatrial_refusals_total",
    "counter",
    "Requests that were refused for their rows, by column and rule; one counts once for each of both.",
    ("column", "rule"),
)
UNSEEN = Family(
    "seatrial_unseen_values_total",
    "counter",
    "Values that were predicted and that no training row had, by column and type.",
    ("column", "type"),
)
IN_PROGRESS = Family(
    "seatrial_requests_in_progress", "gauge", "Requests whose rows are being scored, or wait for that."
)
WAITING = Family("seatrial_requests_waiting", "gauge", "Requests in progress that wait for the engine or a thread.")
SHED = Family(
    "seatrial_requests_shed_total",
    "counter",
    "POST requests that were refused with 503 or 504, for want of room or time.",
)
LINES_BACKLOG = Family("seatrial_log_backlog_bytes", "gauge", "Lines of the text log that wait for its reader.")
LINES_DROPPED = Family(
    "seatrial_log_dropped_lines_total", "counter", "Lines of the text log that were dropped: nobody read it."
)
LOG_BACKLOG = Family(
    "seatrial_prediction_log_backlog_bytes", "gauge", "Bytes in the prediction log's spool, not delivered yet."
)
LOG_LIMIT = Family(
    "seatrial_prediction_log_limit_bytes", "gauge", "The size at which the prediction log's spool is full."
)
LOG_DROPPED = Family(
    "seatrial_prediction_log_dropped_total", "counter", "Requests that were answered and are not in the prediction log."
)
RELEASE = Family("seatrial_release_info", "info", "The release that is served.", ("name", "version", "engine", "task"))
START = Family("seatrial_process_start_time_seconds", "gauge", "When the server started, in seconds since 1970.")
WORKERS = Family("seatrial_workers", "gauge", "Server processes that answer.")
DEATHS = Family("seatrial_worker_deaths_total", "counter", "Server processes that died, and were replaced.")
CPU = Family("seatrial_cpu_seconds_total", "counter", "Time that the server processes have computed.")
MEMORY = Family("seatrial_memory_bytes", "gauge", "Memory that the server processes occupy.")

FAMILIES = (
    REQUESTS,
    DURATION,
    ROWS,
    BATCH,
    PREDICTIONS,
    REFUSALS,
    UNSEEN,
    IN_PROGRESS,
    WAITING,
    SHED,
    LINES_BACKLOG,
    LINES_DROPPED,
    LOG_BACKLOG,
    LOG_LIMIT,
    LOG_DROPPED,
    RELEASE,
    START,
    WORKERS,
    DEATHS,
    CPU,
    MEMORY,
)
# Of these, each process reports the same number about what all of them share.
SHARED = frozenset((LOG_BACKLOG.name, LOG_LIMIT.name))
