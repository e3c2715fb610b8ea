"""Gathers rows that are asked at the same time into one call of the engine, without making any of them wait for it.

A call costs onnxruntime some 15 microseconds and scikit-learn some milliseconds, whatever the number of rows.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Generic, TypeVar

from seatrial.model.inputs import Encoded

Result = TypeVar("Result")
Done = Callable[[Sequence[Result] | Exception], None]
Asked = list[tuple[Done[Result], list[Encoded]]]
Outcome = list[Sequence[Result] | Exception]


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

    def ask(self, rows: list[Encoded], done: Done[Result]) -> None:
        """Have one request's rows scored; `done` gets their results, or the error. It must not raise."""
        if not self._waiting and not self._busy:
            # The flush comes after all sockets that are ready now have been read.
            asyncio.get_running_loop().call_soon(self._flush)
        self._waiting.append((done, rows))
        self._rows += len(rows)
        if self._rows >= self._row_limit:
            self._flush()

    def _flush(self) -> None:
        if self._busy or not self._waiting:
            return
        taken = self._take()
        if self._executor is None:
            _deliver(taken, self._answer(taken))
            if self._waiting:
                asyncio.get_running_loop().call_soon(self._flush)
            return
        try:
            call = asyncio.get_running_loop().run_in_executor(self._executor, self._answer, taken)
        except RuntimeError as error:  # the thread has been told to end
            _deliver(taken, [error] * len(taken))
            return
        self._busy = True
        call.add_done_callback(lambda call: self._done(taken, call))

    def _take(self) -> Asked[Result]:
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

    def _done(self, taken: Asked[Result], call: asyncio.Future[Outcome[Result]]) -> None:
        self._busy = False
        gone = RuntimeError("The engine's thread has ended.")
        _deliver(taken, [gone] * len(taken) if call.cancelled() else call.result())
        self._flush()

    def _answer(self, taken: Asked[Result]) -> Outcome[Result]:
        """Score all requests at once; where that fails, each alone."""
        try:
            results = self._score([row for _, rows in taken for row in rows])
        except Exception as error:
            return [error] if len(taken) == 1 else [self._alone(rows) for _, rows in taken]
        answers: Outcome[Result] = []
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


def _deliver(taken: Asked[Result], outcome: Outcome[Result]) -> None:
    for (done, _), answer in zip(taken, outcome, strict=True):
        done(answer)
