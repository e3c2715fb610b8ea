"""Delivers messages about alarms: at least once each, within a bounded time, retried at the next look if need be.

A receiver drops repeats by the header `webhook-id`. Only https is used, unless the receiver is on this machine, and
redirects are not followed. No message or error contains a URL's path or the secret: the path of a webhook is one too.
"""

import asyncio
import hashlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from seatrial.core.errors import SeatrialError
from seatrial.core.index_settings import LOOPBACK
from seatrial.watch.alarms import AlarmMessage
from seatrial.watch.watch_settings import WatchSettings
from seatrial.watch.webhook_forms import WebhookForm, body_of, form_of, key_of, signed_headers

URLS, SECRET = "SEATRIAL_WATCH_WEBHOOK", "SEATRIAL_WATCH_SECRET"  # environment variables
REQUEST_SECONDS = 10.0  # for one request, whatever the receiver does
TOTAL_SECONDS = 30.0  # for all of a look
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0  # seconds between two tries
OF_THE_MESSAGE = frozenset({400, 413, 422})  # its content is refused, so the next one may be taken
TEMPORARY = frozenset({408, 425, 429, 500, 502, 503, 504})  # may be over in a moment


@dataclass(frozen=True)
class Receiver:
    """Where messages go. `id` tells receivers apart in files, and gives nothing of the URL away."""

    url: str = field(repr=False)
    form: WebhookForm
    secret: str = field(repr=False)
    page: str = ""

    @property
    def id(self) -> str:
        """The beginning of a hash of the URL."""
        return hashlib.sha256(self.url.encode()).hexdigest()[:16]

    @property
    def host(self) -> str:
        """How messages to people name it."""
        return urlsplit(self.url).hostname or "the webhook"


@dataclass(frozen=True)
class Delivery:
    """What became of messages: who took each, which were tried, and what went wrong, one line a receiver."""

    delivered: dict[str, list[str]]
    tried: list[str]
    problems: list[str]


def receivers(settings: WatchSettings) -> list[Receiver]:
    """The receivers that the environment names. Raises SeatrialError for one that cannot be used."""
    secret = os.environ.get(SECRET, "").strip()
    if secret:
        key_of(secret)
    found = []
    for place, url in enumerate(os.environ.get(URLS, "").split(), 1):
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            host = ""
        if not host or parts.scheme not in ("https", "http"):
            raise SeatrialError(f"URL {place} in {URLS} is not a URL.", hint="Give it as https://host/path.")
        if parts.scheme == "http" and host not in LOOPBACK:
            raise SeatrialError(f"URL {place} in {URLS} ({host}) is not https.", hint="Use https://.")
        found.append(Receiver(url, settings.webhook or form_of(url), secret, settings.page))
    return found


def deliver(
    messages: Sequence[AlarmMessage],
    to: Sequence[Receiver],
    *,
    total_seconds: float = TOTAL_SECONDS,
    request_seconds: float = REQUEST_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
) -> Delivery:
    """Send each message to each receiver that does not have it, in order, and share the time out over receivers.

    One that fails gets no more now, unless it only refuses this message: a later one is another.
    """
    last = time.monotonic() + total_seconds
    delivered: dict[str, list[str]] = {}
    tried: list[str] = []
    problems = []
    for place, receiver in enumerate(to):
        now, failed = time.monotonic(), ""
        end = now + (last - now) / (len(to) - place)
        for message in messages:
            if receiver.id in message.delivered:
                continue
            tried.append(message.id)
            status, problem = _deliver_one(message, receiver, end, request_seconds, sleep)
            failed = failed or problem
            if not problem:
                delivered.setdefault(message.id, []).append(receiver.id)
            elif status not in OF_THE_MESSAGE:
                break
        if failed:
            waiting = sum(receiver.id not in each.delivered for each in messages)
            waiting -= sum(receiver.id in each for each in delivered.values())
            problems.append(f"{receiver.host}: {failed} {waiting} to send; tried again at the next look.")
    return Delivery(delivered, tried, problems)


def _deliver_one(
    message: AlarmMessage, receiver: Receiver, end: float, request_seconds: float, sleep: Callable[[float], None]
) -> tuple[int, str]:
    """Send one message, with retries; returns the status, 0 for none, and what went wrong, or nothing."""
    pause, status, problem = FIRST_PAUSE, 0, "There was no time left."
    while (left := end - time.monotonic()) > 0:
        status, after, problem = _post(message, receiver, min(request_seconds, left))
        wait = max(pause, after)
        if not problem or (status and status not in TEMPORARY) or time.monotonic() + wait >= end:
            return status, problem
        sleep(wait)
        pause = min(pause * 2, LONGEST_PAUSE)
    return status, problem


def _post(message: AlarmMessage, receiver: Receiver, seconds: float) -> tuple[int, float, str]:
    """Send one request in a thread of its own, which a host whose name is looked up for long does not hold up.

    Returns the status, for how long it asks to wait, and what went wrong.
    """
    body = body_of(message, receiver.form, receiver.page)
    headers = {"content-type": "application/json", "user-agent": "seatrial-watch"}
    headers |= signed_headers(message.id, int(time.time()), body, receiver.secret)
    result: list[tuple[int, float, str]] = []
    thread = threading.Thread(
        target=lambda: result.append(_request(receiver.url, body, headers, seconds)), daemon=True, name="webhook"
    )
    thread.start()
    thread.join(seconds)
    return result[0] if result else (0, 0.0, _late(seconds))


def _late(seconds: float) -> str:
    return f"It did not answer within {seconds:.3g} s."


class _Lookups(ThreadPoolExecutor):
    """Looks up names of hosts in threads that nothing waits for: an exit waits for those of any other executor."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call a function in a daemon thread."""
        future: Future[Any] = Future()

        def call() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(fn(*args, **kwargs))
                except BaseException as error:  # raised where the result is asked for
                    future.set_exception(error)

        threading.Thread(target=call, daemon=True, name="webhook-lookup").start()
        return future


def _request(url: str, body: bytes, headers: dict[str, str], seconds: float) -> tuple[int, float, str]:
    """Send one request; nothing of it goes on after so many seconds, but for a look-up of the host's name."""
    import httpx

    async def ask() -> tuple[int, str]:
        asyncio.get_running_loop().set_default_executor(_Lookups())
        async with (
            asyncio.timeout(seconds),
            httpx.AsyncClient(timeout=seconds, follow_redirects=False) as client,
            client.stream("POST", url, content=body, headers=headers) as response,
        ):
            return response.status_code, response.headers.get("retry-after", "")

    try:
        status, after = asyncio.run(ask())
    except TimeoutError:
        return 0, 0.0, _late(seconds)
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:  # ValueError: a host that cannot be one
        name = type(error).__name__.removesuffix("Error")
        return 0, 0.0, f"It could not be reached ({name})."
    if 200 <= status < 300:
        return status, 0.0, ""
    if 300 <= status < 400:
        return status, 0.0, f"It redirects ({status}), which is not followed: set its new URL."
    wait = float(after) if after.isdecimal() and len(after) < 6 else 0.0
    return status, wait, f"It answered {status}."
