"""Downloads a file over https, within limits of size and time, and only whole."""

import hashlib
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from seatrial.core.errors import SeatrialError
from seatrial.core.progress import Progress
from seatrial.stores.shown_urls import cleaned, shown_url

CONNECT_SECONDS, READ_SECONDS, TOTAL_SECONDS = 10.0, 60.0, 3600.0
MOST_BYTES = 50 * 2**30
MOST_REDIRECTS = 5
PIECE = 1 << 20
ADVICE = {
    401: "Its server wants credentials: use a URL that is signed, or one of the machine's ~/.netrc.",
    403: "Its server denies access: a signed URL may have expired.",
    404: "There is no such file: correct the URL.",
    410: "The file is gone.",
    429: "Its server is called too often: try again later.",
}


def download(url: str, file: BinaryIO, progress: Progress) -> tuple[str, str]:
    """Write what the URL gives to `file`; returns its ETag and its SHA-256. Raises SeatrialError."""
    shown = shown_url(url)
    try:
        import httpx
    except ImportError:
        raise SeatrialError(f"{shown} needs httpx.", hint="pip install 'seatrial[cli]'") from None
    try:
        limits = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
        # identity: what is on the server is what is compared by its length
        headers = {"Accept-Encoding": "identity", "User-Agent": "seatrial"}
        with httpx.Client(timeout=limits, headers=headers, auth=_netrc(url)) as client, _clean_log():
            request = client.build_request("GET", url)
            for _ in range(MOST_REDIRECTS + 1):
                response = client.send(request, stream=True)
                try:
                    if response.next_request is None:
                        return _body(response, file, shown, progress)
                    request = response.next_request
                finally:
                    response.close()
                if request.url.scheme != "https":
                    raise SeatrialError(
                        f"{shown} redirects to {request.url.scheme}://, which is not encrypted.",
                        hint="Ask for an https:// URL of the file.",
                    )
            raise SeatrialError(f"{shown} redirects more than {MOST_REDIRECTS} times.", hint="Correct the URL.")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        broken = isinstance(error, httpx.RemoteProtocolError)
        certificate = "CERTIFICATE" in str(error).upper()
        hint = "The download is incomplete: try again." if broken else "Check the network and the URL."
        hint = "If the certificate is of your own authority, set SSL_CERT_FILE." if certificate else hint
        raise SeatrialError(f"{shown} cannot be downloaded: {cleaned(error, url)}.", hint=hint) from None


def _netrc(url: str) -> Any:
    """What ~/.netrc says of the hosts; None where there is no such file, or the URL has credentials itself."""
    import netrc

    import httpx

    if "@" in urlsplit(url).netloc:
        return None
    try:
        return httpx.NetRCAuth()
    except FileNotFoundError:
        return None
    except (netrc.NetrcParseError, OSError, UnicodeError) as error:
        reason = getattr(error, "msg", None) or getattr(error, "strerror", None) or "it is not text"
        raise SeatrialError(f"~/.netrc cannot be read: {reason}.", hint="Correct it.") from None


@contextmanager
def _clean_log() -> Iterator[None]:
    """Keep signatures and passwords out of httpx's own log of requests, wherever the caller sends it."""
    log = logging.getLogger("httpx")

    def clean(record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(shown_url(str(a)) if "://" in str(a) else a for a in record.args)
        return True

    log.addFilter(clean)
    try:
        yield
    finally:
        log.removeFilter(clean)


def _body(response: Any, file: BinaryIO, shown: str, progress: Progress) -> tuple[str, str]:
    if response.status_code != 200:
        hint = ADVICE.get(response.status_code, "Try again later." if response.status_code >= 500 else "")
        raise SeatrialError(f"{shown}: its server answered {response.status_code}.", hint=hint)
    length = response.headers.get("Content-Length", "")
    expected = int(length) if length.isdigit() else None
    if expected is None and "chunked" not in response.headers.get("Transfer-Encoding", "").lower():
        raise SeatrialError(
            f"{shown}: its server does not say how long it is, so a download that breaks off would not be noticed.",
            hint="Download it by other means, and name its path.",
        )
    started, done, told, digest = time.monotonic(), 0, 0, hashlib.sha256()
    for piece in response.iter_bytes():  # as they arrive, so that the limit of time is looked at
        done += len(piece)
        if max(done, expected or 0) > MOST_BYTES:
            raise SeatrialError(f"{shown} has more than {MOST_BYTES >> 30} GiB.", hint="Download it by other means.")
        if time.monotonic() - started > TOTAL_SECONDS:
            raise SeatrialError(f"{shown} took more than {TOTAL_SECONDS / 60:.0f} minutes.", hint="Try again later.")
        digest.update(piece)
        file.write(piece)
        if done - told >= PIECE:
            told = done
            came = response.num_bytes_downloaded / 1e6
            progress(f"downloaded {came:,.1f}" + (f" of {expected / 1e6:,.1f} MB" if expected else " MB"))
    return response.headers.get("ETag", ""), digest.hexdigest()
