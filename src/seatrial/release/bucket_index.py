"""The index in an S3 bucket: pip and uv install from its web URL, and publications need no server and no lock.

Files are stored under their hash, so two of them never meet under one key. A release appears when its project's page is
replaced, on the condition that it is still the page that the new one was made from: of two publications at the same
time one wins, and the other starts again from the winner's page. All other pages repeat that one. What a kill leaves
are files that no page names, and pages that the next publication corrects.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from urllib.parse import urljoin

from packaging.utils import canonicalize_name

from seatrial.core.errors import SeatrialError
from seatrial.core.files import replacing, sha256
from seatrial.core.index_settings import IndexSettings
from seatrial.core.progress import Progress, silent
from seatrial.release.folder_index import FolderIndex
from seatrial.release.index import BusyIndexError, Index, Published
from seatrial.stores.bucket import Bucket, ConflictError, StoredObject, pause
from seatrial.wheels.environments import environments_folder
from seatrial.wheels.simple_api import (
    PAGE,
    PAGE_JSON,
    PAGES,
    IndexedFile,
    Withdrawal,
    WithdrawalAction,
    parse_page,
    parse_withdrawals,
    project_folder,
    project_html,
    project_json,
    read_page,
    read_withdrawals,
    removed_versions,
    root_html,
    root_json,
)
from seatrial.wheels.wheel import WheelInfo, read_release

T = TypeVar("T")
TRIES = 12
KINDS = {".html": "text/html; charset=utf-8", ".json": "application/vnd.pypi.simple.v1+json", "/": "text/html"}


class BucketIndex(Index):
    """An index in a bucket. `cache` is the folder for fetched files; `now` returns the upload time."""

    def __init__(
        self,
        settings: IndexSettings,
        *,
        cache: Path | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._bucket = Bucket(settings.url)
        self._cache = cache or environments_folder() / ".wheels"
        self._now = now

    @property
    def where(self) -> str:
        """Its s3:// URL."""
        return self._bucket.shown

    @property
    def url(self) -> str:
        """The URL for pip's and uv's --index-url, which works where the bucket may be read by anybody."""
        return urljoin(self._bucket.web_url, f"{PAGES}/")

    def names(self) -> list[str]:
        """List the projects."""
        keys = (key.split("/") for key in self._bucket.keys(f"{PAGES}/"))
        return sorted(parts[1] for parts in keys if len(parts) == 3 and parts[2] == PAGE)

    def files(self, name: str) -> list[IndexedFile]:
        """List the files of a project, in the order of its page."""
        return self._parsed(name, self._page(name))[0]

    def withdrawals(self, name: str) -> list[Withdrawal]:
        """The records of versions that were yanked, restored or removed, the oldest first."""
        return self._parsed(name, self._page(name))[1]

    def local(self, name: str, file: IndexedFile) -> Path:
        """Return a local path of a file that the index lists, after checking its hash."""
        path = self._cache / file.sha256 / file.filename
        if path.is_file() and sha256(path) == file.sha256:
            return path
        found = self._bucket.read(self._key(name, file.sha256, file.filename))
        if found is None:
            raise SeatrialError(f"{self.where} lists {file.filename}, which is missing.", hint="Publish it again.")
        with replacing(path) as written:
            written.write(found.content)
        if sha256(path) != file.sha256:
            path.unlink()
            raise SeatrialError(f"{file.filename} on {self.where} is not what was published.", hint="Publish it again.")
        return path

    def location(self, name: str, file: IndexedFile) -> tuple[str, str]:
        """The web URL of a file that the index lists, and that of the index."""
        return urljoin(self.url, f"{canonicalize_name(name)}/{file.sha256}/{file.filename}"), self.url

    def publish(self, files: Sequence[Path | WheelInfo], progress: Progress = silent) -> Published:
        """Put the files of one release on the index, all or none, as in a folder. Raises SeatrialError."""
        from seatrial.release.distribution import read_distributions

        progress(f"publishing to {self.where}")
        name = read_distributions(files)[0].name
        self._bucket.require_conditions()
        return self._change(name, lambda mirror: mirror.publish(files, progress))

    def withdraw(self, name: str, version: str, action: WithdrawalAction, *, reason: str, who: str) -> bool:
        """Yank, restore or remove a version, as in a folder."""
        self._bucket.require_conditions()
        return self._change(
            canonicalize_name(name), lambda mirror: mirror.withdraw(name, version, action, reason=reason, who=who)
        )

    def _read_release(self, name: str, wheel: IndexedFile) -> dict[str, Any] | None:
        return read_release(self.local(name, wheel))

    def _page(self, name: str) -> StoredObject | None:
        return self._bucket.read(self._key(name, PAGE))

    def _parsed(self, name: str, page: StoredObject | None) -> tuple[list[IndexedFile], list[Withdrawal]]:
        if page is None:
            return [], []
        where = f"{self.where}/{self._key(name, PAGE)}"
        text = page.content.decode("utf-8", "replace")
        return parse_page(text, where), parse_withdrawals(text, where)

    def _change(self, name: str, act: Callable[[FolderIndex], T]) -> T:
        """Do it in a folder that has the project's page, and bring what has changed there into the bucket."""
        for attempt in range(TRIES):
            page = self._page(name)
            with self._mirror(name, page) as mirror:
                done = act(mirror)
                with suppress(ConflictError):
                    self._bring(mirror, name, page)
                    return done
            pause(attempt)
        raise BusyIndexError(
            f"Others publish {name} to {self.where} all the time: after {TRIES} attempts, nothing was published.",
            hint="Try again later.",
        )

    @contextmanager
    def _mirror(self, name: str, page: StoredObject | None) -> Iterator[FolderIndex]:
        with TemporaryDirectory(prefix="seatrial-index-") as folder:
            mirror = _Mirror(self, Path(folder), now=self._now)
            if page:
                project = project_folder(mirror.path, name)
                project.mkdir(parents=True)
                (project / PAGE).write_text(project_html(name, *self._parsed(name, page)), "utf-8")
            yield mirror

    def _bring(self, mirror: FolderIndex, name: str, page: StoredObject | None) -> None:
        """Upload the files, then the page that shows them, then what repeats it. Raises ConflictError before that."""
        project = project_folder(mirror.path, name)
        listed, withdrawals = read_page(project / PAGE), read_withdrawals(project / PAGE)
        for file in listed:
            for path in (project / file.filename, project / f"{file.filename}.metadata"):
                if path.is_file():
                    self._upload(path, self._key(name, file.sha256, path.name))
        content = project_html(name, listed, withdrawals, by_hash=True).encode()
        if page is None or page.content != content:
            self._write(self._key(name, PAGE), content, page.etag if page else None)
        self._repeat(name)

    def _upload(self, path: Path, key: str) -> None:
        """Upload a file to the key of its hash; one that is there, but not whole, is replaced."""
        try:
            self._bucket.write(key, path)
        except ConflictError:
            if self._bucket.size(key) != path.stat().st_size:
                self._bucket.overwrite(key, path)

    def _repeat(self, name: str) -> None:
        """Bring the pages up to date that repeat the decisive ones, and delete what they no longer name."""

        def of_project(render: Callable[..., str]) -> Callable[[], bytes]:
            return lambda: render(name, *self._parsed(name, self._page(name)), by_hash=True).encode()

        self._follow(self._key(name, ""), of_project(project_html))
        self._follow(self._key(name, PAGE_JSON), of_project(project_json))
        for key, render in ((PAGE, root_html), ("", root_html), (PAGE_JSON, root_json)):
            self._follow(f"{PAGES}/{key}", lambda render=render: render(self.names()).encode())  # type: ignore[misc]
        gone = {name for each in removed_versions(self.withdrawals(name)).values() for name in each.files}
        gone |= {f"{name}.metadata" for name in gone}
        for key in list(self._bucket.keys(self._key(name, ""))) if gone else ():
            if key.rpartition("/")[2] in gone:
                self._bucket.delete(key)

    def _follow(self, key: str, render: Callable[[], bytes]) -> None:
        """Write a page from what is decisive now: what was read before a newer page was written is never written."""
        for attempt in range(TRIES):  # in the end, others write it, and after us
            found = self._bucket.read(key)
            content = render()  # after reading: whoever changes the decisive page from now on, writes this one later
            if found and found.content == content:
                return
            with suppress(ConflictError):
                self._write(key, content, found.etag if found else None)
                return
            pause(attempt)

    def _write(self, key: str, content: bytes, replaces: str | None) -> None:
        kind = next(kind for end, kind in KINDS.items() if key.endswith(end))
        self._bucket.write(key, content, replaces, ContentType=kind, CacheControl="no-cache")

    def _key(self, name: str, *parts: str) -> str:
        return "/".join([PAGES, canonicalize_name(name), *parts])


class _Mirror(FolderIndex):
    """A project of a bucket in a folder, without the files that the bucket has: they are fetched when they are read."""

    def __init__(self, index: BucketIndex, path: Path, *, now: Callable[[], datetime]) -> None:
        super().__init__(path, now=now)
        self._index = index

    def _read_release(self, name: str, wheel: IndexedFile) -> dict[str, Any] | None:
        return self._index._read_release(name, wheel)
