"""The index at a URL: read by the simple API, written by the upload protocol.

Fetched files are cached by hash next to the environments, and checked at every use. An upload counts as successful when
the index lists the file with its hash, and not before: servers and proxies return 200 for many things.
"""

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from packaging.utils import canonicalize_name

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.core.index_settings import LOOPBACK, IndexSettings
from seatrial.core.progress import Progress, silent
from seatrial.release.distribution import Distribution, read_distributions, upload_fields
from seatrial.release.http_session import IndexResponse, Session, UnknownOutcomeError
from seatrial.release.index import Index, Published, refuse_changed_files, version_exists
from seatrial.release.index_withdrawals import REFUSAL, WithdrawalRequest
from seatrial.release.listing import ACCEPT, ListedFile, read_files, read_names
from seatrial.wheels.environments import UNUSED_DAYS, environments_folder, unwritable
from seatrial.wheels.simple_api import IndexedFile, WithdrawalAction, without_credentials
from seatrial.wheels.wheel import WheelInfo, read_release

READ_BACK = 30.0  # seconds within which an index must list what was uploaded
UPLOADS = 3  # attempts for one file, each after the index was seen not to have it


class HttpIndex(Index):
    """An index at a URL. `cache` is the folder for fetched files; `sleep` is replaced in tests."""

    def __init__(
        self,
        settings: IndexSettings,
        *,
        cache: Path | None = None,
        sleep: Callable[[float], None] = time.sleep,
        read_back: float = READ_BACK,
    ) -> None:
        self.settings = settings
        self._cache = cache or environments_folder() / ".wheels"
        self._session = Session(settings, sleep)
        self._sleep = sleep
        self._read_back = read_back
        self._computed: dict[str, tuple[str, Path]] = {}  # hash and path of files that are listed without a hash

    @property
    def where(self) -> str:
        """Its URL."""
        return self.settings.url

    @property
    def url(self) -> str:
        """The URL for pip's and uv's --index-url, without the token."""
        return self.settings.url

    def publish(self, files: Sequence[Path | WheelInfo], progress: Progress = silent) -> Published:
        """Upload the files of one release, the sdist first: the release exists once its wheel does.

        Files that the index has with the same content stay, so the next publication completes an interrupted one;
        different content is refused. Raises SeatrialError; then the wheel is not there, or it is unknown whether it is.
        """
        distributions = read_distributions(files)
        first = distributions[0]
        self.settings.credentials(push=True)  # report a missing token before anything else
        progress(f"looking up {first.name} on {self.where}")
        new = refuse_changed_files(distributions, self._version(first))
        for each in sorted(new, key=lambda d: d.is_wheel):
            self._upload(each, progress)
        return Published(first.name, str(first.version), tuple(each.filename for each in distributions), not new)

    def files(self, name: str) -> list[IndexedFile]:
        """List the files of a project, each with its SHA-256."""
        return [self._with_hash(each).file for each in self._listed(name)]

    def local(self, name: str, file: IndexedFile) -> Path:
        """Return a local path of a file that the index lists, after checking its hash."""
        cached = self._cache / file.sha256 / file.filename
        if cached.is_file() and sha256(cached) == file.sha256:
            with suppress(OSError):
                os.utime(cached.parent)
            return cached
        for each in self._listed(name):
            if each.file.filename == file.filename:
                return self._fetched(self._with_hash(each), file.sha256)
        raise SeatrialError(f"{self.where} no longer lists {file.filename}.")

    def location(self, name: str, file: IndexedFile) -> tuple[str, str]:
        """The URL of a file that the index lists, and the URL of the index, both without a token."""
        for each in self._listed(name):
            if each.file.filename == file.filename:
                return without_credentials(each.url), self.url
        raise SeatrialError(f"{self.where} no longer lists {file.filename}.")

    def names(self) -> list[str]:
        """List the projects, if the index lists them."""
        page = self._session.page(self.settings.url, ACCEPT)
        return read_names(page.text, page.content_type, page.url) if page else []

    def withdraw(self, name: str, version: str, action: WithdrawalAction, *, reason: str, who: str) -> bool:
        """Ask the index to yank, restore or remove a version; only `seatrial index serve` can do it."""
        self.settings.credentials(push=True)
        request = WithdrawalRequest(version, action, reason, who)
        url = urljoin(self.settings.url, f"{name}/withdrawals")
        response = self._session.post_json(url, request.to_json())
        text = self._session.excerpt(response.text, response.content_type)
        if response.status in (401, 403):
            raise self._session.denied(response.status, push=True)
        if response.status == 200 and response.content_type.startswith("application/json"):
            return bool(json.loads(response.text).get("changed"))
        if response.status in (400, 404, 503, 507) and text.startswith(REFUSAL):
            raise SeatrialError(text.removeprefix(REFUSAL))
        raise SeatrialError(
            f"{self.where} does not support this ({response.status}).",
            hint="Use the page or the command that the index has for it.",
        )

    def _names_for_hints(self) -> list[str]:
        """The projects for a hint; many hosted indexes do not list them."""
        with suppress(SeatrialError):
            return self.names()
        return []

    def _read_release(self, name: str, wheel: IndexedFile) -> dict[str, Any] | None:
        return read_release(self.local(name, wheel))

    def _listed(self, name: str) -> list[ListedFile]:
        project = canonicalize_name(name)
        page = self._session.page(urljoin(self.settings.url, f"{project}/"), ACCEPT)
        return read_files(page.text, page.content_type, page.url, project) if page else []

    def _version(self, of: Distribution) -> list[IndexedFile]:
        """The files of one version."""
        return [self._with_hash(each).file for each in self._listed(of.name) if each.file.version == of.version]

    def _with_hash(self, listed: ListedFile) -> ListedFile:
        """Compute the SHA-256 of a file that is listed without one, over a connection that nobody else can alter."""
        if listed.file.sha256:
            return listed
        parts = urlsplit(listed.url)
        if parts.scheme != "https" and (parts.hostname or "") not in LOOPBACK:
            raise SeatrialError(
                f"{self.where} lists {listed.file.filename} without a SHA-256, and not over https://.",
                hint="Files from there cannot be verified; use https://.",
            )
        if listed.url not in self._computed:
            path = self._fetched(listed, "")
            self._computed[listed.url] = (path.parent.name, path)
        digest, path = self._computed[listed.url]
        return replace(listed, file=replace(listed.file, sha256=digest, size=path.stat().st_size))

    def _fetched(self, listed: ListedFile, expected: str) -> Path:
        """Download a file into the cache, whole or not at all, under its hash."""
        try:
            self._cache.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._cache, prefix=".fetching-")
            temporary = Path(name)
            try:
                with os.fdopen(handle, "w+b") as into:
                    self._session.download(listed.url, into)
                self._verify(listed, temporary, expected)
                target = self._cache / sha256(temporary) / listed.file.filename
                target.parent.mkdir(exist_ok=True)
                temporary.chmod(0o644)
                temporary.replace(target)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            raise unwritable(self._cache, error) from None
        self._prune()
        return target

    def _verify(self, listed: ListedFile, path: Path, expected: str) -> None:
        for kind, digest in {**dict(listed.hashes), **({"sha256": expected} if expected else {})}.items():
            with path.open("rb") as file:
                if hashlib.file_digest(file, kind).hexdigest() != digest:
                    raise SeatrialError(
                        f"{listed.file.filename} from {self.where} does not have the {kind} that the index lists.",
                        hint="It was damaged in transit or changed on the server; nothing was installed.",
                    )

    def _prune(self) -> None:
        """Remove cached files that were not used for a long time."""
        oldest = time.time() - UNUSED_DAYS * 86400
        for folder in self._cache.iterdir():
            with suppress(OSError):
                if folder.stat().st_mtime < oldest:
                    shutil.rmtree(folder) if folder.is_dir() else folder.unlink()

    def _upload(self, each: Distribution, progress: Progress) -> None:
        """Upload one file until the index lists it; again only after the index was seen not to have it."""
        # Gemfury takes the file alone.
        fields, field = ([], "package") if self.settings.file_only else (upload_fields(each), "content")
        for attempt in range(1, UPLOADS + 1):
            progress(f"uploading {each.filename}")
            try:
                response = self._session.upload(fields, field, each.path)
                self._check_response(response, each)
                break
            except UnknownOutcomeError as error:
                last = attempt == UPLOADS
                if self._is_listed(each, patience=self._read_back if last else 2.0):
                    return
                if last:
                    raise SeatrialError(
                        f"{error.message.rstrip('.')}; {self.where} does not list {each.filename}.",
                        hint="Publish again; files that are there already stay.",
                    ) from None
                self._sleep(0.25 * 2**attempt)
        progress(f"reading {each.filename} back")
        if not self._is_listed(each, patience=self._read_back):
            text = self._session.excerpt(response.text, response.content_type)
            raise SeatrialError(
                f"{self.settings.upload} returned {response.status}, but {self.where} does not list {each.filename}"
                f"{f': {text!r}' if text else ''}.",
                hint="Check that `upload` is the index's own URL. A proxy or a login page may have answered instead.",
            )

    def _check_response(self, response: IndexResponse, each: Distribution) -> None:
        """Raise the error for an upload's status; UnknownOutcomeError where only the index shows the outcome."""
        status, upload = response.status, self.settings.upload
        text = self._session.excerpt(response.text, response.content_type)
        if status in (200, 201, 202, 204):
            return
        if status in (401, 403):
            if self._is_listed(each, patience=0):
                return
            raise self._session.denied(status, push=True)
        if 300 <= status < 400:
            raise SeatrialError(
                f"{upload} redirects uploads ({status}), and a file is not sent to another URL.",
                hint="Set the final URL as `upload` in [tool.seatrial.index]; check the slash at its end.",
            )
        if status == 413:
            raise SeatrialError(f"{each.filename} is too large for {upload} ({status}): {text}")
        if status == 409 or (status == 400 and "exist" in text.lower()):
            if self._is_listed(each, patience=2.0):  # raises where the content differs
                return
            raise version_exists(each)
        if status >= 500 or status in (408, 429):
            raise UnknownOutcomeError(f"{upload} returned {status}: {text}")
        raise SeatrialError(f"{upload} refuses {each.filename} ({status}): {text}")

    def _is_listed(self, each: Distribution, *, patience: float) -> bool:
        """Whether the index lists exactly this file within `patience` seconds; it may take a moment to do so."""
        end, wait = time.monotonic() + patience, 0.05
        while True:
            listed = self._version(each)
            refuse_changed_files([each], listed)
            if any(file.filename == each.filename for file in listed):
                return True
            if time.monotonic() + wait > end:
                return False
            self._sleep(wait)
            wait = min(2 * wait, 2.0)
