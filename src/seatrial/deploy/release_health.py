"""Whether a server is the release it should be: it answers the golden rows as training stored them."""

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.deploy.health import ask
from seatrial.deploy.target import Pinned

ROWS = 32  # enough to see a wrong model, few enough to take no time
TOLERANCE = 1e-9  # of a probability; of large numbers, as a regression predicts them, relative


def prove(url: str, wheel: Path, version: str) -> None:
    """Have the server predict golden rows of the wheel; SeatrialError where it does not give what training stored."""
    rows, scores, classes = _golden(wheel)
    if not rows:
        raise SeatrialError("its wheel has no golden rows to prove it by")
    try:
        document = ask(f"{url}/api/v1/predict", rows, timeout=30.0)
    except SeatrialError as error:
        raise SeatrialError(f"it does not predict its golden rows: {error.message.rstrip('.')}") from None
    if document.get("version") != version:
        raise SeatrialError(f"it says that it is version {document.get('version')}, not {version}")
    given = _scores(document, classes)
    if len(given) != len(scores):
        raise SeatrialError(f"it gives {len(given)} answers to {len(scores)} golden rows")
    pairs = [pair for one, other in zip(given, scores, strict=True) for pair in zip(one, other, strict=True)]
    off = max(abs(a - b) / max(1.0, abs(b)) for a, b in pairs)
    if not off <= TOLERANCE:
        raise SeatrialError(f"its golden rows are answered otherwise than at training, by up to {off:.2g}")


def require_proven(url: str, pinned: Pinned) -> None:
    """Have the service at `url` prove itself; SeatrialError is a whole sentence here."""
    try:
        prove(url, pinned.wheel, pinned.version)
    except SeatrialError as error:
        raise SeatrialError(f"{pinned.name} {pinned.version} is not served: {error.message}.") from None


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
