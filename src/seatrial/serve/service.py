"""The service that both doors, the fast front and FastAPI, lead to: a body in, an answer out."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from loguru import logger

from seatrial.model import Release
from seatrial.model.inputs import Encoded
from seatrial.model.rows import RowError
from seatrial.serve import answers
from seatrial.serve.answers import Answer, Piece, PredictionWriter
from seatrial.serve.batching import Batcher
from seatrial.serve.settings import Settings

LARGE_BODY = 32 * 2**10  # bytes; a larger one is answered in a thread, so that others need not wait for it
LARGE_ROWS = 64
ROWS_PER_CALL = 2_048
LARGE_AT_ONCE = 16  # large requests under way or waiting; more are told to come again


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

    async def predict(self, body: bytes, request_id: str) -> Answer:
        """Answer POST /api/v1/predict. Raises RowError, of which each door makes its 422."""
        if not self.ready:
            return answers.starting()
        if len(body) > LARGE_BODY:
            return await self._in_thread(body, request_id)
        try:
            rows = self._parse(body)
            if len(rows) > LARGE_ROWS:
                return await self._in_thread(body, request_id)
            if not rows:
                return self._writer.answer((), request_id)
            encode = self._encode
            pieces = await self._batcher.ask([encode(row) for row in rows])
        except RowError:
            raise
        except Exception:
            return self._failed(request_id)
        return self._writer.answer(pieces, request_id)

    async def _in_thread(self, body: bytes, request_id: str) -> Answer:
        if self._large >= LARGE_AT_ONCE:
            return answers.busy()
        self._large += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, self._whole, body, request_id)
        except RowError:
            raise
        except Exception:
            return self._failed(request_id)
        finally:
            self._large -= 1

    def _whole(self, body: bytes, request_id: str) -> Answer:
        rows = [self._encode(row) for row in self._parse(body)]
        pieces: list[Piece] = []
        for start in range(0, len(rows), ROWS_PER_CALL):
            pieces += self._pieces(rows[start : start + ROWS_PER_CALL])
        return self._writer.answer(pieces, request_id)

    def _pieces(self, rows: list[Encoded]) -> list[Piece]:
        return self._writer.pieces(self.release.score(rows))

    def _failed(self, request_id: str) -> Answer:
        """Tell the log what happened, and the caller that something did."""
        logger.bind(request_id=request_id).exception("The prediction failed")
        return answers.failed(request_id)

    def health(self) -> Answer:
        """Answer GET /health: alive, whatever the model does."""
        return Answer(200, b'{"status":"alive"}')

    def readiness(self) -> Answer:
        """Answer GET /ready."""
        return Answer(200, b'{"status":"ready"}') if self.ready else answers.starting()

    def stop(self) -> None:
        """Take no more predictions, and let the threads go."""
        if self.ready:
            self.ready = False
            self._pool.shutdown(wait=False, cancel_futures=True)
