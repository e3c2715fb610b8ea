"""Answers requests with tables: the event loop passes bytes on, and a thread for each request does the work."""

import asyncio
import io
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any
from urllib.parse import parse_qs

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.http.messages import NO_SNIFFING, REQUEST_ID, EncodedResponse, refusal, send_response
from seatrial.http.turns import wait_for_turn
from seatrial.model import Release
from seatrial.model.bad_rows import OnBadRows
from seatrial.model.batch import PredictedPart, listed_rows, predicted_parts
from seatrial.model.row_validation import ERRORS_SHOWN, RowError
from seatrial.model.table_files import Chunk
from seatrial.model.table_parts import Part, divided
from seatrial.model.table_writers import arrow_writer, csv_writer, lines_writer
from seatrial.model.unseen import WARNINGS, UnseenValue
from seatrial.prediction_log.log_records import Records
from seatrial.serve import logs, requests, responses
from seatrial.serve.bulk import ARROW, CSV, FORMS, LINES, form_of
from seatrial.serve.bulk.arrow_bodies import arrow_body
from seatrial.serve.bulk.inlet import ClientGoneError, Inlet
from seatrial.serve.bulk.outlet import AnswerTooLargeError, Outlet
from seatrial.serve.bulk.table_bodies import csv_body, lines_body
from seatrial.serve.content_codings import BodyTooLargeError, CodingError, codings_of, decoded, unknown_coding
from seatrial.serve.exchanges import Exchange
from seatrial.serve.interval_form import INTERVAL
from seatrial.serve.responses import scored_rows
from seatrial.serve.service import CLIENT_CLOSED, Service

AT_ONCE = 2  # requests of this kind; more are refused with 503
CHOICES = ("fail", "keep")
SIGNATURE = 64  # bytes that show what a text really is
_WITH_CHARSET = {CSV: b"text/csv; charset=utf-8", LINES: LINES.encode(), ARROW: ARROW.encode()}
ABORT = "abort"  # the key of a request's state with a function that ends its connection
READERS: dict[str, Callable[..., Iterator[Chunk]]] = {CSV: csv_body, LINES: lines_body, ARROW: arrow_body}


class TableRefusedError(Exception):
    """A request that is refused with this response."""

    def __init__(self, response: EncodedResponse) -> None:
        super().__init__(response.status)
        self.response = response


@dataclass(frozen=True)
class _Job:
    """One request: the forms of its body and its answer, and what to do with bad rows."""

    sent: str
    wanted: str
    codings: list[str]
    on_bad_rows: OnBadRows
    exchange: Exchange


class BulkRequests:
    """Answers them for one service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._running = 0
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="bulk")
        self._limit = service.settings.bulk_limit

    async def respond(self, scope: Any, receive: Any, send: Any, exchange: Exchange) -> int:
        """Answer a request; returns the status."""
        try:
            job = self._job(scope, exchange)
            return await self._run(job, scope, receive, send)
        except TableRefusedError as error:
            await send_response(send, error.response, exchange.request_id)
            return error.response.status

    def _job(self, scope: Any, exchange: Exchange) -> _Job:
        """What is asked for. Raises TableRefusedError."""
        headers = scope["headers"]
        named = {name: value.decode("latin-1").strip() for name, value in headers}
        sent = form_of(headers) or CSV
        _, charset, _ = requests.content_type_of(named.get(b"content-type", ""))
        if sent != ARROW and charset not in requests.UTF8:
            raise TableRefusedError(refusal(415, f"The body must be encoded in UTF-8, not in {charset[:100]}."))
        codings = codings_of(headers)
        if refused := unknown_coding(codings):
            raise TableRefusedError(refused)
        wanted = requests.accepted(named.get(b"accept", ""), FORMS, sent)
        if wanted is None:
            raise TableRefusedError(refusal(406, f"The answer can be {CSV}, {LINES} or {ARROW}."))
        if ARROW in (sent, wanted) and not find_spec("pyarrow"):
            text = "This server cannot read Arrow: it is installed without the extra `bulk`, which has pyarrow."
            raise TableRefusedError(refusal(415 if sent == ARROW else 406, text))
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        choice: Any = query.get("on_bad_rows", ["fail"])[-1]
        if choice not in CHOICES:
            error = {
                "type": "literal_error",
                "loc": ["query", "on_bad_rows"],
                "msg": "Input should be 'fail' or 'keep'",
            }
            raise TableRefusedError(responses.validation_error([error]))
        if INTERVAL in query:
            error = {"type": "json_only", "loc": ["query", INTERVAL], "msg": "Send the rows as JSON to get intervals"}
            raise TableRefusedError(responses.validation_error([error]))
        if int(named.get(b"content-length") or 0) > self._limit:
            raise TableRefusedError(responses.too_large(self._limit))
        if not self._service.ready:
            raise TableRefusedError(responses.not_ready())
        if self._running >= AT_ONCE:
            raise TableRefusedError(responses.busy())
        return _Job(sent, wanted, codings, choice, exchange)

    async def _run(self, job: _Job, scope: Any, receive: Any, send: Any) -> int:
        inlet = Inlet(self._limit)
        outlet = Outlet(self._limit, whole=scope.get("http_version") == "1.0")  # which has no chunks
        loop = asyncio.get_running_loop()
        self._running += 1
        work = loop.run_in_executor(self._pool, _Work(self._service, job, inlet, outlet, loop).run)
        work.add_done_callback(self._finished)
        filling = asyncio.create_task(inlet.fill(receive))
        filling.add_done_callback(lambda done: None if done.cancelled() else outlet.give_up())
        try:
            return await self._send(job, scope, send, outlet)
        finally:
            filling.cancel()
            inlet.end(ClientGoneError())
            outlet.give_up()

    def _finished(self, work: asyncio.Future[None]) -> None:
        self._running -= 1
        if not work.cancelled() and (error := work.exception()):
            logs.fault("The request failed", error, "-")

    async def _send(self, job: _Job, scope: Any, send: Any, outlet: Outlet) -> int:
        """Send the answer as it is made."""
        identity, media_type = job.exchange.request_id, ((b"content-type", _WITH_CHARSET[job.wanted]),)
        answer = await outlet.begin()
        if outlet.gone:
            return CLIENT_CLOSED
        if outlet.outcome is not None:
            response = self._refusal(outlet.outcome, job)
            await send_response(send, response, identity)
            return response.status
        if answer is not None:
            await send_response(send, EncodedResponse(200, answer, media_type), identity)
            return 200
        headers = [*media_type, NO_SNIFFING, (REQUEST_ID, identity.encode())]
        if outlet.complete:
            headers.append((b"content-length", b"%d" % outlet.size))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        while piece := await outlet.take():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        if outlet.gone:
            return CLIENT_CLOSED
        if outlet.outcome is not None:
            return await self._break(outlet.outcome, job, scope, send)
        await send({"type": "http.response.body", "body": b""})
        return 200

    async def _break(self, outcome: BaseException, job: _Job, scope: Any, send: Any) -> int:
        """End an answer that cannot be completed so that the client notices: JSON lines say why, and none ends well."""
        response = self._refusal(outcome, job)
        if job.wanted == LINES:
            await send({"type": "http.response.body", "body": response.body + b"\n", "more_body": True})
        abort = scope.get("state", {}).get(ABORT)
        if abort is None:
            raise ConnectionAbortedError("The answer cannot be completed.") from outcome
        abort()
        return response.status

    def _refusal(self, outcome: BaseException, job: _Job) -> EncodedResponse:
        service, exchange = self._service, job.exchange
        if isinstance(outcome, TableRefusedError):
            return outcome.response
        if isinstance(outcome, BodyTooLargeError):
            return responses.too_large(self._limit)
        if isinstance(outcome, AnswerTooLargeError):
            return refusal(413, f"The answer is larger than {self._limit:,} bytes. Send less, or use HTTP/1.1.")
        if isinstance(outcome, CodingError):
            return refusal(400, str(outcome))
        if isinstance(outcome, SeatrialError):
            text = f"{outcome.message} {outcome.hint}".strip()
            outcome = RowError([{"type": "value_error", "loc": ["body"], "msg": text}])
        return service.refusal_of(outcome, exchange)


class _Work:
    """What a thread does for one request."""

    def __init__(self, service: Service, job: _Job, inlet: Inlet, outlet: Outlet, loop: Any) -> None:
        self._service = service
        self._job = job
        self._inlet = inlet
        self._outlet = outlet
        self._loop = loop
        self._rows = self._number = 0  # rows and parts so far

    def run(self) -> None:
        """Do it; whatever goes wrong is the outlet's outcome."""
        try:
            self._predict()
        except ClientGoneError:
            self._outlet.finish()
        except BaseException as error:
            self._outlet.finish(error)
        else:
            self._outlet.finish()

    def _predict(self) -> None:
        job, release, settings = self._job, self._service.release, self._service.settings
        pieces = self._inlet.pieces()
        if job.codings:
            pieces = decoded(pieces, job.codings, settings.bulk_limit)
        pieces = self._readable(pieces)
        longest = settings.bulk_limit if job.sent == ARROW else settings.body_limit
        parts = self._parts(release.encode_chunks(READERS[job.sent](release, pieces, longest)))
        sink = io.BytesIO()
        text = io.TextIOWrapper(sink, "utf-8", newline="", write_through=True)
        writers = {
            CSV: lambda: csv_writer(text),
            LINES: lambda: lines_writer(sink),
            ARROW: lambda: arrow_writer(sink, release.metadata.classes),
        }
        with writers[job.wanted]() as write:
            for part in predicted_parts(release, parts, job.on_bad_rows):
                self._note(part)
                write(part.answers)
                self._flush(sink)
                wait_for_turn(self._loop)
            if not self._number:
                write(_no_answers(release))
        self._flush(sink)

    def _flush(self, sink: io.BytesIO) -> None:
        if data := sink.getvalue():
            self._outlet.write(data)
            sink.seek(0)
            sink.truncate()

    def _readable(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The pieces, unless they begin as something that is compressed or not in UTF-8."""
        first = b""
        while len(first) < SIGNATURE and (piece := next(pieces, b"")):
            first += piece
        if self._job.sent != ARROW and (refused := requests.unreadable(first[:SIGNATURE])):
            raise TableRefusedError(refused)
        yield first
        yield from pieces

    def _parts(self, chunks: Iterator[Chunk]) -> Iterator[Part]:
        for chunk in chunks:
            if chunk.problems and self._job.on_bad_rows == "fail":
                raise RowError(_errors(chunk))
            wait_for_turn(self._loop)
            yield divided(chunk)

    def _note(self, part: PredictedPart) -> None:
        """Count and log the rows of a part that is answered. Raises TableRefusedError where it cannot be logged."""
        service, exchange = self._service, self._job.exchange
        if not np.isfinite(part.scores).all():
            raise ValueError("The model returned NaN or an infinity.")
        self._number += 1
        first, self._rows = self._rows, self._rows + part.whole.rows
        places = np.flatnonzero(part.kept).tolist()
        unseen = [UnseenValue(first + places[u.row], u.column, u.type, u.msg) for u in part.unseen]
        classifier = bool(service.release.metadata.classes)
        decided: list[Any] = (
            service.release.decide_index(part.scores).tolist() if classifier else [None] * part.good.rows
        )
        counts = Counter(decided)
        self._loop.call_soon_threadsafe(self._count, counts, Counter((u.column, u.type) for u in unseen))
        if part.whole.problems:
            self._loop.call_soon_threadsafe(service.note_bad_rows, exchange, _errors(part.whole))
        if service.log and part.good.rows:
            scored = scored_rows(service.release, part.scores)
            rows = listed_rows(service.release, part.good.columns)
            log = service.log
            runs = _runs(places) if part.whole.problems else [(0, part.good.rows)]

            def lines(records: Records) -> bytes:
                return b"".join(
                    records.table(
                        exchange,
                        [tuple(row[p] for p in records.positions) for row in rows[start:stop]],
                        scored[start:stop],
                        [u for u in unseen if first + places[start] <= u.row <= first + places[stop - 1]],
                        first=first + places[start],
                        part=self._number,
                    )
                    for start, stop in runs
                )

            if refused := log.write(exchange, lines):
                raise TableRefusedError(refused)

    def _count(self, decided: Counter[Any], unseen: Counter[Any]) -> None:
        self._service.unseen.update(unseen)
        exchange = self._job.exchange
        exchange.decided = (exchange.decided or Counter()) + decided


def _runs(places: list[int]) -> Iterator[tuple[int, int]]:
    """Where numbers follow each other without a gap: the first position and the one after the last."""
    start = 0
    for position in range(1, len(places) + 1):
        if position == len(places) or places[position] != places[position - 1] + 1:
            yield start, position
            start = position


def _errors(chunk: Chunk) -> list[dict[str, Any]]:
    """The first problems of a chunk, as they are in an HTTP 422."""
    errors: list[dict[str, Any]] = [
        {"type": each.kind, "loc": ["body", each.row, *([each.column] if each.column else ())], "msg": each.rule}
        for each in chunk.problems[:ERRORS_SHOWN]
    ]
    if len(chunk.problems) > ERRORS_SHOWN:
        more = f"More than {ERRORS_SHOWN} errors; these are the first"
        errors.append({"type": "too_many_errors", "loc": ["body"], "msg": more})
    return errors


def _no_answers(release: Release) -> dict[str, Any]:
    """The columns of an answer without rows."""
    classes = release.metadata.classes
    return {**release.prediction_columns(np.empty((0, len(classes)) if classes else 0)), WARNINGS: []}
