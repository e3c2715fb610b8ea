"""`seatrial trial`: the candidate against the release that it would replace; `trial accept`; and `seatrial prove`."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seatrial.cli import show
from seatrial.cli.options import (
    DEFAULT_COMMAND,
    HERE,
    IndexOption,
    JsonOption,
    KindOption,
    ProjectOption,
    RunsByDefault,
    project_if_any,
)
from seatrial.steps.project import Project

if TYPE_CHECKING:
    from seatrial.steps.trial import TrialResult
    from seatrial.trial.prove.gate_proof import GateProof

trial = typer.Typer(
    cls=RunsByDefault,
    help="Compare a candidate with the release that it would replace, each in its own environment, and give a verdict."
    "\n\nExample: [bold]seatrial trial[/]",
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@trial.command(DEFAULT_COMMAND)
def run(
    old: Annotated[
        str | None, typer.Argument(help="The baseline: a wheel, or name==version; default: the one that is served.")
    ] = None,
    new: Annotated[
        str | None, typer.Argument(help="The candidate: a wheel, or name==version; default: the wheel just built.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(help="More rows to compare on: an export or its URL, as for `refresh`; if possible with labels."),
    ] = None,
    traffic: Annotated[
        str, typer.Option(help="Also compare what production was asked, by its log: 7d, or FROM..UNTIL in UTC.")
    ] = "",
    output: Annotated[
        Path | None, typer.Option(help="The folder for the results; default: in .seatrial/trials/.")
    ] = None,
    same_wheel: Annotated[bool, typer.Option("--same-wheel", help="Compare a wheel with itself.")] = False,
    kind: KindOption = None,
    index: IndexOption = None,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """Compare a candidate with the release that it would replace, each in its own environment, and give a verdict.

    Exit code 0 passed, 1 blocked, 2 usage, 3 undecided, 4 not compared. `seatrial trial accept` accepts differences.

    Example: [bold]seatrial trial titanic-model==0.1.0 dist/titanic_model-0.2.0-py3-none-any.whl[/]
    """
    from seatrial.core.index_settings import choose_index
    from seatrial.steps import trial as steps
    from seatrial.steps.trial_setup import find_pair

    if (old is None) != (new is None):
        raise typer.BadParameter("give both OLD and NEW, or neither")
    with show.progress(quiet=json) as progress:
        progress("loading")
        if old and new:
            settings = project_if_any(project)
            chosen = choose_index(settings.indexes if settings else (), index) if index else None
            result = steps.compare_releases(
                old,
                new,
                project=settings,
                index=chosen or (settings.index if settings else None),
                data=data,
                traffic=traffic,
                output=output,
                same_wheel=same_wheel,
                kind=kind,
                progress=progress,
            )
        else:
            pair = find_pair(Project(project, index=index).settings)
            if not (same_wheel or data or traffic or output or kind) and (note := steps.unchanged(pair)):
                if json:
                    show.print_json({"outcome": None, "why": note})
                else:
                    show.info(note)
                return
            result = steps.run_trial(
                pair,
                data=data,
                traffic=traffic,
                output=output,
                same_wheel=same_wheel,
                kind=kind,
                progress=progress,
            )
    if json:
        show.print_json(result.verdict.to_document())
    else:
        _show(result)
    raise typer.Exit(result.verdict.exit_code)


@trial.command()
def accept(
    reason: Annotated[str, typer.Option(help="Why the difference is right.")],
    check: Annotated[list[str] | None, typer.Option(help="Only this check; default: all that wait.")] = None,
    until: Annotated[
        datetime | None, typer.Option(help="The last day; default: in 30 days.", formats=["%Y-%m-%d"])
    ] = None,
    index: IndexOption = None,
    project: ProjectOption = HERE,
) -> None:
    """Record that you accept the differences of the last trial, why, and until when; in accepted.json, for git.

    Example: [bold]seatrial trial accept --reason "new tariff since May, checked with sales" --until 2027-01-31[/]
    """
    from seatrial.steps.trial_decisions import accept as accept_differences
    from seatrial.trial.gate import ACCEPTED

    accepted, result = accept_differences(
        Project(project, index=index).settings, reason=reason, checks=check or [], until=until.date() if until else None
    )
    show.info(f"{', '.join(accepted.checks)} accepted by {accepted.by} until {accepted.until}. Commit {ACCEPTED}.")
    show.info(result.cause)
    show.next_step(result.next_step)


@trial.command()
def sign(
    key: Annotated[Path | None, typer.Option(help="A private key, as PEM; default: SEATRIAL_SIGNING_KEY.")] = None,
    index: IndexOption = None,
    project: ProjectOption = HERE,
) -> None:
    """Sign the passed trial of the built release, so that publish and deploy accept it where they require a signature.

    Example: [bold]seatrial trial sign --key team.pem[/]
    """
    from seatrial.steps.trial_decisions import sign_trial

    statement = sign_trial(Project(project, index=index).settings, key)
    how = "passed its trial, with accepted differences" if statement.accepted else "passed its trial"
    show.info(f"Signed: {statement.wheel} {how}.")


def _show(result: "TrialResult") -> None:
    from rich.markup import escape

    from seatrial.trial.report.formats import terminal_rows
    from seatrial.trial.report.remedies import what_to_do

    verdict = result.verdict
    colour = {0: "green", 1: "red"}.get(verdict.exit_code, "yellow")
    show.out.print(f"\n[bold {colour}]{escape(verdict.cause)}[/]\n")
    show.table("", ("check", "outcome", "result"), terminal_rows(verdict))
    if result.folder:
        show.plain(f"\nResult: {show.short_path(result.folder / 'trial.html')}")
    if steps := what_to_do(verdict):
        show.plain("\nWhat to do:\n" + "\n".join(f"• {step}" for step in steps))
    elif result.folder:
        show.next_step(result.next_step)


def prove(
    project: ProjectOption = HERE,
    quick: Annotated[
        bool, typer.Option("--quick", help="Inject serving faults only; nothing is trained again.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Inject faults into copies of the built release, and show which of them its trial catches.

    Exit code 0 if it catches every fault that changes anything and blocks nothing harmless, 1 otherwise.

    Example: [bold]seatrial prove[/]
    """
    result = Project(project, progress=not json).prove(quick=quick)
    if json:
        show.print_json(result.proof.to_document())
    else:
        _show_proof(result.proof, result.page)
    raise typer.Exit(result.proof.exit_code)


def _show_proof(proof: "GateProof", page: Path) -> None:
    from rich.markup import escape

    from seatrial.trial.prove.proof_page import weak_spots
    from seatrial.trial.report.words import clean

    colour = "red" if proof.exit_code else "green"
    show.out.print(f"\n[bold {colour}]{escape(proof.headline)}.[/]\n")
    rows = [
        (name, str(caught), str(missed), str(same))
        if name != "harmless"
        else ("harmless changes", f"{caught} passed", f"{missed} blocked", "")
        for name, caught, missed, same in proof.counts()
    ]
    show.table("", ("", "caught", "missed", "no effect"), rows, right=(1, 2, 3))
    for spot in weak_spots(proof):
        show.out.print(f"\n[red]•[/] {escape(clean(spot.summary))}")
        for remedy in spot.advice:
            show.out.print(f"  {escape(clean(remedy))}")
    for name, reason in proof.skipped.items():
        show.out.print(f"[dim]Not tried: {escape(name)}. {escape(reason)}[/]")
    show.out.print(f"\nResult: {show.short_path(page)}  [dim]{proof.seconds:.0f} s[/]")
