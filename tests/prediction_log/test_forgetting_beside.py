"""Reading and forgetting beside a writer and a shipper that are at work: nothing is lost, doubled or left behind."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.prediction_log.log_lines import FACTS, encoded, line

from seatrial.prediction_log.conditions import parse_conditions
from seatrial.prediction_log.forgetting import forget
from seatrial.prediction_log.log_query import LogQuery
from seatrial.prediction_log.log_settings import LogSettings
from seatrial.prediction_log.reading import PredictionLog
from seatrial.prediction_log.spool import Spool

ROUNDS = 5


class Writer(threading.Thread):
    """Writes a request of Ann and one of Bob in turn, in short segments, as a server does."""

    def __init__(self, spool: Path, settings: LogSettings) -> None:
        super().__init__(daemon=True)
        records: Any = SimpleNamespace(wheel=FACTS["wheel"], facts=FACTS)
        self.spool = Spool(spool, records, settings)
        self.written = 0
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.is_set():
            rows = [(1.5, 2, "Ann"), (2.5, 3, "Bob")]
            record = line(self.written, rows, t=int(time.time() * 1e6))
            if self.spool.write(encoded([record]), 1):
                self.written += 1
            if self.written % 50 == 0:
                self.spool.look()
            time.sleep(0.001)
        self.spool.close()


def test_what_is_acknowledged_stays_once_and_what_is_forgotten_goes(tmp_path: Path) -> None:
    settings = LogSettings(to=str(tmp_path), segment_seconds=0.2)
    spool = tmp_path / ".spool"
    writer = Writer(spool, settings)
    writer.start()
    command = [sys.executable, "-m", "seatrial.prediction_log", str(spool)]
    shipper = subprocess.Popen(command, env={**os.environ, "SEATRIAL_LOG": json.dumps({"to": str(tmp_path)})})
    log = PredictionLog(settings)
    ann = LogQuery(conditions=parse_conditions(["kind = Ann"]))
    try:
        for _ in range(ROUNDS):
            time.sleep(0.4)
            before = writer.written
            assert forget(log, ann).predictions
            left = [int(each[1:]) for each in log.table(ann)["request_id"].to_pylist()]
            assert [number for number in left if number < before] == []
            seen = Counter(log.table(LogQuery(), ["request_id", "row"])["request_id"].to_pylist())
            assert max(seen.values()) <= 2
            assert {f"r{number}" for number in range(before)} <= set(seen)
            assert log.newest(LogQuery(), 10)["row"].to_pylist() == [0, 1] * 5
    finally:
        writer.stopped.set()
        writer.join(10)
        shipper.send_signal(signal.SIGTERM)
        assert shipper.wait(20) == 0
    forget(log, ann)
    assert list(spool.glob("2*")) == []
    table = log.table(LogQuery(), ["request_id", "row", "kind"]).to_pylist()
    assert {(each["row"], each["input_kind"]) for each in table} == {(1, "Bob")}
    assert Counter(each["request_id"] for each in table) == Counter(f"r{number}" for number in range(writer.written))
    assert writer.written > 100
