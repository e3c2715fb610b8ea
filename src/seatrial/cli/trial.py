"""`seatrial trial`: the candidate against the release it would replace; and `seatrial trial accept`."""

import getpass
import subprocess
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from seatrial.cli import show
from seatrial.cli.options import HERE, IndexOption, JsonOption, ProjectOption, project_if_any, project_on
from seatrial.core.errors import SeatrialError

if TYPE_CHECKING:
    from seatrial.release import IndexedRelease
    from seatrial.steps.trial import Held, Pair
    from seatrial.trial.records import Verdict

Progress = Callable[[str], None]


class _HoldsByDefault(TyperGroup):
    """`seatrial trial OLD NEW` is `seatrial trial hold OLD NEW`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default command in front of what names none."""
        if not args or (args[0] not in self.commands and args[0] not in ("-h", "--help")):
            args = ["hold", *args]
        return super().parse_args(ctx, args)


trial = typer.Typer(
    cls=_HoldsByDefault,
    help="Compare a candidate with the release it would replace, each in an environment of its own, and give a verdict."
    "\n\nExample: [bold]seatrial trial[/]",
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@trial.command()
def run(
    old: Annotated[
        str | None, typer.Argument(help="The baseline: a wheel, or name==version; default: the one that is served.")
    ] = None,
    new: Annotated[
        str | None, typer.Argument(help="The candidate: a wheel, or name==version; default: the wheel just built.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="More rows to compare on: CSV, with labels if there are any.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="The folder for the results; default: in .seatrial/trials/.")
    ] = None,
    same_wheel: Annotated[bool, typer.Option("--same-wheel", help="Compare a wheel with itself.")] = False,
    index: IndexOption = None,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """Hold the trial (the default command). Exit code 0 passed, 1 blocked, 2 usage, 3 undecided, 4 not compared.

    Example: [bold]seatrial trial titanic-model==0.1.0 dist/titanic_model-0.2.0-py3-none-any.whl[/]
    """
    if (old is None) != (new is None):
        raise typer.BadParameter("name both, OLD and NEW, or none")
    from seatrial.steps.trial import hold_pair, pair_of, write

    with show.steps(quiet=json) as step:
        step("loading")
        if old and new:
            folder, held = _two(old, new, data, index, project, same_wheel, step)
        else:
            pair = pair_of(project_on(project, index))
            if not (same_wheel or data or output) and (words := _nothing_to_try(pair)):
                _say(words, json)
                return
            folder, held = pair.folder, hold_pair(pair, data=data, same_wheel=same_wheel, progress=step)
        target, verdict = output or folder, held.verdict
        if target:
            write(target, held)
    if json:
        show.result(verdict.to_document())
    else:
        _show(verdict, target)
    raise typer.Exit(verdict.exit_code)


@trial.command()
def accept(
    reason: Annotated[str, typer.Option(help="Why the difference is right.")],
    check: Annotated[list[str] | None, typer.Option(help="Only this check; default: all that wait.")] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last day; default: in 30 days.")
    ] = None,
    index: IndexOption = None,
    project: ProjectOption = HERE,
) -> None:
    """Record that you accept the differences of the last trial, why, and until when; in accepted.json, for git.

    Example: [bold]seatrial trial accept --reason "new tariff since May, checked with sales" --until 2027-01-31[/]
    """
    from dataclasses import replace

    from seatrial.steps.environment import with_toolkit
    from seatrial.steps.trial import pair_of, policy_of, with_requirements, write
    from seatrial.trial import gate
    from seatrial.trial.verdict import judge

    found = project_on(project, index)
    pair = pair_of(found)
    verdict = gate.stored_verdict(found.root, pair.sha256, pair.baseline.sha256 if pair.baseline else None)
    if verdict is None:
        raise SeatrialError("No trial has been held of this wheel.", hint="Run `seatrial trial`.")
    today = datetime.now(UTC).date()
    last: date = until.date() if until else today + timedelta(days=30)
    given = gate.accept(
        found.root, verdict, checks=check or [], reason=reason, by=_person(found.root), today=today, until=last
    )
    marked = gate.with_acceptances(
        verdict.checks, [given], candidate=given.candidate, baseline=given.baseline or None, today=today
    )
    outcome, cause = judge(marked, policy_of(found))
    verdict = replace(verdict, checks=tuple(marked), outcome=outcome, cause=cause)
    write(pair.folder, with_requirements(verdict, pair.wheel, with_toolkit(pair.index), lambda _: None))
    show.say(f"{', '.join(given.checks)} accepted by {given.by} until {given.until}; commit {gate.ACCEPTED}.")
    show.say(cause)


def _nothing_to_try(pair: "Pair") -> str:
    """Say that the built wheel is the very release that it would replace, as when nothing but a pin was committed.

    It had its trial; what may have changed since is the date, and an acceptance must not run out for what serves.
    """
    from seatrial.steps.trial import policy_of
    from seatrial.trial import gate

    policy_of(pair.project)  # a wrong one is an error all the same
    if not pair.is_one:
        return ""
    assert pair.baseline is not None
    words = f"{pair.baseline.requirement} is published already, with exactly these bytes: there is nothing to try."
    gate.write_results(pair.folder, {"trial.md": f"{words}\n"})
    return words


def _two(
    old: str, new: str, data: Path | None, index: str | None, project: Path, same_wheel: bool, step: Progress
) -> "tuple[Path | None, Held]":
    """Compare any two wheels, files or releases on an index, also without a project.

    The result of two releases of a project is the project's own, for its gates.
    """
    from packaging.utils import canonicalize_name

    from seatrial.core.index_settings import choose_place
    from seatrial.release import open_index
    from seatrial.steps.environment import offer_toolkit
    from seatrial.steps.recipes import released_recipes
    from seatrial.steps.trial import Held, with_requirements
    from seatrial.trial import gate
    from seatrial.trial.policy import read_policy
    from seatrial.trial.run import run as hold_trial

    found = project_if_any(project)
    where = choose_place(found.indexes if found else (), index) if index else found.index if found else None
    policy = read_policy(found.trial if found else {}, "pyproject.toml")
    catalogue = open_index(where) if where else None
    source = offer_toolkit(catalogue, step) if catalogue else None

    def named(name: str) -> "tuple[Path, IndexedRelease | None]":
        if name.endswith(".whl"):
            return Path(name).absolute(), None
        if catalogue is None:
            raise SeatrialError(f"{name!r} is no wheel, and there is no index to find it on.", hint="Name an --index.")
        release = catalogue.find(name)
        return catalogue.fetch(release), release

    (baseline, old_release), (candidate, new_release) = named(old), named(new)
    with TemporaryDirectory(prefix="seatrial-recipes-") as unpacked:
        recipes = None
        if catalogue and old_release and new_release and old_release.sha256 != new_release.sha256:
            recipes = released_recipes(catalogue, new_release, old_release, Path(unpacked), step)
        verdict = hold_trial(
            candidate,
            baseline,
            policy=policy,
            index=source,
            recipes=recipes,
            data=data,
            acceptances=gate.read_acceptances(found.root) if found else (),
            same_wheel=same_wheel,
            progress=step,
        )
    if found is None or not old_release or not new_release or new_release.name != canonicalize_name(found.name):
        return None, Held(verdict)
    assert source is not None
    folder = gate.result_folder(found.root, new_release.sha256, old_release.sha256)
    return folder, with_requirements(verdict, candidate, source, step)  # `seatrial deploy` asks for both


def _say(words: str, json: bool) -> None:
    if json:
        show.result({"outcome": None, "why": words})
    else:
        show.say(words)


def _show(verdict: "Verdict", folder: Path | None) -> None:
    from rich.markup import escape

    from seatrial.trial.report.formats import terminal_rows

    colour = {0: "green", 1: "red"}.get(verdict.exit_code, "yellow")
    show.out.print(f"\n[bold {colour}]{escape(verdict.cause)}[/]\n")
    show.table("", ("suite", "check", "outcome", "found"), terminal_rows(verdict))
    if folder:
        show.out.print(f"\nResult: {show.place(folder / 'trial.html')}")


def _person(root: Path) -> str:
    """Who accepts: git's user, or the system's."""
    done = subprocess.run(["git", "-C", str(root), "config", "user.name"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or getpass.getuser()
