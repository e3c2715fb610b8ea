"""Asks a service that has just been started: is it ready, and which release is it?"""

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from seatrial.core.errors import SeatrialError

PAUSE = 0.05  # seconds between two looks at a service on this machine


def wait_until_ready(url: str, patience: float, alive: Callable[[], bool] = lambda: True) -> None:
    """Return when `url` is ready; SeatrialError, "it ...", where it takes longer or is not `alive` any more."""
    end = time.monotonic() + patience
    while True:
        try:
            ask(f"{url}/ready")
        except SeatrialError:
            if not alive():
                raise SeatrialError("it ended before it was ready") from None
            if time.monotonic() > end:
                raise SeatrialError(f"it was not ready within {patience:g} s") from None
            time.sleep(PAUSE)
        else:
            return


def wait_for_version(url: str, version: str, patience: float, *, logs: str) -> None:
    """Return when `version` answers at `url`, where another may answer meanwhile; `logs` tells why not."""
    end, pause = time.monotonic() + patience, PAUSE
    while (found := version_at(url)) != version:
        if time.monotonic() > end:
            there = f"{found} answers there" if found else "nothing answers there"
            raise SeatrialError(
                f"{url} does not answer as {version} after {patience:.0f} s; {there}.", hint=f"What went wrong: {logs}."
            )
        time.sleep(pause)
        pause = min(2 * pause, 2.0)


def version_at(url: str) -> str | None:
    """The version that answers at `url`; None where nothing of ours does."""
    try:
        found = ask(f"{url}/api/v1/model").get("version")
    except (SeatrialError, AttributeError):
        return None
    return found if isinstance(found, str) else None


def ask(url: str, document: Any = None, timeout: float = 5.0) -> Any:
    """GET a JSON document, or POST one; SeatrialError where there is no good answer."""
    body = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - from the settings
    local = url.startswith(("http://127.0.0.1:", "http://localhost:", "http://[::1]:"))
    opener = urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if local else []))
    try:
        with opener.open(request, timeout=timeout) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise SeatrialError(f"{url} answered {error.code}.") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise SeatrialError(f"{url} does not answer: {getattr(error, 'reason', error)}.") from None
