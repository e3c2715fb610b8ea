"""`seatrial deploy` and `rollback` put a release into service; `deployments` lists who did so, when and why."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, DirtyOption, IndexOption, JsonOption, ProjectOption, argument, option
from seatrial.core.errors import SeatrialError
from seatrial.core.project import files_git_ignores
from seatrial.steps.project import Project

if TYPE_CHECKING:
    from seatrial.deploy import DeploymentResult, Entry
    from seatrial.steps.deploy import TargetDeployments

TargetArgument = Annotated[str, typer.Argument(help="local, docker, railway, kubernetes, or a target of your own.")]
ReasonOption = Annotated[str, option("The reason, for the history; default: the last commit's subject.")]
CommitOption = Annotated[bool, typer.Option("--no-commit", help="Leave the lockfile and the history uncommitted.")]
PushOption = Annotated[bool, typer.Option("--push", help="Push that commit, as a CI job does.")]


def deploy(
    target: TargetArgument,
    version: Annotated[
        str | None, argument("The release, for example 0.2.0; default: the newest on the index.")
    ] = None,
    reason: ReasonOption = "",
    no_commit: CommitOption = False,
    push: PushOption = False,
    allow_dirty: DirtyOption = False,
    canary: Annotated[
        int | None,
        option("Run it beside the release that serves, for about this share of requests, in % (local, docker)."),
    ] = None,
    promote: Annotated[
        bool, typer.Option("--promote", help="Deploy the release that runs as a canary (local, docker).")
    ] = False,
    take_back: Annotated[bool, typer.Option("--take-back", help="End the canary (local, docker).")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the service instead (local, docker).")] = False,
    render: Annotated[
        bool, typer.Option("--render", help="Print the manifests instead of applying them (kubernetes).")
    ] = False,
    render_admission: Annotated[
        Path | None,
        option("Print the webhook that admits signed releases only; FILE is its authority's certificate (kubernetes)."),
    ] = None,
    pin_base: Annotated[
        bool,
        typer.Option("--pin-base", help="Pin the base image to the digest that its tag has now, and deploy nothing."),
    ] = False,
    index: IndexOption = None,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """Put a release into service, if it has passed its trial against the one that runs there now.

    Example: [bold]seatrial deploy local 0.2.0 --reason "new fares"[/]
    """
    used = Project(project, index=index, progress=not json)
    asked = [canary is not None, promote, take_back, stop, render, render_admission is not None, pin_base]
    if sum(asked) > 1:
        raise typer.BadParameter("--canary, --promote, --take-back, --stop, --render and others exclude each other")
    if canary is not None:
        done = used.canary(target, version, share=canary, reason=reason, git=not no_commit, push=push)
        _report(target, done, json, push, how="runs as a canary")
    elif promote:
        done = used.promote(target, version, reason=reason, git=not no_commit, push=push)
        _report(target, done, json, push)
    elif take_back:
        _report_end(target, used.take_back(target, version, git=not no_commit, push=push), json)
    elif stop:
        show.info(f"{target} is stopped." if used.stop(target) else f"{target} is not running.")
    elif render_admission:
        from seatrial.steps.deploy import render_admission as render_webhook

        typer.echo(render_webhook(used.settings, render_admission))
    elif pin_base:
        from seatrial.steps.deploy import pin_base as pin_base_image

        before, after = pin_base_image(used.settings, target)
        show.plain(f"The base image of {target} is {after}" + (", as before." if before == after else "."))
    elif render:
        from seatrial.steps.deploy import render as render_manifests

        typer.echo(render_manifests(used.settings, target, version))
    else:
        commit = not no_commit
        done = used.deploy(target, version, reason=reason, git=commit, push=push, allow_dirty=allow_dirty)
        show.ignored(files_git_ignores(used.settings))
        _report(target, done, json, push)


def rollback(
    target: TargetArgument,
    to: Annotated[str | None, option("Which release; default: the previous healthy one.")] = None,
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
    used = Project(project, index=index, progress=not json)
    done = used.rollback(target, to, reason=reason, git=not no_commit, push=push)
    _report(target, done, json, push)


def _report_end(target: str, done: "DeploymentResult | None", json: bool) -> None:
    if json:
        show.print_json({"taken_back": done.version if done else None})
    else:
        show.plain(f"The canary of {done.version} on {target} is taken back." if done else f"{target} has no canary.")


def _report(target: str, done: "DeploymentResult", json: bool, push: bool, *, how: str = "serves") -> None:
    """Print the result. With --push, an unpushed lockfile is an error: the next clone would not know of it."""
    if json and done.entry:
        show.print_json({**asdict(done.entry), "address": done.url, "complaint": done.warning})
    elif json:
        show.print_json({"release": done.name, "version": done.version, "already": True})
    else:
        suffix = f", {done.url}" if done.url else "" if done.entry else " already."
        show.plain(f"{done.name} {done.version} {how} on {target}{suffix}")
        if done.warning and not push:
            show.info(done.warning)
    if done.warning and push:
        raise SeatrialError(done.warning, hint="The release is serving. Push the commit by hand: `git push`.")


def deployments(
    target: Annotated[str | None, argument("Only this target; default: all that were deployed to.")] = None,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """List the deployments: when, who, which release, why, the verdict of its trial; and what is serving now.

    Example: [bold]seatrial deployments local[/]
    """
    listed = Project(project).deployments(target)
    if json:
        show.print_json([asdict(deployed) for deployed in listed])
        return
    if not any(deployed.deployments for deployed in listed):
        show.info("Nothing was deployed yet. Run `seatrial deploy local`.")
    for deployed in listed:
        if deployed.deployments:
            _show(deployed)


def _show(deployed: "TargetDeployments") -> None:
    show.table(
        deployed.target,
        ("when (UTC)", "who", "what", "release", "outcome", "trial", "why"),
        [_row(entry, current=entry.id == deployed.deployment) for entry in deployed.deployments],
    )
    name, pinned, serving = deployed.target, deployed.pinned, deployed.serving
    if deployed.agree:
        show.plain(f"{name} serves {serving}.")
    elif serving is None:
        show.plain(f"{name} should serve {pinned}, but does not respond. Run `seatrial deploy {name} {pinned}`.")
    else:
        show.plain(f"{name} serves {serving}, but its lockfile names {pinned}. Run `seatrial deploy {name} {pinned}`.")


def _row(entry: "Entry", *, current: bool) -> tuple[str, ...]:
    return (
        entry.when[:16].replace("T", " "),
        entry.who,
        entry.kind,
        entry.version + (" ←" if current else ""),
        entry.outcome,
        _trial(entry.verdict),
        entry.why if entry.outcome != "failed" else entry.said.splitlines()[0],
    )


def _trial(verdict: dict[str, Any] | None) -> str:
    if not verdict:
        return ""
    against = f" against {verdict['against']}" if verdict["against"] else ", first"
    remarks = f". {verdict['remarks']}" if verdict.get("remarks") else ""  # what was relaxed, accepted or not run
    return f"{verdict['outcome']}{against}{remarks}"
