"""`seatrial watch`: what the prediction log says about the releases that serve; its alarms; one page over projects."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from seatrial.cli import show
from seatrial.cli.exit_codes import errors_exit
from seatrial.cli.options import DEFAULT_COMMAND, HERE, JsonOption, ProjectOption, RunsByDefault, argument, option
from seatrial.core.errors import UsageError

if TYPE_CHECKING:
    from seatrial.steps.look import ProjectLook, WatchLook
    from seatrial.watch.alarms import Alarm
    from seatrial.watch.watch_words import WatchLine

watch = typer.Typer(
    cls=RunsByDefault,
    help="Look at what production was asked: what changed since training, since when, how sure that is, what to do."
    "\n\nExample: [bold]seatrial watch[/]",
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
LOOPBACK, PORT = "127.0.0.1", 8003  # where `--serve` listens
UNKNOWN = 3  # the exit code where it could not be looked
COLOURS = {"alarm": "red", "unknown": "yellow", "acknowledged": "yellow", "noted": "green", "well": "green"}


@watch.command(DEFAULT_COMMAND)
def run(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show every finding, and what it is from.")] = False,
    at: Annotated[str, option("Look as of then, as 2027-01-31T12:00 (UTC) or 7d ago; raises nothing.", "--at")] = "",
    since: Annotated[str, option("Show figures from then on, in the same forms; raises nothing.", "--since")] = "",
    release: Annotated[str, option("Only this version; default: all that served. Raises nothing.", "--release")] = "",
    from_: Annotated[
        str, option("Another log: a folder, s3://, gs:// or postgresql://. Raises nothing.", "--from")
    ] = "",
    output: Annotated[
        Path | None,
        option(
            "Write the page, the JSON document and the Markdown here: a folder, or one file by its ending.",
            "--output",
            "-o",
        ),
    ] = None,
    metrics: Annotated[
        Path | None, option("Write gauges here, for the textfile collector of Prometheus's node exporter.", "--metrics")
    ] = None,
    all_: Annotated[
        list[Path] | None,
        option("Look at all projects in these folders, the worst first. Repeat it, or name several.", "--all"),
    ] = None,
    more: Annotated[list[Path] | None, typer.Argument(help="More folders, with --all.", metavar="FOLDER")] = None,
    serve: Annotated[bool, typer.Option("--serve", help="Serve the page, and look again and again.")] = False,
    every: Annotated[str, option("With --serve, the time between two looks, as 15min; default: 1h.", "--every")] = "1h",
    host: Annotated[str, typer.Option(help="With --serve, the address to listen on.")] = LOOPBACK,
    port: Annotated[int, typer.Option(help="With --serve, the port.", min=0, max=65535)] = PORT,
    keys: Annotated[
        Path | None, option("With --serve, the file of access keys; default: the project's, if it has one.", "--keys")
    ] = None,
    json: JsonOption = False,
    project: ProjectOption = HERE,
) -> None:
    """Look at the newest part of the prediction log, and say in one line whether all is well.

    Exit code 0 well, 1 an alarm that nobody has acknowledged, 2 usage, 3 it could not be looked.

    Example: [bold]seatrial watch --output watch.html[/]
    """
    if more and not all_:
        hint = "`seatrial watch --all FOLDER...` looks at all projects in them."
        raise UsageError("Folders are named with --all.", hint=hint)
    mode = "--all" if all_ else "--serve" if serve else ""
    excluded = {
        "--all": {"--serve": serve, "--since": since, "--release": release, "--from": from_, "--metrics": metrics},
        "--serve": {"--at": at, "--since": since, "--json": json, "--output": output, "--metrics": metrics},
    }.get(mode, {})
    if wrong := [name for name, value in excluded.items() if value]:
        raise UsageError(f"{mode} does not go with {wrong[0]}.", hint="Leave one of them out.")
    of_serve = {"--every": every != "1h", "--host": host != LOOPBACK, "--port": port != PORT, "--keys": keys}
    if not serve and (wrong := [name for name, value in of_serve.items() if value]):
        raise UsageError(f"{wrong[0]} is for --serve.", hint="Add --serve, or leave it out.")
    with errors_exit(UNKNOWN):  # 1 is an alarm
        if all_:
            code = _all([*all_, *(more or [])], at=at, output=output, json=json)
        elif serve:
            code = _serve(project, every=every, host=host, port=port, keys=keys, release=release, log=from_)
        else:
            asked = {"at": at, "since": since, "release": release, "log": from_}
            code = _one(project, asked, output=output, metrics=metrics, verbose=verbose, json=json)
    raise typer.Exit(code)


def _one(
    project: Path, asked: dict[str, str], *, output: Path | None, metrics: Path | None, verbose: bool, json: bool
) -> int:
    from seatrial.core.files import write_atomic
    from seatrial.core.project import find_project
    from seatrial.steps.look import check_folder, check_output, look, write_look

    if output:
        check_output(output)
    if metrics:
        if metrics.is_dir():
            raise UsageError(f"--metrics {metrics} is a folder.", hint="Name a file, as seatrial.prom.")
        check_folder(metrics.parent)
    with show.progress(quiet=json) as progress:
        progress("reading the log")
        found = look(find_project(project), **asked, progress=progress)
    written = write_look(found, output) if output else []
    if metrics:
        write_atomic(metrics, found.gauges())
    if json:
        from seatrial.watch.watch_document import to_document

        show.print_json(to_document(found.watched, found.book.acknowledged()))
    else:
        _show(found, verbose, written)
    return found.exit_code


@watch.command()
def alarms(
    all_: Annotated[bool, typer.Option("--all", help="Resolved ones, too.")] = False,
    json: JsonOption = False,
    project: ProjectOption = HERE,
) -> None:
    """List the alarms that are active: what, since when, and who acknowledged it.

    Example: [bold]seatrial watch alarms --all[/]
    """
    from seatrial.core.project import find_project
    from seatrial.steps.look import list_alarms

    found = list_alarms(find_project(project), every=all_)
    if json:
        show.print_json([{"code": each.code, **asdict(each)} for each in found])
    elif not found:
        show.info("No alarm has been raised." if all_ else "No alarm is active.")
    else:
        show.table("", ("code", "alarm", "state", "raised", "last seen", ""), [_alarm_row(each) for each in found])


@watch.command()
def ack(
    alarm: Annotated[str, argument("Its code or its ID, as `seatrial watch alarms` lists them.")],
    reason: Annotated[str, typer.Option(help="Why it is no alarm, or what is being done.")],
    until: Annotated[
        datetime | None, typer.Option(help="The day from which it counts again; default: never.", formats=["%Y-%m-%d"])
    ] = None,
    by: Annotated[str, option("Who does it; default: git's user name, or the system's.", "--by")] = "",
    project: ProjectOption = HERE,
) -> None:
    """Acknowledge an alarm: it is not counted any more until it is resolved and comes back, or until a day.

    Example: [bold]seatrial watch ack 3f9c1e --reason "new tariff since May, checked with sales" --until 2027-01-31[/]
    """
    from seatrial.core.project import find_project
    from seatrial.steps.look import acknowledge_alarm

    day = until.replace(tzinfo=UTC) if until else None
    known = acknowledge_alarm(find_project(project), alarm, reason, by=by, until=day)
    who = known.acknowledged.by if known.acknowledged else by
    show.info(f"{known.id} acknowledged by {who}{f' until {until:%Y-%m-%d}' if until else ''}.")


def _show(found: "WatchLook", verbose: bool, written: Sequence[Path]) -> None:
    from seatrial.steps.alarm_files import FOLDER
    from seatrial.steps.look import PAGE
    from seatrial.watch.watch_words import terminal_rows

    _print_line(found.line)
    rows = terminal_rows(found.watched, every=verbose)
    if rows and (verbose or len(rows) > 1):
        show.table("", ("level", "finding", "what it says"), rows)
    if verbose:
        for note in found.watched.notes:
            show.plain(f"• {note}")
    for problem in found.problems:
        show.info(f"An alarm was not sent. {problem}")
    for path in written or ([] if found.reports_only else [FOLDER / PAGE]):
        show.info(f"Result: {show.short_path(path)}")


def _print_line(line: "WatchLine", name: str = "") -> None:
    start = f"{escape(name)}: " if name else ""
    show.out.print(f"{start}[bold {COLOURS[line.state]}]{escape(line.word)}:[/] {escape(line.text)}")
    if line.to_do:
        show.out.print(f"  {escape(line.to_do)}")


def _all(folders: Sequence[Path], *, at: str, output: Path | None, json: bool) -> int:
    from seatrial.core.files import write_atomic
    from seatrial.steps.look import PAGE, check_output, look_at_all, page_of_all

    if output and check_output(output) != PAGE:
        raise UsageError(f"With --all, --output is a page, and {output} does not end in .html.")
    with show.progress(quiet=json) as progress:
        found = look_at_all(folders, at=at, progress=progress)
    if output:
        write_atomic(output, page_of_all(found, output.absolute(), datetime.now(UTC)))
    if json:
        show.print_json([_project_document(each) for each in found])
    else:
        for each in found:
            _print_line(each.line, each.name)
        if output:
            show.info(f"Result: {show.short_path(output)}")
    codes = {each.line.exit_code for each in found}
    return 1 if 1 in codes else max(codes)


def _project_document(each: "ProjectLook") -> dict[str, object]:
    from seatrial.watch.watch_document import to_document

    known = each.look.book.acknowledged() if each.look else ()
    document = to_document(each.look.watched, known) if each.look else None
    line = each.line
    return {"project": each.name, "folder": str(each.folder), "state": line.state, "line": line.text, "watch": document}


def _serve(project: Path, **given: Any) -> int:
    from seatrial.core.project import find_project
    from seatrial.steps.watch_service import serve_watch

    serve_watch(find_project(project), **given, on_start=lambda url: show.plain(f"The watch is at {url}"))
    return 0


def _alarm_row(alarm: "Alarm") -> tuple[str, ...]:
    known = alarm.acknowledged
    about = f"{known.by}: {known.reason}" if known else alarm.summary
    until = f" until {known.until:%Y-%m-%d}" if known and known.until else ""
    times = f", {alarm.times} times" if alarm.times > 1 else ""
    return (
        alarm.code,
        alarm.id,
        f"{alarm.state}{until}{times}",
        f"{alarm.raised:%Y-%m-%d %H:%M}",
        f"{alarm.seen:%Y-%m-%d %H:%M}",
        about,
    )
