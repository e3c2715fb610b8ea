"""Tables of any length on POST /api/v1/predict: CSV, JSON lines or an Arrow stream in, and any of them out.

A request is read, checked, scored and answered in chunks, so that it takes the same memory however long it is. It never
looks at rows itself: `model/` reads, checks and scores them as `seatrial predict` does. Loaded at the first request.
"""

from typing import TYPE_CHECKING, Any

from seatrial.serve import requests

if TYPE_CHECKING:
    from seatrial.serve.bulk.bulk_requests import BulkRequests
    from seatrial.serve.service import Service

CSV, LINES, ARROW = "text/csv", "application/x-ndjson", "application/vnd.apache.arrow.stream"
# The forms of bodies, by media type.
FORMS = {CSV: CSV, ARROW: ARROW, LINES: LINES} | dict.fromkeys(
    ("application/jsonlines", "application/jsonl", "application/x-jsonlines"), LINES
)


def form_of(headers: Any) -> str | None:
    """The form of a body by its header; None for one that is not a table, such as JSON."""
    found: str | None = None
    for name, value in headers:
        if name == b"content-type":
            form = FORMS.get(requests.content_type_of(value.decode("latin-1").strip())[0])
            if form is None or found not in (None, form):
                return None
            found = form
    return found


def for_service(service: "Service") -> "BulkRequests":
    """What answers such requests to a service."""
    from seatrial.serve.bulk.bulk_requests import BulkRequests

    return BulkRequests(service)
