"""The index in a folder, for one person or behind `seatrial index serve`."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from seatrial.core.files import sha256
from seatrial.release.distribution import Distribution, read_distribution
from seatrial.release.index import (
    BusyIndexError,
    IndexedRelease,
    Progress,
    Published,
    Readable,
    UnwritableIndexError,
    group_releases,
    read_distributions,
    refuse_changed_files,
)
from seatrial.release.staging import Staging
from seatrial.wheels.simple_api import (
    PAGE,
    PAGE_JSON,
    PAGES,
    project_folder,
    project_html,
    project_json,
    read_page,
    root_html,
    root_json,
)
from seatrial.wheels.sources import FolderSource
from seatrial.wheels.wheel import read_release

LOCK_TIMEOUT = 60.0  # seconds that a publication waits for another one


class FolderIndex(FolderSource, Readable):
    """An index in a folder: pip and uv install from its `simple/`, by `file:` or from any static web server.

    Publishing takes a lock; reading takes none. A release is there from the moment that its project's page is
    renamed into place, which is one step, after its files are. `now` gives the upload time.
    """

    def __init__(
        self,
        path: Path,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        lock_timeout: float = LOCK_TIMEOUT,
    ) -> None:
        super().__init__(path)
        self._now = now
        self._lock_timeout = lock_timeout

    @property
    def url(self) -> str:
        """What pip and uv take as --index-url."""
        return (self.path / PAGES).as_uri()

    def publish(self, files: Sequence[Path], progress: Progress = lambda _: None) -> Published:
        """Put the files of one release on the index, all or none.

        Exactly the same bytes again are a success with `already`; other bytes under a version that is there
        are refused. Raises SeatrialError, and leaves the index as it was.
        """
        distributions = read_distributions(files)
        progress(f"publishing {distributions[0].filename}")
        return self._locked(distributions)

    def add(self, file: Path) -> Published:
        """Put one file of a release there, the wheel or the sdist, as an upload brings it; the other may follow.

        The release is there when its wheel is.
        """
        return self._locked([read_distribution(file)])

    def names(self) -> list[str]:
        """List the projects."""
        return sorted(page.parent.name for page in (self.path / PAGES).glob(f"*/{PAGE}"))

    def _locked(self, distributions: list[Distribution]) -> Published:
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
                f"Another publication to {self.path} has not ended for {self._lock_timeout:.0f} s.",
                hint="Wait for it, or end it; nothing was published.",
            ) from None
        except OSError as error:
            raise UnwritableIndexError(
                f"{self.path} cannot be written: {error.strerror or error}.",
                hint="Nothing was published. Make room or mend the rights, and publish again.",
            ) from None

    def _publish(self, distributions: list[Distribution], staging: Staging) -> Published:
        first = distributions[0]
        name, version = first.name, first.version
        folder = project_folder(self.path, name)
        listed = read_page(folder / PAGE)
        new = refuse_changed_files(distributions, listed)
        for each in distributions:
            # Also when it is listed: a file that was damaged or lost is mended by publishing it again.
            target = folder / each.filename
            if each in new or not target.is_file() or sha256(target) != each.sha256:
                staging.copy(each.path, target, each.sha256)
            if each.is_wheel:
                staging.write(each.metadata, folder / f"{each.filename}.metadata")
        if new:
            moment = self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            listed = [*listed, *(each.indexed(moment) for each in new)]
            wheels = {file.version: file for file in listed if file.is_wheel}
            # An sdist takes its wheel's Python, whichever came first: see read_distributions.
            listed = [
                replace(f, requires_python=wheels[f.version].requires_python) if f.version in wheels else f
                for f in sorted(listed, key=lambda f: (f.version, f.filename))
            ]
            # This page makes the release visible, after its files; the pages behind it repeat it.
            staging.write(project_html(name, listed), folder / PAGE)
        names = sorted({*self.names(), name})
        staging.write(project_json(name, listed), folder / PAGE_JSON)
        staging.write(root_html(names), self.path / PAGES / PAGE)
        staging.write(root_json(names), self.path / PAGES / PAGE_JSON)
        staging.commit(decided_by=folder / PAGE)
        return Published(name, str(version), tuple(each.filename for each in distributions), not new)

    def _releases(self, name: str) -> list[IndexedRelease]:
        folder = project_folder(self.path, name)
        return group_releases(name, self.files(name), lambda wheel: read_release(folder / wheel.filename))
