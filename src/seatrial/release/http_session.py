"""Requests to an index at a URL: with its token, limited in time and size, retried only where that is safe.

The token is sent in one header, only to the index's own origin; no message repeats a server's text without removing the
token from it.
"""

import base64
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar
from urllib.parse import urljoin, urlsplit

from seatrial.core.errors import SeatrialError
from seatrial.core.index_settings import LOOPBACK, IndexSettings

if TYPE_CHECKING:
    import httpx

CONNECT, SILENCE = 10.0, 30.0  # seconds until there is a connection, and without a byte on it
PAGE_SECONDS, FILE_SECONDS = 60.0, 1800.0  # for a whole page, and a whole file
PAGE_LIMIT = 64 * 2**20
FILE_LIMIT = 4 * 2**30
REDIRECTS = 5
TRIES = 4  # of a request that changes nothing
TEMPORARY = frozenset({429, 500, 502, 503, 504})  # may be over in a moment

T = TypeVar("T")


class UnknownOutcomeError(SeatrialError):
    """It is unknown whether a request took effect: the connection was lost, or the server failed."""


@dataclass(frozen=True)
class IndexResponse:
    """A server's complete response."""

    status: int
    text: str
    content_type: str
    url: str


class Session:
    """A connection to one index. `sleep` is replaced in tests."""

    def __init__(self, settings: IndexSettings, sleep: Callable[[float], None] = time.sleep) -> None:
        self.settings = settings
        self._sleep = sleep
        self._client: httpx.Client | None = None

    def page(self, url: str, accept: str) -> IndexResponse | None:
        """Get a page of the index; None where it has none (404), or where it redirects to another server."""

        def get() -> IndexResponse | None:
            with self._get(url, {"Accept": accept}, same_origin=True) as response:
                if response is None or response.status_code == 404:
                    return None
                text = _text(response, PAGE_LIMIT, PAGE_SECONDS)
                self._check_status(response.status_code, url, text)
                kind = response.headers.get("content-type", "")
                return IndexResponse(response.status_code, text, kind, str(response.url))

        return self._retry(get)

    def download(self, url: str, into: BinaryIO) -> None:
        """Get a file."""

        def get() -> None:
            into.seek(0)
            into.truncate()
            with self._get(url, {"Accept-Encoding": "identity"}, same_origin=False) as response:
                assert response is not None
                if response.status_code != 200:
                    self._check_status(response.status_code, url, _text(response, PAGE_LIMIT, PAGE_SECONDS))
                    raise SeatrialError(f"{_public(url)} returned {response.status_code}.")
                done, expected = 0, int(response.headers.get("content-length") or 0)
                for chunk in _chunks(response, FILE_LIMIT, FILE_SECONDS):
                    into.write(chunk)
                    done += len(chunk)
                if expected and done != expected and "content-encoding" not in response.headers:
                    raise UnknownOutcomeError(f"{_public(url)} ended after {done:,} of {expected:,} bytes.")

        self._retry(get)

    def upload(self, fields: list[tuple[str, str]], field: str, path: Path) -> IndexResponse:
        """Send a file with its form fields, once. Raises UnknownOutcomeError where it may or may not have arrived."""
        import httpx

        data: dict[str, Any] = {}
        for key, value in fields:
            data.setdefault(key, []).append(value)
        url = self.settings.upload
        headers = self._authorization(push=True)
        try:
            with path.open("rb") as file:
                files = {field: (path.name, file, "application/octet-stream")}
                request = self._http().build_request("POST", url, data=data, files=files, headers=headers)
                response = self._http().send(request, stream=True)
                try:
                    text = _text(response, 1 << 20, PAGE_SECONDS)
                finally:
                    response.close()
        except httpx.HTTPError as error:
            raise UnknownOutcomeError(f"The upload to {url} was interrupted: {_cause(error)}.") from None
        return IndexResponse(response.status_code, text, response.headers.get("content-type", ""), url)

    def post_json(self, url: str, body: bytes) -> IndexResponse:
        """Send a small JSON document, once. Raises UnknownOutcomeError where it may or may not have arrived."""
        import httpx

        headers = {"Content-Type": "application/json", **self._authorization(push=True)}
        try:
            response = self._http().post(url, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise UnknownOutcomeError(
                f"The request to {_public(url)} was interrupted: {_cause(error)}.", hint="Repeat the command."
            ) from None
        return IndexResponse(response.status_code, response.text, response.headers.get("content-type", ""), url)

    def excerpt(self, text: str, content_type: str = "") -> str:
        """The start of a server's response for a message: in one line, and without a token."""
        if "html" in content_type or text.lstrip().startswith("<"):
            text = re.sub(r"(?is)<(script|style).*?</\1>|<[^>]*>", " ", text)
        text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        for push in (False, True):
            for secret in self._secrets(push):
                text = text.replace(secret, "***")
        return text[:200]

    def denied(self, status: int, *, push: bool) -> SeatrialError:
        """The error for a missing or wrong token."""
        variable = self.settings.push_token if push else self.settings.pull_token
        if self.settings.credentials(push=push) is not None:
            return SeatrialError(
                f"{self.settings} rejects the token in {variable} ({status}).",
                hint=f"Check that the token in {variable} is current and may {'upload' if push else 'read'}.",
            )
        key = "push_token" if push else "pull_token"
        return SeatrialError(
            f"{self.settings} requires a token, but none is set ({status}).",
            hint=f"Set {variable}, or name another variable with `{key}` in [tool.seatrial.index].",
        )

    def _secrets(self, push: bool) -> list[str]:
        try:
            pair = self.settings.credentials(push=push)
        except SeatrialError:
            return []
        return [_basic(pair), pair[0] if self.settings.token_is_user else pair[1]] if pair else []

    @contextmanager
    def _get(self, url: str, headers: dict[str, str], *, same_origin: bool) -> "Iterator[httpx.Response | None]":
        """Follow redirects, and send the token only to the index; `same_origin`: None if one leads elsewhere."""
        import httpx

        origin = _origin(self.settings.url)
        for _ in range(REDIRECTS + 1):
            authorization = self._authorization() if _origin(url) == origin else {}
            try:
                request = self._http().build_request("GET", url, headers=headers | authorization)
                response = self._http().send(request, stream=True)
                try:
                    if not response.has_redirect_location:
                        yield response
                        return
                    target = urljoin(url, response.headers["location"])
                finally:
                    response.close()
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise UnknownOutcomeError(
                    f"{_public(url)} cannot be read: {_cause(error)}.",
                    hint="Check the URL and the network connection.",
                ) from None
            if same_origin and _origin(target) != origin:
                yield None  # as pypiserver does for unknown names: that other index is not this one
                return
            if urlsplit(url).scheme == "https" and urlsplit(target).scheme != "https":
                raise SeatrialError(f"{_public(url)} redirects to {_public(target)}, which is not https://.")
            url = target
        raise SeatrialError(f"{_public(url)}: more than {REDIRECTS} redirects.")

    def _retry(self, request: Callable[[], T]) -> T:
        for attempt in range(TRIES - 1):
            try:
                return request()
            except UnknownOutcomeError:
                self._sleep(0.25 * 2**attempt)
        return request()

    def _check_status(self, status: int, url: str, text: str) -> None:
        """Raise where the server did not return the page or file."""
        if status in (401, 403):
            raise self.denied(status, push=False)
        if status in TEMPORARY:
            raise UnknownOutcomeError(
                f"{_public(url)} returned {status}: {self.excerpt(text)}", hint="Try again later."
            )
        if status >= 300:
            raise SeatrialError(f"{_public(url)} returned {status}: {self.excerpt(text)}")

    def _authorization(self, *, push: bool = False) -> dict[str, str]:
        pair = self.settings.credentials(push=push)
        return {"Authorization": f"Basic {_basic(pair)}"} if pair else {}

    def _http(self) -> "httpx.Client":
        if self._client is None:
            import httpx

            from seatrial import __version__

            local = (urlsplit(self.settings.url).hostname or "") in LOOPBACK
            self._client = httpx.Client(
                timeout=httpx.Timeout(SILENCE, connect=CONNECT),
                headers={"User-Agent": f"seatrial/{__version__}"},
                follow_redirects=False,
                trust_env=not local,  # no proxy for requests to this machine
            )
        return self._client


def _chunks(response: "httpx.Response", limit: int, seconds: float) -> Iterator[bytes]:
    """The bytes of a response; UnknownOutcomeError when it takes too long, SeatrialError when it is too large."""
    end, done = time.monotonic() + seconds, 0
    for chunk in response.iter_bytes():
        done += len(chunk)
        if done > limit:
            raise SeatrialError(f"{_public(str(response.url))} is larger than {limit >> 20} MiB.")
        if time.monotonic() > end:
            raise UnknownOutcomeError(f"{_public(str(response.url))} took longer than {seconds:.0f} s.")
        yield chunk


def _text(response: "httpx.Response", limit: int, seconds: float) -> str:
    return b"".join(_chunks(response, limit, seconds)).decode("utf-8", errors="replace")


def _basic(pair: tuple[str, str]) -> str:
    return base64.b64encode(":".join(pair).encode()).decode()


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _public(url: str) -> str:
    """A URL without its query, which may be signed, and without a password."""
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
