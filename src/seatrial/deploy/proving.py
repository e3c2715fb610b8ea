"""Whether a server that was just started is the release it should be: ready, and its golden rows answered as stored."""

import http.client
import json
import threading
import time
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError

ROWS = 32  # enough to see a wrong model, few enough to take no time
TOLERANCE = 1e-9
POLL = 0.05  # seconds


def wait_ready(host: str, port: int, *, patience: float, ended: threading.Event) -> None:
    """Return when the server says that it is ready; SeatrialError where it ends, or not within `patience` seconds."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        try:
            if _ask(host, port, "GET", "/ready", None, 2.0)[0] == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        if ended.wait(POLL):
            raise SeatrialError("it ended before it was ready")
    raise SeatrialError(f"it was not ready within {patience:g} s")


def prove(host: str, port: int, wheel: Path, version: str) -> None:
    """Have the server predict golden rows of the wheel; SeatrialError where it does not give what training stored."""
    rows, scores, classes = _golden(wheel)
    if not rows:
        return
    try:
        status, document = _ask(host, port, "POST", "/api/v1/predict", rows, 30.0)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise SeatrialError(f"it does not predict its golden rows: {error}") from None
    if status != 200:
        raise SeatrialError(f"it answers its golden rows with status {status}")
    if document.get("version") != version:
        raise SeatrialError(f"it says that it is version {document.get('version')}, not {version}")
    given = _scores(document, classes)
    if len(given) != len(scores):
        raise SeatrialError(f"it gives {len(given)} answers to {len(scores)} golden rows")
    off = max(abs(a - b) for one, other in zip(given, scores, strict=True) for a, b in zip(one, other, strict=True))
    if not off <= TOLERANCE:
        raise SeatrialError(f"its golden rows are answered otherwise than at training, by up to {off:.2g}")


def _golden(wheel: Path) -> tuple[list[Any], list[list[float]], list[str]]:
    """Rows, their scores, and the names of the classes (none for a regression), from a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        documents: dict[str, Any] = {"golden.json": {}, "release.json": {}}
        for name in archive.namelist():
            folder, _, last = name.rpartition("/")
            if last in documents and folder.endswith("/artifacts") and folder.count("/") == 1:
                documents[last] = json.loads(archive.read(name))
    golden = documents["golden.json"]
    scores = [each if isinstance(each, list) else [each] for each in golden.get("scores", ())[:ROWS]]
    return list(golden.get("rows", ())[:ROWS]), scores, [str(each) for each in documents["release.json"]["classes"]]


def _scores(document: Mapping[str, Any], classes: Sequence[str]) -> list[list[float]]:
    if not classes:
        return [[float(value)] for value in document["predictions"]]
    return [[float(row[name]) for name in classes] for row in document["probabilities"]]


def _ask(host: str, port: int, method: str, path: str, body: Any, timeout: float) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        given = None if body is None else json.dumps(body)
        connection.request(method, path, given, {"Content-Type": "application/json", "Connection": "close"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()
