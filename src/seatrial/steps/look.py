"""One look of the watch with what follows from it: alarms, their messages, and the page; of one project or of many."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.core.errors import SeatrialError, UsageError
from seatrial.core.files import write_atomic
from seatrial.core.git import person
from seatrial.core.moments import parse_moment
from seatrial.core.progress import Progress, silent
from seatrial.core.project import ProjectSettings, find_project
from seatrial.steps import alarm_files, webhooks
from seatrial.steps.overview import link, overview_path, write_overview
from seatrial.watch.alarms import Alarm, AlarmBook, acknowledge, after_delivery, after_look, renamed, undelivered
from seatrial.watch.watch_settings import read_watch_settings
from seatrial.watch.watch_words import WatchLine, headline, readable

if TYPE_CHECKING:
    from seatrial.watch.watch_records import Watched

PAGE, DOCUMENT, MARKDOWN = "watch.html", "watch.json", "watch.md"
FIRST_YEAR = 2000  # of any log
ENDINGS = {".html": PAGE, ".json": DOCUMENT, ".md": MARKDOWN}


@dataclass(frozen=True)
class WatchLook:
    """A look and the alarms after it. `problems` say which messages could not be sent, and are sent at the next look.

    `reports_only` is a look into the past or at a part of the log, which raises and resolves nothing.
    """

    watched: "Watched"
    book: AlarmBook
    problems: Sequence[str] = ()
    reports_only: bool = False
    window_seconds: float = 86_400.0

    @property
    def line(self) -> WatchLine:
        """The first line: whether all is well, or what changed."""
        return headline(self.watched, self.book.acknowledged())

    @property
    def exit_code(self) -> int:
        """0 well, 1 an alarm that nobody has acknowledged, 3 unknown."""
        return self.line.exit_code

    def _repr_html_(self) -> str:
        from seatrial.pages.embed import embed

        return embed(self.files()[PAGE])

    def gauges(self) -> str:
        """The gauges for Prometheus."""
        from seatrial.watch.watch_metrics import exposition

        return exposition(self.watched, self.book, window_seconds=self.window_seconds)

    def files(self) -> dict[str, str]:
        """The page, the JSON document and the Markdown, by file name."""
        from seatrial.watch.watch_document import to_json, to_markdown
        from seatrial.watch.watch_page import to_html

        known = self.book.acknowledged()
        return {
            PAGE: to_html(self.watched, self.book),
            DOCUMENT: to_json(self.watched, known),
            MARKDOWN: to_markdown(self.watched, known),
        }


@dataclass(frozen=True)
class ProjectLook:
    """One project of several: its look, or why there is none."""

    folder: Path
    name: str
    look: WatchLook | None
    line: WatchLine


def look(
    project: ProjectSettings,
    *,
    at: str | datetime = "",
    since: str | datetime = "",
    release: str = "",
    log: str = "",
    progress: Progress = silent,
) -> WatchLook:
    """Look at the prediction log: what changed since training, since when, how sure that is, and what to do.

    Alarms are raised, resolved and sent to the webhook, unless it is a look at another moment (`at`), from another
    begin (`since`), at one `release`, or at another `log`: that only reports. The page, the JSON document and the
    Markdown are in .seatrial/watch/.
    """
    from seatrial.steps.watch import watch

    settings = read_watch_settings(project.watch, project.root)
    receivers = webhooks.receivers(settings)  # an error is reported before the work
    now = datetime.now(UTC)
    moment, begin = _moment(at, "--at", now), _moment(since, "--since", now)
    if moment and begin and begin >= moment:
        raise UsageError(f"--since {since} is not before --at {at}.", hint="Give an earlier --since.")
    book, reports_only = alarm_files.read_book(project.root), bool(moment or begin or release or log)
    before, active = (
        (None, []) if reports_only else (alarm_files.last_look(book, now), [each.matter for each in book.active()])
    )
    seen = watch(project, at=moment, release=release, log=log, before=before, active=active, progress=progress)
    watched = readable(seen)
    if begin:
        watched = shown_since(watched, begin)
    length = settings.window_length
    seconds = length.total_seconds()
    if reports_only:
        book = replace(book, alarms=renamed(book.alarms, watched.findings, length))
        return WatchLook(watched, book, reports_only=True, window_seconds=seconds)
    with alarm_files.changing(project.root) as file:
        if file.book.looked == before:  # or both looks would spend the budget of the same time
            file.book = after_look(file.book, watched, resolve_after=settings.resolve_after, window=length)
    problems = _send(project.root, receivers, progress)
    found = WatchLook(watched, alarm_files.read_book(project.root), problems, window_seconds=seconds)
    folder = project.root / alarm_files.FOLDER
    first = not (folder / PAGE).is_file()
    write_look(found, folder)
    if first and overview_path(project).is_file():
        write_overview(project)  # which links to the page from now on
    return found


def shown_since(watched: "Watched", begin: datetime) -> "Watched":
    """The same with nothing in its figures that is before a moment."""
    series = [replace(each, points=[p for p in each.points if p.time >= begin]) for each in watched.series]
    return replace(watched, series=series, deployed=[each for each in watched.deployed if each.time >= begin])


def _moment(value: str | datetime, where: str, now: datetime) -> datetime | None:
    if not value:
        return None
    try:
        found = value if isinstance(value, datetime) else parse_moment(value, where, now)
    except SeatrialError as error:
        raise UsageError(error.message, hint=error.hint) from None
    found = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    if found > now or found.year < FIRST_YEAR:
        when = "in the future" if found > now else "before any log"
        raise UsageError(f"{where} {found:%Y-%m-%d %H:%M} UTC is {when}.", hint="Give a moment of the log.")
    return found


def _send(root: Path, receivers: Sequence[webhooks.Receiver], progress: Progress) -> list[str]:
    """Send what waits; a message leaves the file only after its receiver took it."""
    if not receivers:
        return []
    with alarm_files.sending(root) as mine:
        names = [receiver.id for receiver in receivers]
        waiting = undelivered(alarm_files.read_book(root), names) if mine else []
        if not waiting:
            return []
        progress("sending alarms")
        result = webhooks.deliver(waiting, receivers)
        with alarm_files.changing(root) as file:
            file.book = after_delivery(file.book, result.delivered, result.tried, names)
        return result.problems


def write_look(found: WatchLook, to: Path) -> list[Path]:
    """Write a look into a folder, or into one file by its ending: .html, .json or .md. Returns the files.

    Raises UsageError for another ending.
    """
    if name := check_output(to):
        write_atomic(to, found.files()[name])
        return [to]
    written = []
    for name, text in found.files().items():
        write_atomic(to / name, text)
        written.append(to / name)
    return written


def check_output(to: Path) -> str:
    """Which of a look's files a path is for, by its ending; empty for a folder. Raises UsageError for another path."""
    ending = "" if to.is_dir() else to.suffix.lower()
    if ending and ending not in ENDINGS:
        raise UsageError(f"{to} ends in {ending}.", hint="Name a folder, or a file that ends in .html, .json or .md.")
    check_folder(to.parent if ending else to)
    return ENDINGS.get(ending, "")


def check_folder(folder: Path) -> None:
    """Raise UsageError, before the work, where a path cannot be a folder: a file is in its place or above it."""
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if not there.is_dir():
        raise UsageError(f"{there} is a file, not a folder.", hint="Name another place to write to.")


def look_at_all(folders: Sequence[Path], *, at: str = "", progress: Progress = silent) -> list[ProjectLook]:
    """Look at several projects, and return them worst first. One that fails is a line, and not the end."""
    found = _told_apart([_one(folder, at, progress) for folder in projects_in(folders)])
    order = {"alarm": 0, "unknown": 1, "acknowledged": 2, "noted": 3, "well": 4}

    def severity(each: ProjectLook) -> float:
        return max((finding.severity for finding in each.look.watched.findings), default=0.0) if each.look else 0.0

    return sorted(found, key=lambda each: (order[each.line.state], -severity(each), each.name))


def _told_apart(found: list[ProjectLook]) -> list[ProjectLook]:
    """Projects of the same name with their folders."""
    names = [each.name for each in found]
    return [replace(e, name=f"{e.name} ({e.folder})") if names.count(e.name) > 1 else e for e in found]


def _one(folder: Path, at: str, progress: Progress) -> ProjectLook:
    name = folder.name
    try:
        project = find_project(folder)
        name = project.name
        progress(name)
        found = look(project, at=at, progress=progress)
    except UsageError:
        raise
    except SeatrialError as error:
        return ProjectLook(folder, name, None, WatchLine("unknown", error.message, error.hint))
    except OSError as error:
        return ProjectLook(folder, name, None, WatchLine("unknown", f"{error.filename or folder}: {error.strerror}."))
    except Exception as error:  # of one project's own files: the others are still looked at
        return ProjectLook(folder, name, None, WatchLine("unknown", f"{type(error).__name__}: {error}"))
    return ProjectLook(folder, name, found, found.line)


def projects_in(folders: Sequence[Path]) -> list[Path]:
    """The projects that folders are, or that they contain, one or two levels below. Raises SeatrialError for none."""
    found: dict[Path, None] = {}
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(f"{folder} is not a folder.", hint="Name folders of projects, or folders with projects.")
        below = [folder] if _is_project(folder) else sorted({p.parent for p in _settings_files(folder)})
        found.update(dict.fromkeys(each.resolve() for each in below if each == folder or _is_project(each)))
    if not found:
        raise UsageError(
            f"No Seatrial project in {', '.join(map(str, folders))}.",
            hint="Name folders whose pyproject.toml has [tool.seatrial], or folders that contain such ones.",
        )
    return list(found)


def _settings_files(folder: Path) -> Iterator[Path]:
    yield from folder.glob("*/pyproject.toml")
    yield from folder.glob("*/*/pyproject.toml")


def _is_project(folder: Path) -> bool:
    """Whether its settings name Seatrial, or cannot be read, which is reported as the project's line."""
    from seatrial.core.project import read_toml

    if not (folder / "pyproject.toml").is_file():
        return False
    try:
        return "seatrial" in read_toml(folder / "pyproject.toml").get("tool", {})
    except SeatrialError:
        return True


def page_of_all(found: Sequence[ProjectLook], page: Path, when: datetime) -> str:
    """The page of several projects, which links to their own pages relative to where it is."""
    from seatrial.watch.watch_page import overview_html

    rows = []
    for each in found:
        own = each.folder / alarm_files.FOLDER / PAGE
        versions = ", ".join(each.look.watched.versions) if each.look else ""
        rows.append((each.name, versions, each.line, link(page, own) if each.look and own.is_file() else ""))
    return overview_html(rows, when, sum(each.look is None for each in found))


def acknowledge_alarm(
    project: ProjectSettings, name: str, reason: str, *, by: str = "", until: datetime | None = None
) -> Alarm:
    """Acknowledge an alarm by its code or its ID, with a reason: it does not count any more, until it is resolved.

    `by` is a person's name; default: git's, or the user's.
    """
    at = datetime.now(UTC)
    with alarm_files.changing(project.root) as file:
        file.book, alarm = acknowledge(
            file.book, name, by=by or person(project.root), reason=reason, at=at, until=until
        )
    return alarm


def list_alarms(project: ProjectSettings, *, every: bool = False) -> list[Alarm]:
    """The active alarms; with `every`, also those that are resolved."""
    book = alarm_files.read_book(project.root)
    resolved = [alarm for alarm in book.alarms if alarm.state == "resolved"] if every else []
    return [*book.active(), *sorted(resolved, key=lambda alarm: alarm.seen, reverse=True)]
