"""Writes what a server answers to its prediction log before the answer leaves."""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from seatrial.core.access_keys import VERIFIER
from seatrial.http.messages import RETRY, EncodedResponse, refusal
from seatrial.model import Release
from seatrial.prediction_log.log_records import Answer, Records
from seatrial.prediction_log.log_settings import LogSettings, spool_folder
from seatrial.prediction_log.spool import LOOK_SECONDS, Spool
from seatrial.serve import logs
from seatrial.serve.exchanges import Exchange

NO_ROOM = refusal(503, "The prediction log is full, so that nothing is predicted. Try again.", RETRY)


class LoggedAnswers:
    """The prediction log of one server process. Raises SeatrialError where it cannot be written."""

    def __init__(self, release: Release, settings: LogSettings) -> None:
        folder = spool_folder(settings, release.name)
        self.records = Records(release, settings, folder)
        self.spool = Spool(folder, self.records, settings)
        self.paused = False  # as while a supervisor checks a server that does not accept connections yet
        self._refuses = settings.when_full == "refuse"
        self._answers: list[Answer] = []
        self._due: list[tuple[Callable[[EncodedResponse], None], EncodedResponse]] = []
        self._refused: list[bytes] = []
        self._stopped = threading.Event()
        threading.Thread(target=self._look, name="prediction log", daemon=True).start()

    def answer(
        self,
        exchange: Exchange,
        rows: Sequence[Any],
        scored: Sequence[Any],
        unseen: Sequence[Any],
        done: Callable[[EncodedResponse], None],
        response: EncodedResponse,
    ) -> None:
        """Let `done` have the response at the next `flush`, once its record is written; in the event loop."""
        if self._keeps(exchange):
            self._answers.append((exchange, rows, scored, unseen))
            self._due.append((done, response))
        else:
            done(response)

    def flush(self) -> None:
        """Write the records of this turn of the event loop, and let their answers go."""
        if not self._due:
            return
        due, self._due = self._due, []
        answers, self._answers = self._answers, []
        if self._write(answers) or not self._refuses:
            for done, response in due:
                done(response)
        else:
            for done, _ in due:
                done(NO_ROOM)

    def _write(self, answers: Sequence[Answer]) -> bool:
        try:
            records = self.records.turn(answers)
        except Exception as error:  # the answers that wait must leave
            logs.fault("The prediction log failed", error, answers[0][0].request_id)
            return self.spool.drop(len(answers), "a record cannot be made")
        return self.spool.write(records, len(answers))

    def write(self, exchange: Exchange, make: Callable[[Records], bytes]) -> EncodedResponse | None:
        """Write one record at once, from any thread; returns a refusal where the settings want that.

        `make` is called for requests that are in the share that is logged.
        """
        if not self._keeps(exchange):
            return None
        return NO_ROOM if not self.spool.write(make(self.records), 1) and self._refuses else None

    def refuse(self, exchange: Exchange, status: int, errors: Sequence[Mapping[str, Any]]) -> None:
        """Log a refused request soon; in the event loop."""
        if self._keeps(exchange):
            if not self._refused:
                asyncio.get_running_loop().call_soon(self._write_refused)
            self._refused.append(self.records.refused(exchange, status, errors))

    def _keeps(self, exchange: Exchange) -> bool:
        """Whether a request is logged: not what verifies a deployment, and the share of the others that is wanted."""
        records = self.records
        return not (self.paused or exchange.key == VERIFIER) and (
            records.keeps_all or records.keeps(exchange.request_id)
        )

    def close(self) -> None:
        """Seal what was written."""
        self._write_refused()
        self._stopped.set()
        self.spool.close()

    def _write_refused(self) -> None:
        records, self._refused = self._refused, []
        if records:
            self.spool.write(b"".join(records), len(records))

    def _look(self) -> None:
        while not self._stopped.wait(LOOK_SECONDS):
            self.spool.look()
