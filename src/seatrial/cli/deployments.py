"""`seatrial deployments`: who deployed which release where, when and why, and what is serving now."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, JsonOption, ProjectOption

if TYPE_CHECKING:
    from seatrial.deploy import Entry
    from seatrial.steps.deploy import TargetDeployments


def deployments(
    target: Annotated[
        str | None, typer.Argument(help="Only this target; default: all that were deployed to.", show_default=False)
    ] = None,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """List the deployments: when, who, which release, why, the verdict of its trial; and what is serving now.

    Example: [bold]seatrial deployments local[/]
    """
    from seatrial.core.project import find_project
    from seatrial.steps.deploy import list_deployments

    listed = list_deployments(find_project(project), target)
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
    return f"{verdict['outcome']}{against}"
