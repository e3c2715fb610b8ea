"""`seatrial deploy` puts a release into service; `seatrial rollback` returns to an earlier one that was healthy."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, IndexOption, JsonOption, ProjectOption, project_on
from seatrial.core.errors import SeatrialError

if TYPE_CHECKING:
    from seatrial.deploy import DeploymentResult

TargetArgument = Annotated[str, typer.Argument(help="local, docker, railway, kubernetes, or a target of your own.")]
ReasonOption = Annotated[
    str, typer.Option(help="The reason, for the history; default: the last commit's subject.", show_default=False)
]
CommitOption = Annotated[bool, typer.Option("--no-commit", help="Leave the lockfile and the history uncommitted.")]
PushOption = Annotated[bool, typer.Option("--push", help="Push that commit, as a CI job does.")]


def deploy(
    target: TargetArgument,
    version: Annotated[
        str | None,
        typer.Argument(help="The release, for example 0.2.0; default: the newest on the index.", show_default=False),
    ] = None,
    reason: ReasonOption = "",
    no_commit: CommitOption = False,
    push: PushOption = False,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the service instead (local, docker).")] = False,
    render: Annotated[
        bool, typer.Option("--render", help="Print the manifests instead of applying them (kubernetes).")
    ] = False,
    index: IndexOption = None,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """Put a release into service, if it has passed its trial against the one that runs there now.

    Example: [bold]seatrial deploy local 0.2.0 --reason "new fares"[/]
    """
    from seatrial.steps import deploy as steps

    settings = project_on(project, index)
    if stop:
        stopped = steps.stop(settings, target)
        show.info(f"{target} is stopped." if stopped else f"{target} is not running.")
    elif render:
        typer.echo(steps.render(settings, target, version))
    else:
        with show.progress(quiet=json) as progress:
            done = steps.deploy(
                settings, target, version, reason=reason, git=not no_commit, push=push, progress=progress
            )
        _report(target, done, json, push)


def rollback(
    target: TargetArgument,
    to: Annotated[
        str | None,
        typer.Option("--to", help="Which release; default: the previous healthy one.", show_default=False),
    ] = None,
    reason: ReasonOption = "",
    no_commit: CommitOption = False,
    push: PushOption = False,
    index: IndexOption = None,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """Go back to the previous healthy release, or to any that was healthy once; it works while the index is down.

    Example: [bold]seatrial rollback local --reason "wrong for children"[/]
    """
    from seatrial.steps import deploy as steps

    settings = project_on(project, index)
    with show.progress(quiet=json) as progress:
        done = steps.rollback(settings, target, to, reason=reason, git=not no_commit, push=push, progress=progress)
    _report(target, done, json, push)


def _report(target: str, done: "DeploymentResult", json: bool, push: bool) -> None:
    """Print the result. With --push, an unpushed lockfile is an error: the next clone would not know of it."""
    if json and done.entry:
        show.print_json({**asdict(done.entry), "address": done.url, "complaint": done.warning})
    elif json:
        show.print_json({"release": done.name, "version": done.version, "already": True})
    else:
        suffix = f", {done.url}" if done.url else "" if done.entry else " already."
        show.plain(f"{done.name} {done.version} serves on {target}{suffix}")
        if done.warning and not push:
            show.info(done.warning)
    if done.warning and push:
        raise SeatrialError(done.warning, hint="The release is serving. Push the commit by hand: `git push`.")
