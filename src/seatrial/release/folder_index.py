"""The index in a folder, for one person or behind `seatrial index serve`."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.core.progress import Progress, silent
from seatrial.release.distribution import Distribution, read_distribution, read_distributions
from seatrial.release.index import (
    BusyIndexError,
    Index,
    Published,
    RemovedVersionError,
    UnwritableIndexError,
    refuse_changed_files,
)
from seatrial.release.staging import Staging
from seatrial.wheels.simple_api import (
    PAGE,
    PAGE_JSON,
    PAGES,
    IndexedFile,
    Withdrawal,
    WithdrawalAction,
    project_folder,
    project_html,
    project_json,
    read_page,
    read_withdrawals,
    removed_versions,
    root_html,
    root_json,
)
from seatrial.wheels.wheel import WheelInfo, inspect, read_release

REPUBLISH = "Publish the same build again."
ALONE = "its wheel is not published"
TIME = "%Y-%m-%dT%H:%M:%SZ"
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

    def location(self, name: str, file: IndexedFile) -> tuple[str, str]:
        """The path of a file in the folder."""
        return str(self._path(name, file)), ""

    def wheel(self, name: str, file: IndexedFile) -> WheelInfo:
        """Inspect a wheel in the folder, after checking its hash; the file is read once."""
        path = self._path(name, file)
        try:
            wheel = inspect(path)
        except SeatrialError:
            self._check(path, sha256(path), file)  # what was damaged since is no fault of the publisher's
            raise
        self._check(path, wheel.sha256, file)
        return wheel

    def _path(self, name: str, file: IndexedFile) -> Path:
        path = project_folder(self.path, name) / file.filename
        if not path.is_file():
            raise SeatrialError(f"{path} is missing, although the index lists it.", hint=REPUBLISH)
        return path

    def _check(self, path: Path, digest: str, file: IndexedFile) -> None:
        if digest != file.sha256:
            raise SeatrialError(f"{path} is not what was published: its hash is different.", hint=REPUBLISH)

    def withdrawals(self, name: str) -> list[Withdrawal]:
        """The records of versions that were yanked, restored or removed, the oldest first."""
        return read_withdrawals(project_folder(self.path, name) / PAGE)

    def withdraw(self, name: str, version: str, action: WithdrawalAction, *, reason: str, who: str) -> bool:
        """Yank, restore or remove a version: installers skip a yanked one unless it is pinned; a removed one is gone.

        The record stays on the project's page, and the version cannot be used again. False where it is done already.
        """
        with self._staging(canonicalize_name(name)) as staging:
            return self._withdraw(staging, canonicalize_name(name), version, action, reason, who)

    def _publish_locked(self, distributions: list[Distribution]) -> Published:
        with self._staging(distributions[0].name) as staging:
            return self._publish(distributions, staging)

    @contextmanager
    def _staging(self, name: str) -> Iterator[Staging]:
        """Wait for other publications, and finish a removal that was killed."""
        from filelock import FileLock, Timeout

        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with (
                FileLock(self.path / ".lock", timeout=self._lock_timeout),
                Staging(self.path / ".incoming") as staging,
            ):
                self._delete_removed(name)
                yield staging
        except Timeout:
            raise BusyIndexError(
                f"Another publication to {self.path} has not finished after {self._lock_timeout:.0f} s.",
                hint="Wait for it, or stop it; nothing was published.",
            ) from None
        except OSError as error:
            raise UnwritableIndexError(
                f"{self.path} cannot be written: {error.strerror or error}.",
                hint="Nothing was changed. Check the free space and the permissions, and try again.",
            ) from None

    def _publish(self, distributions: list[Distribution], staging: Staging) -> Published:
        first = distributions[0]
        name, version = first.name, first.version
        folder = project_folder(self.path, name)
        listed, withdrawals = read_page(folder / PAGE), read_withdrawals(folder / PAGE)
        self._refuse_version(first, listed, withdrawals)
        new = refuse_changed_files(distributions, listed)
        for each in distributions:
            # Also a listed one: publishing again repairs a file that was damaged or lost.
            target = folder / each.filename
            if each in new or not target.is_file() or sha256(target) != each.sha256:
                staging.copy(each.path, target, each.sha256)
            if each.is_wheel:
                staging.write(each.metadata, folder / f"{each.filename}.metadata")
        if new:
            uploaded = self._now().astimezone(UTC).strftime(TIME)
            listed = _as_shown([*listed, *(each.indexed(uploaded) for each in new)])
        self._write_pages(staging, name, listed, withdrawals, changed=bool(new))
        return Published(name, str(version), tuple(each.filename for each in distributions), not new)

    def _refuse_version(
        self, first: Distribution, listed: Sequence[IndexedFile], withdrawals: Sequence[Withdrawal]
    ) -> None:
        """Refuse a version that was removed, and a library under the name of a model."""
        if gone := removed_versions(withdrawals).get(first.version):
            raise RemovedVersionError(
                f"{first.name} {first.version} was removed by {gone.who} on {gone.when[:10]}: {gone.reason}.",
                hint="Raise __version__ in the package's __init__.py, build and publish again.",
            )
        if first.is_wheel and not first.is_release and self._is_model(first.name, listed, withdrawals):
            raise SeatrialError(
                f"{first.filename} is refused: {first.name} is a model, and this wheel is not a release of one.",
                hint="Publish what `seatrial build` made, or use another name for the library.",
            )

    def _is_model(self, name: str, listed: Sequence[IndexedFile], withdrawals: Sequence[Withdrawal]) -> bool:
        wheels = [file for file in reversed(listed) if file.is_wheel]
        return any(each.is_release for each in withdrawals) or any(self._read_release(name, each) for each in wheels)

    def _withdraw(
        self, staging: Staging, name: str, version: str, action: WithdrawalAction, reason: str, who: str
    ) -> bool:
        page = project_folder(self.path, name) / PAGE
        listed, withdrawals = read_page(page), read_withdrawals(page)
        wanted = _version(version)
        files = [file for file in listed if file.version == wanted]
        if not files:
            if action == "remove" and wanted in removed_versions(withdrawals):
                self._write_pages(staging, name, listed, withdrawals, changed=False)  # it may have been killed
                return False
            versions = ", ".join(dict.fromkeys(str(file.version) for file in listed)) or "no versions"
            raise SeatrialError(f"{self.path} has no {name} {version}.", hint=f"It has {versions}.")
        yank = action == "yank"
        if action != "remove" and all(file.yanked == yank and file.yank_reason == reason * yank for file in files):
            self._write_pages(staging, name, listed, withdrawals, changed=False)
            return False
        record = Withdrawal(
            action,
            str(wanted),
            reason,
            who,
            self._now().astimezone(UTC).strftime(TIME),
            tuple(file.filename for file in files),
            any(file.is_wheel and self._read_release(name, file) is not None for file in files),
        )
        kept = [file for file in listed if file not in files]
        changed = [] if action == "remove" else [replace(f, yanked=yank, yank_reason=reason * yank) for f in files]
        self._write_pages(staging, name, _as_shown([*kept, *changed]), [*withdrawals, record])
        self._delete_removed(name)
        return True

    def _write_pages(
        self,
        staging: Staging,
        name: str,
        listed: list[IndexedFile],
        withdrawals: Sequence[Withdrawal],
        *,
        changed: bool = True,
    ) -> None:
        """Put the staged files in place, then the page that shows the change; the pages that follow repeat it."""
        folder = project_folder(self.path, name)
        if changed:
            staging.write(project_html(name, listed, withdrawals), folder / PAGE)
        names = sorted({*self.names(), name})
        staging.write(project_json(name, listed, withdrawals), folder / PAGE_JSON)
        staging.write(root_html(names), self.path / PAGES / PAGE)
        staging.write(root_json(names), self.path / PAGES / PAGE_JSON)
        staging.commit(decisive=folder / PAGE)

    def _delete_removed(self, name: str) -> None:
        """Delete the files of removed versions; their page no longer lists them."""
        folder = project_folder(self.path, name)
        for record in removed_versions(self.withdrawals(name)).values():
            for filename in record.files:
                for path in (folder / Path(filename).name, folder / f"{Path(filename).name}.metadata"):
                    path.unlink(missing_ok=True)

    def _read_release(self, name: str, wheel: IndexedFile) -> dict[str, Any] | None:
        return read_release(project_folder(self.path, name) / wheel.filename)


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        raise SeatrialError(f"{text[:100]!r} is not a version.", hint="Example: 0.1.0.") from None


def _as_shown(listed: list[IndexedFile]) -> list[IndexedFile]:
    """The files of a project as its page shows them, sorted.

    An sdist has its wheel's Python versions, whichever came first: see read_distributions. It is yanked with its wheel,
    and as long as it has none: an installer would build it, which runs any code.
    """
    wheels = {file.version: file for file in listed if file.is_wheel}
    result = []
    for file in sorted(listed, key=lambda each: (each.version, each.filename)):
        wheel = wheels.get(file.version)
        if wheel is None:
            result.append(replace(file, yanked=True, yank_reason=file.yank_reason or ALONE))
        else:
            shown = wheel if not file.is_wheel else file
            python = wheel.requires_python
            result.append(replace(file, requires_python=python, yanked=shown.yanked, yank_reason=shown.yank_reason))
    return result
