"""The service that both doors, the fast front and FastAPI, lead to: a request in, an answer out."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from typing import Any

from pydantic_core import to_jsonable_python

from seatrial.model import Release
from seatrial.model.inputs import Encoded
from seatrial.model.row_validation import RowError
from seatrial.serve import logs, responses
from seatrial.serve.batching import Batcher
from seatrial.serve.requests import BodyTooLargeError, read_body
from seatrial.serve.responses import Answer, Piece, PredictionWriter
from seatrial.serve.server_settings import Settings

PREDICT = "/api/v1/predict"
EXPLAIN = "/api/v1/explain"
MODEL = "/api/v1/model"
GONE = 499  # in the log, for a client that went away before it was answered; nginx's number

LARGE_BODY = 32 * 2**10  # bytes; a larger one is answered in a thread, so that others need not wait for it
LARGE_ROWS = 64
ROWS_PER_CALL = 2_048
LARGE_AT_ONCE = 16  # large requests under way or waiting; more are told to come again

Done = Callable[[Answer], None]
Ask = Callable[[bytes, str, Done], None]


class Service:
    """One release, answering."""

    def __init__(self, release: Release, settings: Settings) -> None:
        self.release = release
        self.settings = settings
        self.ready = False
        self._large = 0

    def load(self) -> None:
        """Load the model and answer one row with it, so that the first caller does not pay for that."""
        release = self.release.load()
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="large")
        # scikit-learn takes milliseconds for a call, during which health checks must be answered
        native = ThreadPoolExecutor(1, thread_name_prefix="engine") if release.metadata.engine == "native" else None
        self._writer = PredictionWriter(release)
        self._batcher: Batcher[Piece] = Batcher(self._pieces, executor=native)
        self._parse, self._encode = release.parse, release.encode
        release.parse(b"[]")  # compiles the validators
        self.ready = True

    def stop(self) -> None:
        """Take no more predictions, and let the threads go."""
        if self.ready:
            self.ready = False
            self._pool.shutdown(wait=False, cancel_futures=True)

    async def predict(self, headers: Any, receive: Any, request_id: str) -> Answer | None:
        """Answer POST /api/v1/predict; None if the client went away before it had sent its rows."""
        return await self._read(self.answer, headers, receive, request_id)

    async def explain(self, headers: Any, receive: Any, request_id: str) -> Answer | None:
        """Answer POST /api/v1/explain; None likewise."""
        return await self._read(partial(self._in_thread, self.explain_body), headers, receive, request_id)

    async def _read(self, ask: Ask, headers: Any, receive: Any, request_id: str) -> Answer | None:
        try:
            body = await read_body(headers, receive, self.settings.body_limit)
        except BodyTooLargeError:
            return responses.too_large(self.settings.body_limit)
        if body is None:
            return None
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def done(answer: Answer) -> None:
            if not answered.done():  # its task may have been cancelled meanwhile
                answered.set_result(answer)

        ask(body, request_id, done)
        return await answered

    def answer(self, body: bytes, request_id: str, done: Done) -> None:
        """Predict the rows in a body; `done` gets the answer, at once or when they have been scored."""
        try:
            if not self.ready:
                answer = responses.starting()
            elif len(body) > LARGE_BODY or len(rows := self._parse(body)) > LARGE_ROWS:
                self._in_thread(self.predict_body, body, request_id, done)
                return
            elif rows:
                encode = self._encode
                self._batcher.ask([encode(row) for row in rows], partial(self._scored, request_id, done))
                return
            else:
                answer = self._writer.answer((), request_id)
        except Exception as error:
            answer = self._refusal(error, request_id)
        done(answer)

    def _scored(self, request_id: str, done: Done, pieces: Sequence[Piece] | Exception) -> None:
        if isinstance(pieces, Exception):
            done(self._refusal(pieces, request_id))
        else:
            done(self._writer.answer(pieces, request_id))

    def _in_thread(self, work: Callable[[bytes, str], Answer], body: bytes, request_id: str, done: Done) -> None:
        """Do what takes long in a thread: many rows, and explanations, for which a thousand rows are scored."""
        if not self.ready:
            done(responses.starting())
        elif self._large >= LARGE_AT_ONCE:
            done(responses.busy())
        else:
            self._large += 1
            call = asyncio.get_running_loop().run_in_executor(self._pool, work, body, request_id)
            call.add_done_callback(partial(self._worked, request_id, done))

    def _worked(self, request_id: str, done: Done, call: asyncio.Future[Answer]) -> None:
        self._large -= 1
        if call.cancelled():
            done(responses.starting())
        elif error := call.exception():
            done(self._refusal(error, request_id))
        else:
            done(call.result())

    def predict_body(self, body: bytes, request_id: str) -> Answer:
        """Answer any number of rows at once, without looking for company in a batch. Raises RowError."""
        rows = [self._encode(row) for row in self._parse(body)]
        pieces: list[Piece] = []
        for start in range(0, len(rows), ROWS_PER_CALL):
            pieces += self._pieces(rows[start : start + ROWS_PER_CALL])
        return self._writer.answer(pieces, request_id)

    def explain_body(self, body: bytes, request_id: str) -> Answer:
        """Predict one row and say what each of its columns did to the prediction. Raises RowError."""
        rows = self._parse(body)
        if len(rows) != 1:
            message = f"One row is explained at a time; there are {len(rows)}"
            raise RowError([{"type": "one_row", "loc": ["body"], "msg": message}])
        explanation = to_jsonable_python(self.release.explain(rows[0]))
        return self._writer.answer(self._pieces([self._encode(rows[0])]), request_id, {"explanation": explanation})

    def health(self) -> Answer:
        """Answer GET /health: alive, whatever the model does."""
        return Answer(200, b'{"status":"alive"}')

    def readiness(self) -> Answer:
        """Answer GET /ready."""
        return Answer(200, b'{"status":"ready"}') if self.ready else responses.starting()

    def model(self) -> Answer:
        """Answer GET /api/v1/model."""
        return self._model

    @cached_property
    def _model(self) -> Answer:
        release, meta = self.release, self.release.metadata
        facts = {
            "name": release.name,
            "version": release.version,
            "description": meta.description,
            "task": meta.task,
            "target": meta.target,
            "classes": meta.classes,
            "labels": meta.labels,
            "positive": meta.positive,
            "threshold": meta.threshold if meta.task == "binary" else None,
            "engine": meta.engine,
            "headline": meta.headline,
            "metrics": meta.metrics,
            "split": meta.split,
            "proof": meta.proof,
            "environment": meta.environment,
            "schema": release.json_schema,
            "example": meta.example,
            "typical": meta.typical,
            "card": release.card,
        }
        return Answer(200, responses.to_bytes(facts))

    def _pieces(self, rows: list[Encoded]) -> list[Piece]:
        return self._writer.pieces(self.release.score(rows))

    def _refusal(self, error: BaseException, request_id: str) -> Answer:
        """Make the answer to what went wrong; a fault goes to the log, and its caller is told no more than that."""
        if isinstance(error, RowError):
            return responses.invalid(error.errors)
        logs.fault("The request failed", error, request_id)
        return responses.failed(request_id)
