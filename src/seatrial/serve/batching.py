"""Gathers rows that are asked at the same time into one call of the engine, without making any of them wait for it.

A call costs onnxruntime some 15 microseconds and scikit-learn some milliseconds, whatever the number of rows.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Generic, TypeVar

from seatrial.model.inputs import Encoded

Result = TypeVar("Result")
Asked = list[tuple[asyncio.Future[Sequence[Result]], list[Encoded]]]


class Batcher(Generic[Result]):
    """Asks `score` once for all rows of one turn of the event loop.

    Without `executor` the engine is called in the event loop, which suits an engine that takes microseconds; with it
    in a thread, and rows that arrive during a call wait for the next one. If a call fails, each request is asked
    again alone, so that only the one at fault fails.
    """

    def __init__(
        self,
        score: Callable[[list[Encoded]], Sequence[Result]],
        *,
        executor: Executor | None = None,
        row_limit: int = 256,
    ) -> None:
        self._score = score
        self._executor = executor
        self._row_limit = row_limit
        self._waiting: Asked[Result] = []
        self._rows = 0
        self._busy = False

    def ask(self, rows: list[Encoded]) -> "asyncio.Future[Sequence[Result]]":
        """Give the future scores of one request's rows."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Sequence[Result]] = loop.create_future()
        if not self._waiting and not self._busy:
            # The next turn reads the sockets that are ready and starts their requests; the one after has their rows.
            loop.call_soon(loop.call_soon, self._flush)
        self._waiting.append((future, rows))
        self._rows += len(rows)
        if self._rows >= self._row_limit:
            self._flush()
        return future

    def _flush(self) -> None:
        if self._busy or not self._waiting:
            return
        taken = self._take()
        if self._executor is None:
            _deliver(taken, self._answer(taken))
            if self._waiting:
                asyncio.get_running_loop().call_soon(self._flush)
            return
        self._busy = True
        loop = asyncio.get_running_loop()
        call = loop.run_in_executor(self._executor, self._answer, taken)
        call.add_done_callback(lambda done: self._done(taken, done))

    def _take(self) -> "Asked[Result]":
        """Take what waits, up to the limit of rows; one request is never split."""
        rows = count = 0
        for _, asked in self._waiting:
            if count and rows + len(asked) > self._row_limit:
                break
            rows += len(asked)
            count += 1
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        self._rows -= rows
        return taken

    def _done(
        self,
        taken: "Asked[Result]",
        call: "asyncio.Future[list[Sequence[Result] | Exception]]",
    ) -> None:
        self._busy = False
        if call.cancelled():
            for future, _ in taken:
                future.cancel()
        else:
            _deliver(taken, call.result())
        self._flush()

    def _answer(self, taken: "Asked[Result]") -> list[Sequence[Result] | Exception]:
        """Score all requests at once; where that fails, each alone."""
        try:
            results = self._score([row for _, rows in taken for row in rows])
        except Exception as error:
            return [error] if len(taken) == 1 else [self._alone(rows) for _, rows in taken]
        answers: list[Sequence[Result] | Exception] = []
        start = 0
        for _, rows in taken:
            answers.append(results[start : start + len(rows)])
            start += len(rows)
        return answers

    def _alone(self, rows: list[Encoded]) -> Sequence[Result] | Exception:
        try:
            return self._score(rows)
        except Exception as error:
            return error


def _deliver(
    taken: "Asked[Result]",
    answers: "list[Sequence[Result] | Exception]",
) -> None:
    for (future, _), answer in zip(taken, answers, strict=True):
        if future.done():  # its client has gone
            continue
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
