"""`seatrial deploy`: a tried release into service; and `seatrial rollback`: back to one that was healthy."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, IndexOption, JsonOption, ProjectOption, project_on
from seatrial.core.errors import SeatrialError

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings
    from seatrial.deploy import DeploymentResult
    from seatrial.deploy.target_state import Current, TargetState
    from seatrial.release import IndexedRelease

TargetArgument = Annotated[str, typer.Argument(help="local, docker, railway, kubernetes, or one of your own.")]
ReasonOption = Annotated[
    str, typer.Option(help="The reason, for the history; default: what the last commit says.", show_default=False)
]
CommitOption = Annotated[bool, typer.Option("--no-commit", help="Leave pin and history uncommitted.")]
PushOption = Annotated[bool, typer.Option("--push", help="Push that commit, as a CI job does.")]


def deploy(
    target: TargetArgument,
    version: Annotated[
        str | None,
        typer.Argument(help="Which release, as 0.2.0; default: the newest on the index.", show_default=False),
    ] = None,
    reason: ReasonOption = "",
    no_commit: CommitOption = False,
    push: PushOption = False,
    stop: Annotated[bool, typer.Option("--stop", help="End the service instead: local, docker.")] = False,
    render: Annotated[bool, typer.Option("--render", help="Print what would be applied instead: kubernetes.")] = False,
    index: IndexOption = None,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """Bring a release into service that has passed its trial against the one that runs there now.

    Example: [bold]seatrial deploy local 0.2.0 --reason "new fares"[/]
    """
    from seatrial.deploy import Plan, TargetState, ensure_deployed, open_target, recover
    from seatrial.release import open_index

    found = project_on(project, index)
    opened, place = open_target(found, target), TargetState(found, target)
    if stop:
        _stop(opened, place)
        return
    if render:
        if not hasattr(opened, "render"):
            raise typer.BadParameter(f"{target} has nothing to render")
        pinned = place.current() if version is None else None
        print(opened.render(pinned or open_index(found.index).find(_requirement(found, version))))  # noqa: T201
        return
    with show.steps(quiet=json) as step, place.lock():
        from seatrial.steps.lockfile import fetch_pinned, pin_release, tried_pins

        releases = open_index(found.index)
        fetch = fetch_pinned(releases)
        recover(place, opened, fetch, step)
        opened.check()
        release = releases.find(_requirement(found, version))

        def plan(current: "Current | None") -> Plan:
            verdict = _passed(found, release, current)
            known = [*place.stored_lockfiles(release.sha256), *tried_pins(found.root, release.sha256)]
            pin, wheels, package = pin_release(releases, release, known, step)
            place.store(pin, wheels)
            return Plan("deploy", release.name, release.version, release.sha256, package, pin, reason, verdict)

        done = ensure_deployed(
            place,
            opened,
            release.sha256,
            plan,
            fetch=fetch,
            index=found.index.name,
            progress=step,
            git=not no_commit,
            push=push,
        )
    _report(place, done, json, push)


def rollback(
    target: TargetArgument,
    to: Annotated[
        str | None,
        typer.Option("--to", help="Which release; default: the healthy one before.", show_default=False),
    ] = None,
    reason: ReasonOption = "",
    no_commit: CommitOption = False,
    push: PushOption = False,
    index: IndexOption = None,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """Go back to the release that was healthy before, or to any that once was; also while the index is down.

    Example: [bold]seatrial rollback local --reason "wrong for children"[/]
    """
    from seatrial.deploy import Plan, TargetState, choose_earlier, ensure_deployed, lockfile_of, open_target, recover

    found = project_on(project, index)
    opened, place = open_target(found, target), TargetState(found, target)
    with show.steps(quiet=json) as step, place.lock():
        fetch = _fetch_when_needed(found)
        recover(place, opened, fetch, step)
        opened.check()
        entry = choose_earlier(place, to.rpartition("==")[2] if to else None)

        def plan(current: "Current | None") -> Plan:
            pin = lockfile_of(place, entry, fetch)
            why = reason or f"back from {current.version if current else 'nothing'}"
            return Plan("rollback", entry.release, entry.version, entry.sha256, entry.package, pin, why, entry.verdict)

        done = ensure_deployed(
            place,
            opened,
            entry.sha256,
            plan,
            fetch=fetch,
            index=found.index.name,
            progress=step,
            git=not no_commit,
            push=push,
        )
    _report(place, done, json, push)


def _passed(project: "ProjectSettings", release: "IndexedRelease", current: "Current | None") -> dict[str, Any]:
    """Hold a release to its trial against what runs now, or to any that it passed where nothing runs yet."""
    from seatrial.trial import gate

    today = datetime.now(UTC).date()
    if current is None:
        verdict = gate.require_any_passed(project.root, release.sha256, today=today)
    else:
        if gate.stored_verdict(project.root, release.sha256, current.sha256) is None:
            raise SeatrialError(
                f"No trial has been held of {release.requirement} against {current.version}, which runs there now.",
                hint=f"Run `seatrial trial {current.name}=={current.version} {release.requirement}`.",
            )
        verdict = gate.require_passed(project.root, release.sha256, current.sha256, today=today)
    against = verdict.baseline.version if verdict.baseline else None
    return {"outcome": str(verdict.outcome), "cause": verdict.cause, "against": against}


def _requirement(project: "ProjectSettings", version: str | None) -> str:
    if version is None:
        return project.name
    name, _, number = version.rpartition("==")
    return f"{name or project.name}=={number}"


def _fetch_when_needed(project: "ProjectSettings") -> Any:
    """Open the index only if a wheel is not kept here: a rollback works without it."""

    def fetch(pin: Any) -> list[Path]:
        from seatrial.release import open_index
        from seatrial.steps.lockfile import fetch_pinned

        return fetch_pinned(open_index(project.index))(pin)

    return fetch


def _stop(target: Any, place: "TargetState") -> None:
    if not hasattr(target, "stop"):
        raise typer.BadParameter(f"{place.target} is stopped where it runs, not from here")
    with place.lock():
        was = target.stop()
    show.say(f"{place.target} is stopped." if was else f"{place.target} does not run.")


def _report(place: "TargetState", done: "DeploymentResult", json: bool, push: bool) -> None:
    """Say what came of it. With --push, a pin that did not get there is a failure: the next clone would not know."""
    from dataclasses import asdict

    if json and done.entry:
        show.result({**asdict(done.entry), "address": done.address, "complaint": done.warning})
    elif json:
        show.result({"release": done.name, "version": done.version, "already": True})
    else:
        at = f", {done.address}" if done.address else "" if done.entry else " already."
        show.out.print(f"{done.name} {done.version} serves on {place.target}{at}")
        if done.warning and not push:
            show.say(done.warning)
    if done.warning and push:
        raise SeatrialError(done.warning, hint="It serves. Push it by hand: `git push`.")
