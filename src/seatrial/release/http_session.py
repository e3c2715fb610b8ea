"""Requests to an index at an address: with its token, within time and size, tried again only where that is safe.

The token goes into one header, to the index's own origin and to nowhere else; no message repeats what a server
says without taking the token out of it.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast
from urllib.parse import urljoin, urlsplit

from seatrial.core.errors import SeatrialError
from seatrial.core.index_settings import LOOPBACK, IndexSettings

if TYPE_CHECKING:
    import httpx

CONNECT, SILENCE = 10.0, 30.0  # seconds: until there is a connection, and without a byte on it
PAGE_SECONDS, FILE_SECONDS = 60.0, 1800.0  # for a whole page, and a whole file
PAGE_LIMIT = 64 * 2**20
FILE_LIMIT = 4 * 2**30
REDIRECTS = 5
TRIES = 4  # of a request that changes nothing
PASSING = frozenset({429, 500, 502, 503, 504})  # may be over in a moment
LONGEST_WAIT = 10.0


T = TypeVar("T")


class UnknownOutcomeError(SeatrialError):
    """Nobody knows what became of a request: the connection broke, or the server failed."""


@dataclass(frozen=True)
class IndexResponse:
    """What a server answered, read to its end."""

    status: int
    text: str
    content_type: str
    url: str


class Session:
    """A connection to one index. `sleep` is replaced in tests."""

    def __init__(self, place: IndexSettings, sleep: Callable[[float], None] = time.sleep) -> None:
        self.place = place
        self._sleep = sleep
        self._client: httpx.Client | None = None

    def page(self, url: str, accept: str) -> IndexResponse | None:
        """Get a page of the index; None where it has none (404), or where another server is said to have it."""

        def get() -> IndexResponse | None:
            with self._get(url, {"Accept": accept}, own=True) as response:
                if response is None or response.status_code == 404:
                    return None
                text = _text(response, PAGE_LIMIT, PAGE_SECONDS)
                self._refuse(response.status_code, url, text)
                return IndexResponse(
                    response.status_code, text, response.headers.get("content-type", ""), str(response.url)
                )

        return self._patiently(get)

    def download(self, url: str, into: BinaryIO) -> None:
        """Get a file."""

        def get() -> None:
            into.seek(0)
            into.truncate()
            with self._get(url, {"Accept-Encoding": "identity"}, own=False) as response:
                assert response is not None
                if response.status_code != 200:
                    self._refuse(response.status_code, url, _text(response, PAGE_LIMIT, PAGE_SECONDS))
                    raise SeatrialError(f"{_bare(url)} answers {response.status_code}.")
                done, whole = 0, int(response.headers.get("content-length") or 0)
                for chunk in _within(response, FILE_LIMIT, FILE_SECONDS):
                    into.write(chunk)
                    done += len(chunk)
                if whole and done != whole and "content-encoding" not in response.headers:
                    raise UnknownOutcomeError(f"{_bare(url)} broke off after {done:,} of {whole:,} bytes.")

        self._patiently(get)

    def upload(
        self, fields: list[tuple[str, str]], field: str, path: Path, progress: Callable[[int], None]
    ) -> IndexResponse:
        """Send a file with its fields, once. Raises UnknownOutcomeError where nobody knows whether it arrived."""
        import httpx

        data: dict[str, Any] = {}
        for key, value in fields:
            data.setdefault(key, []).append(value)
        url = self.place.upload
        auth = self._auth(push=True)
        try:
            with path.open("rb") as file:
                files = {field: (path.name, cast("BinaryIO", _Counted(file, progress)), "application/octet-stream")}
                request = self._opened().build_request("POST", url, data=data, files=files, headers=auth)
                response = self._opened().send(request, stream=True)
                try:
                    text = _text(response, 1 << 20, PAGE_SECONDS)
                finally:
                    response.close()
        except httpx.HTTPError as error:
            raise UnknownOutcomeError(f"The upload to {url} broke off: {_cause(error)}.") from None
        return IndexResponse(response.status_code, text, response.headers.get("content-type", ""), url)

    def said(self, text: str, content_type: str = "") -> str:
        """Give the first words of a server's answer, fit for a message: one line, and without a token."""
        if "html" in content_type or text.lstrip().startswith("<"):
            text = re.sub(r"(?is)<(script|style).*?</\1>|<[^>]*>", " ", text)
        text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        for push in (False, True):
            for secret in self._secrets(push):
                text = text.replace(secret, "***")
        return text[:200]

    def _secrets(self, push: bool) -> list[str]:
        import base64

        try:
            pair = self.place.credentials(push=push)
        except SeatrialError:
            return []
        if pair is None:
            return []
        return [base64.b64encode(":".join(pair).encode()).decode(), pair[0] if self.place.token_is_user else pair[1]]

    @contextmanager
    def _get(self, url: str, headers: dict[str, str], *, own: bool) -> "Iterator[httpx.Response | None]":
        """Follow redirects by hand, so that the token stays at home; `own`: None where one leads away."""
        import httpx

        for _ in range(REDIRECTS + 1):
            mine = {**headers, **(self._auth() if _origin(url) == _origin(self.place.url) else {})}
            try:
                request = self._opened().build_request("GET", url, headers=mine)
                response = self._opened().send(request, stream=True)
                try:
                    if not response.has_redirect_location:
                        yield response
                        return
                    target = urljoin(url, response.headers["location"])
                finally:
                    response.close()
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise UnknownOutcomeError(
                    f"{_bare(url)} cannot be read: {_cause(error)}.",
                    hint="Is the address right, and the network there?",
                ) from None
            if own and _origin(target) != _origin(self.place.url):
                yield None  # as pypiserver does with names it does not know: that index is not this one
                return
            if urlsplit(url).scheme == "https" and urlsplit(target).scheme != "https":
                raise SeatrialError(f"{_bare(url)} redirects to {_bare(target)}, which is not https://.")
            url = target
        raise SeatrialError(f"{_bare(url)}: more than {REDIRECTS} redirects.")

    def _patiently(self, act: Callable[[], T]) -> T:
        for turn in range(TRIES):
            try:
                return act()
            except UnknownOutcomeError:
                if turn == TRIES - 1:
                    raise
                self._sleep(min(0.25 * 2**turn, LONGEST_WAIT))
        raise AssertionError

    def _refuse(self, status: int, url: str, text: str) -> None:
        """Raise where a page or a file did not come."""
        if status in (401, 403):
            raise self.denied(status, push=False)
        if status in PASSING:
            raise UnknownOutcomeError(f"{_bare(url)} answers {status}: {self.said(text)}", hint="Try again later.")
        if status >= 300:
            raise SeatrialError(f"{_bare(url)} answers {status}: {self.said(text)}")

    def denied(self, status: int, *, push: bool) -> SeatrialError:
        """Say that the token is missing or wrong."""
        variable = self.place.push_token if push else self.place.pull_token
        given = self.place.credentials(push=push) is not None
        what = f"does not take the token in {variable}" if given else "wants a token, and none is set"
        key = "push_token" if push else "pull_token"
        return SeatrialError(
            f"{self.place} {what} ({status}).",
            hint=f"Is {variable} up to date, and may it {'upload' if push else 'read'}?"
            if given
            else f"Set {variable}, or name another variable with `{key}` in [tool.seatrial.index].",
        )

    def _auth(self, *, push: bool = False) -> dict[str, str]:
        import base64

        pair = self.place.credentials(push=push)
        if pair is None:
            return {}
        return {"Authorization": "Basic " + base64.b64encode(":".join(pair).encode()).decode()}

    def _opened(self) -> "httpx.Client":
        if self._client is None:
            import httpx

            from seatrial import __version__

            local = (urlsplit(self.place.url).hostname or "") in LOOPBACK
            self._client = httpx.Client(
                timeout=httpx.Timeout(SILENCE, connect=CONNECT),
                headers={"User-Agent": f"seatrial/{__version__}"},
                follow_redirects=False,
                trust_env=not local,  # no proxy on the way to this machine
            )
        return self._client


class _Counted:
    """A file that tells how much of it was read; httpx needs no more of a file than this."""

    def __init__(self, file: BinaryIO, progress: Callable[[int], None]) -> None:
        self._file, self._progress = file, progress
        self._done = 0

    def read(self, size: int = -1) -> bytes:
        chunk = self._file.read(size)
        self._done += len(chunk)
        self._progress(self._done)
        return chunk

    def seek(self, offset: int, whence: int = 0) -> int:
        self._done = 0
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def fileno(self) -> int:
        return self._file.fileno()


def _within(response: "httpx.Response", limit: int, seconds: float) -> Iterator[bytes]:
    """The bytes of an answer; UnknownOutcomeError when it takes too long, SeatrialError when it does not end."""
    end, done = time.monotonic() + seconds, 0
    for chunk in response.iter_bytes():
        done += len(chunk)
        if done > limit:
            raise SeatrialError(f"{_bare(str(response.url))} is larger than {limit >> 20} MiB.")
        if time.monotonic() > end:
            raise UnknownOutcomeError(f"{_bare(str(response.url))} took longer than {seconds:.0f} s.")
        yield chunk


def _text(response: "httpx.Response", limit: int, seconds: float) -> str:
    return b"".join(_within(response, limit, seconds)).decode("utf-8", errors="replace")


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _bare(url: str) -> str:
    """An address without its query, which may be signed, and without a password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _cause(error: Exception) -> str:
    import ssl

    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, ssl.SSLError):
            return f"the certificate or TLS: {inner.reason or inner}"
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror.lower()
        inner = inner.__cause__ or inner.__context__
    name = re.sub(r"(?<!^)(?=[A-Z])", " ", type(error).__name__).lower()
    return str(error).rstrip(".") or name
