"""The service behind the ASGI application, the HTTP fast path and FastAPI: takes a request and makes its response."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

from pydantic_core import to_jsonable_python

from seatrial.http.messages import EncodedResponse, refusal, to_bytes
from seatrial.http.turns import wait_for_turn
from seatrial.model import Release
from seatrial.model.inputs import Encoded
from seatrial.model.row_validation import RowError
from seatrial.model.unseen import WARNINGS, UnseenValue, as_json
from seatrial.prediction_log.log_settings import parse_log_settings
from seatrial.serve import logs, requests, responses
from seatrial.serve.access import AccessControl
from seatrial.serve.batching import Batcher, DeadlineError
from seatrial.serve.content_codings import BodyTooLargeError, CodingError, codings_of, decode
from seatrial.serve.exchanges import Exchange
from seatrial.serve.interval_form import IntervalForm, level_in
from seatrial.serve.metrics import families
from seatrial.serve.metrics.server_metrics import ServerMetrics
from seatrial.serve.metrics.tally import Key, Tally, bucketed
from seatrial.serve.responses import Form, PredictionWriter, Scored, scored_rows
from seatrial.serve.server_settings import Settings

if TYPE_CHECKING:
    from seatrial.serve.logged_answers import LoggedAnswers

PREDICT = "/api/v1/predict"
EXPLAIN = "/api/v1/explain"
MODEL = "/api/v1/model"
CLIENT_CLOSED = 499  # in the log, for a client that disconnected before it got a response; nginx's number

LARGE_BODY = 32 * 2**10  # bytes; a larger one is handled in a thread, so that other requests do not wait for it
LARGE_ROWS = 64
LARGE_THREADS = 2
LARGE_LIMIT = 16  # large requests in progress or waiting; more are refused with 503
MOST_ERRORS = 1_000  # that are kept of a request

NO_WARNINGS: Mapping[str, Any] = {}

OnResponse = Callable[[EncodedResponse], None]
Rest = Callable[[], None]
Handler = Callable[[bytes, Exchange, OnResponse], None]


def no_rest() -> None:
    """Work on without a rest, where nobody else waits."""


def _in_time(
    work: Callable[[bytes, Exchange, Rest], EncodedResponse], body: bytes, exchange: Exchange, rest: Rest
) -> EncodedResponse:
    """Do the work, in a thread, unless the caller has given up while it waited. Raises DeadlineError."""
    if exchange.deadline and perf_counter() > exchange.deadline:
        raise DeadlineError
    return work(body, exchange, rest)


class Service:
    """Serves one release."""

    def __init__(self, release: Release, settings: Settings) -> None:
        self.release = release
        self.settings = settings
        self.access = AccessControl(settings)
        self.ready = False
        self.unseen: Counter[tuple[str, str]] = Counter()  # values since the start, by column and type
        self.log: LoggedAnswers | None = None
        self.metrics = ServerMetrics(settings.metrics_folder)
        self._large = 0

    def load(self) -> None:
        """Load the model and everything that a request needs, so that the first caller does not pay for it."""
        release = self.release.load()
        self._pool = ThreadPoolExecutor(LARGE_THREADS, thread_name_prefix="large")
        # a call of scikit-learn takes milliseconds, during which health checks must be answered
        native = ThreadPoolExecutor(1, thread_name_prefix="engine") if release.metadata.engine == "native" else None
        self._writer = PredictionWriter(release)
        if self.settings.prediction_log:
            from seatrial.serve.logged_answers import LoggedAnswers

            self.log = LoggedAnswers(release, parse_log_settings(self.settings.prediction_log))
            self.log.paused = self.settings.standby
        after = self.log.flush if self.log else None
        self._batcher: Batcher[Scored] = Batcher(self._score, after=after, executor=native)
        self._parse, self._encode, self._unseen = release.parse, release.encode, release.unseen.in_rows
        self.metrics.sources.append(self._add_numbers)
        self.metrics.know(release)
        release.parse(b"[]")  # compiles the validators
        self.ready = True

    def stop(self) -> None:
        """Accept no more predictions, and release the threads."""
        if self.ready:
            self.ready = False
            self._pool.shutdown(wait=False, cancel_futures=True)
            if self.log:
                self.log.close()
            self.metrics.stop()
            logs.unseen_values(self.unseen)

    async def predict(
        self, headers: Any, receive: Any, exchange: Exchange, query: bytes = b""
    ) -> EncodedResponse | None:
        """Handle POST /api/v1/predict; None if the client disconnected before it had sent its rows."""
        if not query or not self.ready:
            return await self._handle(self.answer, headers, receive, exchange)
        level = level_in(query, self.release.intervals)
        if isinstance(level, RowError):
            return self._invalid(level, exchange)
        form = None if level is None else IntervalForm(self._writer, self.release.intervals, level)
        return await self._handle(partial(self.answer, form=form), headers, receive, exchange)

    async def explain(self, headers: Any, receive: Any, exchange: Exchange) -> EncodedResponse | None:
        """Handle POST /api/v1/explain; None likewise."""
        return await self._handle(self.answer_explanation, headers, receive, exchange)

    async def predict_in(self, form: Form, headers: Any, receive: Any, exchange: Exchange) -> EncodedResponse | None:
        """Handle a request for predictions in the form of another protocol; errors have the native form."""
        return await self._handle(partial(self.answer, form=form), headers, receive, exchange, form.media_types)

    async def _handle(
        self,
        handler: Handler,
        headers: Any,
        receive: Any,
        exchange: Exchange,
        media_types: frozenset[str] = frozenset(),
    ) -> EncodedResponse | None:
        if refused := requests.unsupported(headers, media_types):
            return refused
        timeout = requests.timeout_of(headers)
        if isinstance(timeout, EncodedResponse):
            return timeout
        if timeout:
            exchange.deadline = (exchange.began or perf_counter()) + timeout
        body = await self.read(headers, receive)
        return await self.ask(body, exchange, handler) if isinstance(body, bytes) else body

    async def read(self, headers: Any, receive: Any) -> bytes | EncodedResponse | None:
        """Read and decode a body; a refusal where that cannot be, None if the client has disconnected."""
        try:
            body = await requests.read_body(headers, receive, self.settings.body_limit)
            if body is not None and (codings := codings_of(headers)):
                if not self.ready or self._large >= LARGE_LIMIT:
                    return responses.busy() if self.ready else responses.not_ready()
                body = await self._decoded(body, codings)
        except BodyTooLargeError:
            return responses.too_large(self.settings.body_limit)
        except CodingError as error:
            return refusal(400, str(error))
        return body

    async def ask(self, body: bytes, exchange: Exchange, handler: Handler | None = None) -> EncodedResponse:
        """Answer a body that was read; by default, predict its rows."""
        future: asyncio.Future[EncodedResponse] = asyncio.get_running_loop().create_future()

        def done(response: EncodedResponse) -> None:
            if not future.done():  # the task that awaits it may have been cancelled
                future.set_result(response)

        (handler or self.answer)(body, exchange, done)
        return await future

    def answer_explanation(self, body: bytes, exchange: Exchange, done: OnResponse) -> None:
        """Predict and explain the one row in a body; `done` gets the response."""
        self._in_thread(self.explain_body, body, exchange, done)

    async def _decoded(self, body: bytes, codings: Sequence[str]) -> bytes:
        """Decode a body in a thread."""
        self._large += 1
        try:
            limit = self.settings.body_limit
            return await asyncio.get_running_loop().run_in_executor(self._pool, decode, body, codings, limit)
        finally:
            self._large -= 1

    def answer(self, body: bytes, exchange: Exchange, done: OnResponse, form: Form | None = None) -> None:
        """Predict the rows in a body; `done` gets the response, at once or when they have been scored."""
        try:
            if not self.ready:
                response = responses.not_ready()
            elif (exchange.deadline or self._batcher.busy) and (refused := self._too_late(exchange)):
                response = refused
            elif (rows := self._few_rows(body, form)) is None:
                work = partial(self.predict_body, form=form) if form else self.predict_body
                self._in_thread(work, body, exchange, done)
                return
            elif rows:
                encode = self._encode
                scored = partial(self._scored, form or self._writer, exchange, done, rows, self._unseen(rows))
                self._batcher.submit([encode(row) for row in rows], scored, exchange.deadline)
                return
            else:
                response = (form or self._writer).respond((), exchange.request_id, NO_WARNINGS)
        except RowError as error:
            if (plain := requests.without_mark(body)) is not body:
                self.answer(plain, exchange, done, form)
                return
            response = requests.unreadable(body) or self._invalid(error, exchange)
        except Exception as error:
            response = self._error(error, exchange)
        done(response)

    def _too_late(self, exchange: Exchange) -> EncodedResponse | None:
        """The refusal of a request that came too late, or that would wait for too long; before its body is read."""
        wait = self._batcher.wait()
        if exchange.deadline:
            left = exchange.deadline - perf_counter()
            if left <= 0:
                return responses.too_late()
            if wait > left:
                return responses.overloaded(wait)
        return responses.overloaded(wait) if wait > self.settings.wait_limit else None

    def _few_rows(self, body: bytes, form: Form | None) -> list[Any] | None:
        """The rows of a body, or None where they are too many for the event loop."""
        if len(body) <= LARGE_BODY and form:
            body = form.read(body)
        if len(body) > LARGE_BODY or len(rows := self._parse(body)) > LARGE_ROWS:
            return None
        return rows

    def _scored(
        self,
        form: Form | PredictionWriter,
        exchange: Exchange,
        done: OnResponse,
        rows: Sequence[Any],
        unseen: Sequence[UnseenValue],
        scored: Sequence[Scored] | Exception,
    ) -> None:
        if isinstance(scored, Exception):
            done(self._error(scored, exchange))
            return
        try:
            response = form.respond(scored, exchange.request_id, self._warnings(unseen))
            exchange.scored = scored
            if self.log:
                self.log.answer(exchange, rows, scored, unseen, done, response)
                return
        except Exception as error:
            response = self._error(error, exchange)
        done(response)

    def _warnings(self, found: Sequence[UnseenValue]) -> Mapping[str, Any]:
        """The key `warnings` of a response, for values that no training row had."""
        if not found:
            return NO_WARNINGS
        self.unseen.update((each.column, each.type) for each in found)
        return {WARNINGS: as_json(found)}

    def _in_thread(
        self,
        work: Callable[[bytes, Exchange, Rest], EncodedResponse],
        body: bytes,
        exchange: Exchange,
        done: OnResponse,
    ) -> None:
        """Do slow work in a thread: many rows, and explanations, each of which scores a thousand rows."""
        if not self.ready:
            done(responses.not_ready())
        elif self._large >= LARGE_LIMIT:
            done(responses.busy())
        elif refused := requests.unreadable(body):
            done(refused)
        else:
            self._large += 1
            plain = requests.without_mark(body)
            loop = asyncio.get_running_loop()
            call = loop.run_in_executor(self._pool, _in_time, work, plain, exchange, partial(wait_for_turn, loop))
            call.add_done_callback(partial(self._finished, exchange, done))

    def _finished(self, exchange: Exchange, done: OnResponse, call: asyncio.Future[EncodedResponse]) -> None:
        self._large -= 1
        if call.cancelled():
            done(responses.not_ready())
        elif error := call.exception():
            done(self._error(error, exchange))
        else:
            done(call.result())

    def predict_body(
        self, body: bytes, exchange: Exchange, rest: Rest = no_rest, form: Form | None = None
    ) -> EncodedResponse:
        """Predict any number of rows in this thread, without batching; `rest` between slices. Raises RowError."""
        if form:
            body = form.read(body)
        unseen: list[UnseenValue] = []
        scored: list[Scored] = []
        rows: list[Any] = []
        for start, some in self.release.parse_slices(body):
            if start < len(scored):
                unseen = []
            unseen += self._unseen(some, start)
            scored[start:] = self._score([self._encode(row) for row in some]) if some else []
            rows[start:] = some
            rest()  # the event loop needs the interpreter's lock
        response = (form or self._writer).respond(scored, exchange.request_id, self._warnings(unseen))
        return self._log(exchange, rows, scored, unseen) or response

    def explain_body(self, body: bytes, exchange: Exchange, rest: Rest = no_rest) -> EncodedResponse:
        """Predict one row and explain the contribution of each column, after a `rest`. Raises RowError."""
        rest()  # many of them in a row would keep the interpreter's lock
        rows = self._parse(body)
        if len(rows) != 1:
            message = f"Only one row can be explained at a time; got {len(rows)}"
            raise RowError([{"type": "one_row", "loc": ["body"], "msg": message}])
        explanation = to_jsonable_python(self.release.explain(rows[0]))
        unseen = self._unseen(rows)
        scored = self._score([self._encode(rows[0])])
        more = {"explanation": explanation, **self._warnings(unseen)}
        response = self._writer.respond(scored, exchange.request_id, more)
        return self._log(exchange, rows, scored, unseen) or response

    def _log(
        self, exchange: Exchange, rows: list[Any], scored: Sequence[Scored], unseen: Sequence[UnseenValue]
    ) -> EncodedResponse | None:
        """Log what is answered in a thread; returns a refusal where it cannot be logged. Examples have no route."""
        exchange.scored = scored
        if self.log is None or not exchange.route or not rows:
            return None
        return self.log.write(exchange, lambda records: records.answered(exchange, rows, scored, unseen))

    def _add_numbers(self, numbers: Tally) -> None:
        """Add what the service counts."""
        totals, levels = numbers.totals, numbers.levels
        totals[families.UNSEEN.name] = cast(dict[Key, float], dict(self.unseen))
        numbers.histograms[families.BATCH.name] = {(): bucketed(families.BATCHES, self._batcher.sizes)}
        waiting, large = self._batcher.waiting, self._large
        levels[families.WAITING.name] = {(): waiting + max(0, large - LARGE_THREADS)}
        levels[families.IN_PROGRESS.name] = {(): waiting + self._batcher.in_call + large}
        if self.log:
            totals[families.LOG_DROPPED.name] = {(): self.log.spool.dropped}
            levels[families.LOG_BACKLOG.name] = {(): self.log.spool.used}
            levels[families.LOG_LIMIT.name] = {(): self.log.spool.limit}

    def health(self) -> EncodedResponse:
        """Handle GET /health: alive, whatever the model does."""
        return responses.ALIVE

    def readiness(self) -> EncodedResponse:
        """Handle GET /ready."""
        return EncodedResponse(200, b'{"status":"ready"}') if self.ready else responses.not_ready()

    def model(self) -> EncodedResponse:
        """Handle GET /api/v1/model."""
        return self._model

    @cached_property
    def _model(self) -> EncodedResponse:
        release, meta = self.release, self.release.metadata
        first = ("description", "task", "target", "classes", "labels", "positive", "threshold", "engine")
        second = ("headline", "metrics", "unit", "intervals", "importance", "split", "proof", "environment")
        facts = {
            "name": release.name,
            "version": release.version,
            **{key: getattr(meta, key) for key in (*first, *second)},
            "schema": release.json_schema,
            "example": meta.example,
            "typical": meta.typical,
            "card": release.card,
        }
        if meta.task != "binary":
            facts["threshold"] = None
        return EncodedResponse(200, to_bytes(facts))

    def _score(self, rows: list[Encoded]) -> list[Scored]:
        return scored_rows(self.release, self.release.score(rows))

    def refusal_of(self, error: BaseException, exchange: Exchange) -> EncodedResponse:
        """The response to an error that another way to predict has met; in the event loop."""
        return self._error(error, exchange)

    def note_bad_rows(self, exchange: Exchange, errors: list[dict[str, Any]]) -> None:
        """Log rows that are refused in a request whose others are answered; in the event loop."""
        exchange.errors = [*exchange.errors, *errors][:MOST_ERRORS]
        if self.log:
            self.log.refuse(exchange, 422, errors)

    def _invalid(self, error: RowError, exchange: Exchange) -> EncodedResponse:
        """The response to invalid rows, which are logged without their values."""
        response = responses.validation_error(error.errors)
        exchange.errors = error.errors
        if self.log:
            self.log.refuse(exchange, response.status, error.errors)
        return response

    def _error(self, error: BaseException, exchange: Exchange) -> EncodedResponse:
        """The response to an error. Unless the rows are invalid, the details go to the log and not to the caller."""
        if isinstance(error, RowError):
            return self._invalid(error, exchange)
        if isinstance(error, DeadlineError):
            return responses.too_late()
        logs.fault("The request failed", error, exchange.request_id)
        return responses.internal_error(exchange.request_id)
