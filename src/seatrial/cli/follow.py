"""`seatrial follow`: a candidate answers what production was asked, as the log grows."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from seatrial.cli import show
from seatrial.cli.exit_codes import errors_exit
from seatrial.cli.options import HERE, IndexOption, JsonOption, ProjectOption, option
from seatrial.steps.project import Project

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings
    from seatrial.steps.follow import Followed

NOT_COMPARED = 4  # as for `seatrial trial`; 1 is "take back"


def follow(
    version: Annotated[
        str | None,
        typer.Argument(help="The candidate, a release on the index: 0.3.0; default: the canary on that target."),
    ] = None,
    on: Annotated[str, typer.Option(help="The target whose release it is compared with.")] = "local",
    since: Annotated[
        str, option("Where a new comparison begins: 7d, or a time in UTC; default: the whole log of that release.")
    ] = "",
    canary: Annotated[
        bool, typer.Option("--canary", help="Promote the canary on that target, or take it back, once that is proven.")
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="Look at the log once, and end.")] = False,
    index: IndexOption = None,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """Have a candidate answer what production was asked, as the log grows, until its answers prove good or bad.

    Exit code 0 it may be promoted, 1 it should not be, 3 nothing is proven yet, 4 an error. Production does not notice;
    what was counted is remembered, so it may be ended at any time.

    Example: [bold]seatrial follow 0.3.0 --on local[/]
    """
    with errors_exit(NOT_COMPARED):
        found, ended = _follow(Project(project, index=index).settings, version, on, since, canary, once, quiet=json)
    if json:
        show.print_json({**asdict(found), "exit_code": found.exit_code})
    else:
        _show(found, canary=canary)
        if ended:
            show.plain(f"{ended}.")
    raise typer.Exit(found.exit_code)


def _follow(
    settings: "ProjectSettings", version: str | None, on: str, since: str, canary: bool, once: bool, *, quiet: bool
) -> "tuple[Followed, str]":
    """Follow a release; returns what was found, and what was done with a canary."""
    from seatrial.steps.canary import canary_version, settle_canary
    from seatrial.steps.follow import follow as follow_release

    followed = canary_version(settings, on, version) if version is None or canary else version

    def told(found: "Followed") -> None:
        progress(_line(found))
        if canary:  # it may have been taken back, and another one begun
            canary_version(settings, on, found.candidate)

    with show.progress(quiet=quiet) as progress:
        found = follow_release(settings, followed, on=on, since=since, once=once, told=told, progress=progress)
        return found, settle_canary(settings, on, found, progress) if canary else ""


def _line(found: "Followed") -> str:
    more = found.decision.more_rows
    ahead = f", about {more:,} more would decide" if more is not None else ""
    return f"{found.rows:,} rows compared, {found.labelled:,} with a label: {found.decision.state}{ahead}"


def _show(found: "Followed", *, canary: bool = False) -> None:
    from rich.markup import escape

    colour = {0: "green", 1: "red"}.get(found.exit_code, "yellow")
    show.out.print(f"[bold {colour}]{escape(found.decision.state.capitalize())}[/]: {escape(found.decision.why)}")
    show.plain(
        f"{found.candidate} was asked {found.rows:,} distinct rows of {found.logged:,} that {found.baseline} answered; "
        f"{found.labelled:,} have a label."
    )
    for note in found.notes:
        show.info(note)
    if found.exit_code == 0 and not canary:
        show.next_step(f"seatrial deploy TARGET {found.candidate}")
