"""The index at an address: read by the simple API, written by the upload protocol.

What is fetched is kept by hash beside the environments, and checked every time. An upload is believed when the
index lists the file with its hash, and not before: servers and proxies say 200 to many things.
"""

import hashlib
import os
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
from seatrial.release.distribution import Distribution
from seatrial.release.http_session import Session, UnknownOutcomeError
from seatrial.release.index import (
    IndexedRelease,
    Progress,
    Published,
    Readable,
    group_releases,
    read_distributions,
    refuse_changed_files,
    version_exists,
)
from seatrial.release.listing import ACCEPT, Listed, read_files, read_names
from seatrial.release.upload import upload_fields
from seatrial.wheels.environments import UNUSED_DAYS, environments_folder
from seatrial.wheels.simple_api import IndexedFile
from seatrial.wheels.wheel import read_release

READ_BACK = 30.0  # seconds until an index has to list what was uploaded
UPLOADS = 3  # tries of one file, each after the index has been seen not to have it
LARGE = 4 * 2**20  # from here on, uploads and downloads tell how far they are


class HttpIndex(Readable):
    """An index at an address. `cache` is the folder for fetched files; `sleep` is replaced in tests."""

    def __init__(
        self,
        place: IndexSettings,
        *,
        cache: Path | None = None,
        sleep: Callable[[float], None] = time.sleep,
        read_back: float = READ_BACK,
    ) -> None:
        self.place = place
        self._cache = cache or environments_folder() / ".wheels"
        self._session = Session(place, sleep)
        self._sleep = sleep
        self._read_back = read_back
        self._computed: dict[str, tuple[str, Path]] = {}  # of files that the index lists without a hash

    @property
    def where(self) -> str:
        """Its address."""
        return self.place.url

    @property
    def url(self) -> str:
        """What pip and uv take as --index-url; without the token."""
        return self.place.url

    def publish(self, files: Sequence[Path], progress: Progress = lambda _: None) -> Published:
        """Upload the files of one release, the sdist first: the release is there when its wheel is.

        What is there already with the same bytes stays, so that a publication that broke off is completed by the
        next; other bytes are refused. Raises SeatrialError, and then the wheel is not there, or unknown to be.
        """
        distributions = read_distributions(files)
        first = distributions[0]
        self.place.credentials(push=True)  # say at once that there is no token
        progress(f"asking {self.where} for {first.name}")
        new = refuse_changed_files(distributions, self._version(first))
        for each in sorted(new, key=lambda d: d.is_wheel):
            self._upload(each, progress)
        return Published(first.name, str(first.version), tuple(each.filename for each in distributions), not new)

    def files(self, name: str) -> list[IndexedFile]:
        """List the files of a project, each with its SHA-256."""
        return [self._with_hash(each).file for each in self._listed(name)]

    def local(self, name: str, file: IndexedFile) -> Path:
        """Give a local path of a file that the index lists, with its hash checked."""
        kept = self._cache / file.sha256 / file.filename
        if kept.is_file() and sha256(kept) == file.sha256:
            with suppress(OSError):
                os.utime(kept.parent)
            return kept
        for each in self._listed(name):
            if each.file.filename == file.filename:
                return self._fetched(self._with_hash(each), file.sha256)
        raise SeatrialError(f"{self.where} does not list {file.filename} any more.")

    def names(self) -> list[str]:
        """List the projects, as far as the index tells."""
        answer = self._session.page(self.place.url, ACCEPT)
        return read_names(answer.text, answer.content_type, answer.url) if answer else []

    def _names_for_hints(self) -> list[str]:
        """The projects for a hint; many a hosted index does not list them."""
        with suppress(SeatrialError):
            return self.names()
        return []

    def _listed(self, name: str) -> list[Listed]:
        project = canonicalize_name(name)
        answer = self._session.page(urljoin(self.place.url, f"{project}/"), ACCEPT)
        return read_files(answer.text, answer.content_type, answer.url, project) if answer else []

    def _releases(self, name: str) -> list[IndexedRelease]:
        def metadata(wheel: IndexedFile) -> dict[str, Any] | None:
            return read_release(self.local(name, wheel))

        return group_releases(name, self.files(name), metadata)

    def _version(self, of: Distribution) -> list[IndexedFile]:
        """The files of one version."""
        there = [each for each in self._listed(of.name) if each.file.version == of.version]
        return [self._with_hash(each).file for each in there]

    def _with_hash(self, listed: Listed) -> Listed:
        """Where the index gives no SHA-256, make one of what it sends, over a line that nobody else writes on."""
        if listed.file.sha256:
            return listed
        parts = urlsplit(listed.url)
        if parts.scheme != "https" and (parts.hostname or "") not in LOOPBACK:
            raise SeatrialError(
                f"{self.where} lists {listed.file.filename} without a SHA-256, and not over https://.",
                hint="What comes from there cannot be checked; use https://.",
            )
        if listed.url not in self._computed:
            path = self._fetched(listed, "")
            self._computed[listed.url] = (path.parent.name, path)
        digest, path = self._computed[listed.url]
        return replace(listed, file=replace(listed.file, sha256=digest, size=path.stat().st_size))

    def _fetched(self, listed: Listed, wanted: str) -> Path:
        """Download a file into the cache, whole or not at all, under the hash that it has."""
        file = listed.file
        try:
            self._cache.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._cache, prefix=".fetching-")
            temporary = Path(name)
            try:
                with os.fdopen(handle, "w+b") as into:
                    self._session.download(listed.url, into)
                hashes = {**dict(listed.hashes), **({"sha256": wanted} if wanted else {})}
                for kind, told in hashes.items():
                    with temporary.open("rb") as written:
                        if hashlib.file_digest(written, kind).hexdigest() != told:
                            raise SeatrialError(
                                f"{file.filename} from {self.where} is not what it lists: its {kind} is another one.",
                                hint="It was damaged on the way or changed there; nothing was installed.",
                            )
                target = self._cache / sha256(temporary) / file.filename
                target.parent.mkdir(exist_ok=True)
                temporary.chmod(0o644)
                temporary.replace(target)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            raise SeatrialError(
                f"{self._cache} cannot be written: {error.strerror or error}.",
                hint="Make room there, or name another folder in SEATRIAL_HOME.",
            ) from None
        self._forget()
        return target

    def _forget(self) -> None:
        """Remove what nobody asked for in a long time."""
        oldest = time.time() - UNUSED_DAYS * 86400
        for folder in self._cache.iterdir():
            with suppress(OSError):
                if folder.stat().st_mtime < oldest:
                    for path in folder.iterdir() if folder.is_dir() else ():
                        path.unlink()
                    folder.rmdir() if folder.is_dir() else folder.unlink()

    def _upload(self, each: Distribution, progress: Progress) -> None:
        """Upload one file until the index lists it; again only after the index was seen not to have it."""

        def sent(done: int) -> None:
            if each.size >= LARGE:
                progress(f"uploading {each.filename}: {min(100, 100 * done // each.size)} %")

        fields, field = upload_fields(each, push_form=self.place.push_form)
        for turn in range(UPLOADS):
            progress(f"uploading {each.filename}")
            try:
                answer = self._session.upload(fields, field, each.path, sent)
                self._judge(answer.status, answer.text, answer.content_type, each)
            except UnknownOutcomeError as error:
                if self._is_there(each, patience=2.0 if turn < UPLOADS - 1 else self._read_back):
                    return
                if turn == UPLOADS - 1:
                    raise SeatrialError(
                        f"{error.message.rstrip('.')}; {self.where} does not list {each.filename}.",
                        hint="Publish again; what is there already stays.",
                    ) from None
                self._sleep(0.5 * 2**turn)
                continue
            progress(f"reading {each.filename} back")
            if self._is_there(each, patience=self._read_back):
                return
            words = self._session.said(answer.text, answer.content_type)
            raise SeatrialError(
                f"{self.place.upload} said {answer.status}, but {self.where} does not list {each.filename}"
                f"{f': {words!r}' if words else ''}.",
                hint="Is `upload` the index's own address? A proxy or a log-in page may have answered in its place.",
            )

    def _judge(self, status: int, text: str, content_type: str, each: Distribution) -> None:
        """Raise what an upload's status says; UnknownOutcomeError where only the index itself can tell."""
        said = self._session.said(text, content_type)
        if status in (200, 201, 202, 204):
            return
        if status in (401, 403):
            if self._is_there(each, patience=0):
                return
            raise self._session.denied(status, push=True)
        if 300 <= status < 400:
            raise SeatrialError(
                f"{self.place.upload} redirects uploads elsewhere ({status}), and a file is not sent after a redirect.",
                hint="Write the final address as `upload` in [tool.seatrial.index]; mind the slash at its end.",
            )
        if status == 413:
            raise SeatrialError(f"{self.place.upload} finds {each.filename} too large ({status}): {said}")
        if status == 409 or (status == 400 and "exist" in said.lower()):
            if self._is_there(each, patience=2.0):  # other bytes raise
                return
            raise version_exists(each)
        if status >= 500 or status in (408, 429):
            raise UnknownOutcomeError(f"{self.place.upload} answers {status}: {said}")
        raise SeatrialError(f"{self.place.upload} refuses {each.filename} ({status}): {said}")

    def _is_there(self, each: Distribution, *, patience: float) -> bool:
        """Whether the index lists exactly this file; an index may take a moment to do so."""
        end, wait = time.monotonic() + patience, 0.05
        while True:
            there = self._version(each)
            refuse_changed_files([each], there)
            if any(file.filename == each.filename for file in there):
                return True
            if time.monotonic() + wait > end:
                return False
            self._sleep(wait)
            wait = min(2 * wait, 2.0)
