"""TLS by certificate files, which may be renewed while the server runs.

A new certificate counts for new connections, within LOOK_SECONDS and without a restart. While the files are missing,
broken or do not belong together, as between the renewal of one and of the other, the last pair stays in use.
"""

import logging
import ssl
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from seatrial.core.errors import SeatrialError

LOOK_SECONDS = 1.0  # between two looks at the files
HINT = "Name two PEM files: the certificate, followed by those that lead to its authority, and its private key."


@dataclass(frozen=True)
class TlsFiles:
    """The paths of a certificate and of its private key, both PEM."""

    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """What connections use. Raises SeatrialError where the files cannot be used."""
        for file in (self.certificate, self.key):
            try:
                with file.open("rb"):
                    pass
            except OSError as error:
                what = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
                raise SeatrialError(f"{file} {what}.", hint=HINT) from None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(self.certificate, self.key, password=_no_password)
        except _EncryptedError:
            hint = "A server cannot ask for it. Decrypt the key: openssl pkey -in KEY -out DECRYPTED"
            raise SeatrialError(f"The private key {self.key} is encrypted with a password.", hint=hint) from None
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                what = f"The private key {self.key} does not belong to the certificate {self.certificate}."
            else:
                why = error.reason or "not PEM"
                what = f"{self.certificate} and {self.key} are not a certificate and a private key ({why})."
            raise SeatrialError(what, hint=HINT) from None
        except OSError as error:  # a file was replaced in the meantime
            raise SeatrialError(f"{self.certificate} or {self.key} cannot be read: {error}.", hint=HINT) from None
        return context

    def state(self) -> tuple[tuple[int, ...], ...]:
        """What differs when a file has another content."""
        return tuple(_state_of(file) for file in (self.certificate, self.key))


class Certificate:
    """The certificate that is used at the moment. Raises SeatrialError where it cannot be at the start."""

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._seen = files.state()
        self._context = files.context()
        self._next_look = monotonic() + LOOK_SECONDS

    def context(self) -> ssl.SSLContext:
        """What a new connection uses; the files are looked at, at most once in LOOK_SECONDS."""
        now = monotonic()
        if now >= self._next_look:
            self._next_look = now + LOOK_SECONDS
            self._look()
        return self._context

    def _look(self) -> None:
        state = self._files.state()
        if state == self._seen:
            return
        self._seen = state
        log = logging.getLogger("uvicorn")
        try:
            self._context = self._files.context()
        except SeatrialError as error:
            log.warning("The TLS certificate stays as it was: %s", error.message)
        else:
            log.warning("The TLS certificate was read again from %s", self._files.certificate)


class _EncryptedError(Exception):
    """Raised instead of asking at the terminal."""


def _no_password() -> str:
    raise _EncryptedError


def _state_of(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev
