"""`seatrial deployments`: who deployed which release where, when and why, and what serves now."""

from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, JsonOption, ProjectOption
from seatrial.core.errors import SeatrialError

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings


def deployments(
    target: Annotated[
        str | None, typer.Argument(help="Only this target; default: all that were deployed to.", show_default=False)
    ] = None,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """List the deployments: when, who, which release, why, the verdict of its trial; and what serves now.

    Example: [bold]seatrial deployments local[/]
    """
    from seatrial.core.project import find_project
    from seatrial.deploy import open_target, target_names

    found = find_project(project)
    if target is not None:
        open_target(found, target)
    names = [target] if target else target_names(found)
    told = [_told(found, name) for name in names if target or (found.root / "deploy" / name / "history.jsonl").exists()]
    if json:
        show.result(told)
        return
    if not any(each["deployments"] for each in told):
        show.say("Nothing was deployed yet: `seatrial deploy local`.")
    for each in told:
        _show(each)


def _told(project: "ProjectSettings", name: str) -> dict[str, Any]:
    from seatrial.deploy import TargetState, open_target

    place = TargetState(project, name)
    current = place.current()
    serving = None
    with suppress(SeatrialError):  # a target that cannot be asked does not keep its history from being read
        serving = open_target(project, name).serving()
    return {
        "target": name,
        "pinned": current.version if current else None,
        "deployment": current.id if current else None,
        "serving": serving,
        "agree": serving == (current.version if current else None),
        "deployments": [asdict(entry) for entry in place.history()],
    }


def _show(told: dict[str, Any]) -> None:
    entries = told["deployments"]
    if not entries:
        return
    show.table(
        told["target"],
        ("when (UTC)", "who", "what", "release", "outcome", "trial", "why"),
        [
            (
                entry["when"][:16].replace("T", " "),
                entry["who"],
                entry["kind"],
                entry["version"] + (" ←" if entry["id"] == told["deployment"] else ""),
                entry["outcome"],
                _trial(entry["verdict"]),
                entry["why"] if entry["outcome"] != "failed" else entry["said"].splitlines()[0],
            )
            for entry in entries
        ],
    )
    name, pinned, serving = told["target"], told["pinned"], told["serving"]
    if told["agree"]:
        show.out.print(f"{name} serves {serving}.")
    elif serving is None:
        show.out.print(
            f"{name} is to serve {pinned}, and nothing answers. `seatrial deploy {name} {pinned}` starts it."
        )
    else:
        show.out.print(
            f"{name} serves {serving}, but its pin says {pinned}. `seatrial deploy {name} {pinned}` mends it."
        )


def _trial(verdict: dict[str, Any] | None) -> str:
    if not verdict:
        return ""
    return (
        f"{verdict['outcome']} against {verdict['against']}" if verdict["against"] else f"{verdict['outcome']}, first"
    )
