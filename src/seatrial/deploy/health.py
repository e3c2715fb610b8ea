"""Checks on a running service: whether it is ready, which version it runs, and whether it predicts as at training."""

import http.client
import json
import os
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.deploy.target import PinnedRelease

RELEASE_HEADER = "x-release"  # name==version
ACCESS_KEY = "SEATRIAL_ACCESS_KEY"  # the environment variable with a key of the service
NEEDS_KEY = dict.fromkeys((401, 403), f"Set {ACCESS_KEY} to a key of the service with the scope predict.")
POLL_SECONDS = 0.05  # between two requests to a service on this machine
ROWS = 32  # enough to detect a wrong model, few enough to take no time
TOLERANCE = 1e-9  # absolute for a probability; relative for large numbers, which a regression predicts


def wait_until_ready(url: str, patience: float, alive: Callable[[], bool] = lambda: True) -> None:
    """Return when `url` is ready. Raises SeatrialError after `patience` seconds, or once `alive` returns False."""
    deadline = time.monotonic() + patience
    while True:
        try:
            request_json(f"{url}/ready")
        except SeatrialError:
            if not alive():
                raise SeatrialError("the server exited before it was ready") from None
            if time.monotonic() > deadline:
                raise SeatrialError(f"the server was not ready within {patience:g} s") from None
            time.sleep(POLL_SECONDS)
        else:
            return


def wait_for_version(url: str, version: str, patience: float, *, logs: str) -> None:
    """Return when `url` serves `version`; until then it may serve another one. `logs` is the command that shows why."""
    deadline, pause = time.monotonic() + patience, POLL_SECONDS
    while (served := version_at(url)) != version:
        if time.monotonic() > deadline:
            instead = f"it serves {served}" if served else "it does not respond"
            raise SeatrialError(
                f"{url} does not serve {version} after {patience:.0f} s; {instead}.", hint=f"To see why, run `{logs}`."
            )
        time.sleep(pause)
        pause = min(2 * pause, 2.0)


def version_at(url: str) -> str | None:
    """The version that `url` serves; None where no Seatrial server responds.

    It is in a header of each response. A health check costs the server nothing, while the first request for a document
    makes it load FastAPI, for longer than our patience on a busy machine. Only a proxy that drops headers needs that.
    """
    try:
        headers, _ = _request(f"{url}/health")
        if version := headers.get(RELEASE_HEADER, "").rpartition("==")[2]:
            return version
        document = request_json(f"{url}/api/v1/model").get("version")
    except (SeatrialError, AttributeError):
        return None
    return document if isinstance(document, str) else None


def request_json(url: str, body: Any = None, timeout: float = 5.0, key: str = "") -> Any:
    """GET a JSON document, or POST `body`, with an access key. Raises SeatrialError unless that succeeds."""
    _, content = _request(url, body, timeout, key)
    try:
        return json.loads(content)
    except ValueError as error:
        raise SeatrialError(f"{url} does not respond: {error}.") from None


def _request(url: str, body: Any = None, timeout: float = 5.0, key: str = "") -> tuple[Mapping[str, str], bytes]:
    """The headers and the body of a successful response."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
    request = urllib.request.Request(url, data, headers)  # noqa: S310 - from the settings
    local = url.startswith(("http://127.0.0.1:", "http://localhost:", "http://[::1]:"))
    opener = urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if local else []))
    try:
        with opener.open(request, timeout=timeout) as response:
            return response.headers, response.read()
    except urllib.error.HTTPError as error:
        raise SeatrialError(f"{url} returned HTTP status {error.code}.", hint=NEEDS_KEY.get(error.code, "")) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise SeatrialError(f"{url} does not respond: {getattr(error, 'reason', error)}.") from None


@dataclass(frozen=True)
class VerificationRows:
    """Rows of a wheel, their scores at training, and the names of the classes (none for a regression)."""

    rows: list[Any]
    scores: list[list[float]]
    classes: list[str]


def verify_release(url: str, golden: VerificationRows, version: str, key: str = "") -> None:
    """Have the server predict a wheel's golden rows. Raises SeatrialError if a prediction differs from training."""
    rows, expected, classes = golden.rows, golden.scores, golden.classes
    if not rows:
        raise SeatrialError("its wheel has no golden rows to verify it with")
    try:
        response = request_json(f"{url}/api/v1/predict", rows, timeout=30.0, key=key)
    except SeatrialError as error:
        message = f"it cannot predict its golden rows: {error.message.rstrip('.')}"
        raise SeatrialError(message, hint=error.hint) from None
    if response.get("version") != version:
        raise SeatrialError(f"it reports version {response.get('version')} instead of {version}")
    scores = _scores(response, classes)
    if len(scores) != len(expected):
        raise SeatrialError(f"it returned {len(scores)} predictions for {len(expected)} golden rows")
    pairs = [pair for row, other in zip(scores, expected, strict=True) for pair in zip(row, other, strict=True)]
    largest = max(abs(score - stored) / max(1.0, abs(stored)) for score, stored in pairs)
    if not largest <= TOLERANCE:
        raise SeatrialError(f"its predictions for the golden rows differ from those at training by up to {largest:.2g}")


def require_verified(url: str, pinned: PinnedRelease) -> None:
    """Verify the service at `url`; the SeatrialError is a whole sentence here."""
    try:
        verify_release(url, read_golden_rows(pinned.wheel), pinned.version, os.environ.get(ACCESS_KEY, ""))
    except SeatrialError as error:
        message = f"{pinned.name} {pinned.version} cannot be served: {error.message}."
        raise SeatrialError(message, hint=error.hint) from None


def read_golden_rows(wheel: Path) -> VerificationRows:
    """The first golden rows of a wheel."""
    folder = f"{wheel.name.partition('-')[0]}/artifacts"
    with zipfile.ZipFile(wheel) as archive:
        names = (f"{folder}/golden.json", f"{folder}/release.json")
        golden, facts = (json.loads(archive.read(name)) if name in archive.namelist() else {} for name in names)
    scores = [score if isinstance(score, list) else [score] for score in golden.get("scores", ())[:ROWS]]
    return VerificationRows(list(golden.get("rows", ())[:ROWS]), scores, [str(label) for label in facts["classes"]])


def _scores(response: Mapping[str, Any], classes: Sequence[str]) -> list[list[float]]:
    if not classes:
        return [[float(value)] for value in response["predictions"]]
    return [[float(row[name]) for name in classes] for row in response["probabilities"]]
