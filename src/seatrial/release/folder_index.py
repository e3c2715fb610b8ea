"""The index in a folder, for one person or behind `seatrial index serve`."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.core.progress import Progress, silent
from seatrial.release.distribution import Distribution, read_distribution, read_distributions
from seatrial.release.index import BusyIndexError, Index, Published, UnwritableIndexError, refuse_changed_files
from seatrial.release.staging import Staging
from seatrial.wheels.simple_api import (
    PAGE,
    PAGE_JSON,
    PAGES,
    IndexedFile,
    project_folder,
    project_html,
    project_json,
    read_page,
    root_html,
    root_json,
)
from seatrial.wheels.wheel import WheelInfo, inspect, read_release

REPUBLISH = "Publish the same build again."
LOCK_TIMEOUT = 60.0  # seconds that a publication waits for another one


class FolderIndex(Index):
    """An index in a folder: pip and uv install from its `simple/`, by a `file:` URL or from any static web server.

    Publishing takes a lock; reading does not. A release appears when its project's page is renamed into place, which
    is one step, after its files. `now` returns the upload time.
    """

    def __init__(
        self,
        path: Path,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        lock_timeout: float = LOCK_TIMEOUT,
    ) -> None:
        self.path = path.absolute()
        self._now = now
        self._lock_timeout = lock_timeout

    @property
    def where(self) -> str:
        """The folder."""
        return str(self.path)

    @property
    def url(self) -> str:
        """The URL for pip's and uv's --index-url."""
        return (self.path / PAGES).as_uri()

    def publish(self, files: Sequence[Path | WheelInfo], progress: Progress = silent) -> Published:
        """Put the files of one release on the index, all or none.

        Publishing the same bytes again succeeds with `already`; different content for an existing version is refused.
        Raises SeatrialError, and leaves the index unchanged.
        """
        distributions = read_distributions(files)
        progress(f"publishing {distributions[0].filename}")
        return self._publish_locked(distributions)

    def add(self, file: Path) -> Published:
        """Add one file of a release, as uploads deliver them: the wheel or the sdist; the other may follow.

        The release exists once its wheel does.
        """
        return self._publish_locked([read_distribution(file)])

    def names(self) -> list[str]:
        """List the projects."""
        return sorted(page.parent.name for page in (self.path / PAGES).glob(f"*/{PAGE}"))

    def files(self, name: str) -> list[IndexedFile]:
        """List the files of a project, in the order of its page."""
        return read_page(project_folder(self.path, name) / PAGE)

    def local(self, name: str, file: IndexedFile) -> Path:
        """Return the path of a file in the folder, after checking its hash."""
        path = self._path(name, file)
        self._check(path, sha256(path), file)
        return path

    def wheel(self, name: str, file: IndexedFile) -> WheelInfo:
        """Inspect a wheel in the folder, after checking its hash; the file is read once."""
        wheel = inspect(self._path(name, file))
        self._check(wheel.path, wheel.sha256, file)
        return wheel

    def _path(self, name: str, file: IndexedFile) -> Path:
        path = project_folder(self.path, name) / file.filename
        if not path.is_file():
            raise SeatrialError(f"{path} is missing, although the index lists it.", hint=REPUBLISH)
        return path

    def _check(self, path: Path, digest: str, file: IndexedFile) -> None:
        if digest != file.sha256:
            raise SeatrialError(f"{path} is not what was published: its hash is different.", hint=REPUBLISH)

    def _publish_locked(self, distributions: list[Distribution]) -> Published:
        from filelock import FileLock, Timeout

        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with (
                FileLock(self.path / ".lock", timeout=self._lock_timeout),
                Staging(self.path / ".incoming") as staging,
            ):
                return self._publish(distributions, staging)
        except Timeout:
            raise BusyIndexError(
                f"Another publication to {self.path} has not finished after {self._lock_timeout:.0f} s.",
                hint="Wait for it, or stop it; nothing was published.",
            ) from None
        except OSError as error:
            raise UnwritableIndexError(
                f"{self.path} cannot be written: {error.strerror or error}.",
                hint="Nothing was published. Check the free space and the permissions, and publish again.",
            ) from None

    def _publish(self, distributions: list[Distribution], staging: Staging) -> Published:
        first = distributions[0]
        name, version = first.name, first.version
        folder = project_folder(self.path, name)
        listed = read_page(folder / PAGE)
        new = refuse_changed_files(distributions, listed)
        for each in distributions:
            # Also a listed one: publishing again repairs a file that was damaged or lost.
            target = folder / each.filename
            if each in new or not target.is_file() or sha256(target) != each.sha256:
                staging.copy(each.path, target, each.sha256)
            if each.is_wheel:
                staging.write(each.metadata, folder / f"{each.filename}.metadata")
        if new:
            uploaded = self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            listed = [*listed, *(each.indexed(uploaded) for each in new)]
            wheels = {file.version: file for file in listed if file.is_wheel}
            # An sdist has its wheel's Python versions, whichever came first: see read_distributions.
            listed = [
                replace(f, requires_python=wheels[f.version].requires_python) if f.version in wheels else f
                for f in sorted(listed, key=lambda f: (f.version, f.filename))
            ]
            # This page makes the release visible, after its files; the pages that follow repeat it.
            staging.write(project_html(name, listed), folder / PAGE)
        names = sorted({*self.names(), name})
        staging.write(project_json(name, listed), folder / PAGE_JSON)
        staging.write(root_html(names), self.path / PAGES / PAGE)
        staging.write(root_json(names), self.path / PAGES / PAGE_JSON)
        staging.commit(decisive=folder / PAGE)
        return Published(name, str(version), tuple(each.filename for each in distributions), not new)

    def _read_release(self, name: str, wheel: IndexedFile) -> dict[str, Any] | None:
        return read_release(project_folder(self.path, name) / wheel.filename)
