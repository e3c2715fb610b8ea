"""`seatrial prove`: mutation testing for the project's own trial."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, JsonOption, ProjectOption

if TYPE_CHECKING:
    from seatrial.trial.prove.gate_proof import GateProof


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
    from seatrial.core.project import find_project
    from seatrial.steps.prove import prove as prove_trial

    with show.progress(quiet=json) as progress:
        progress("loading")
        result = prove_trial(find_project(project), quick=quick, progress=progress)
    if json:
        show.print_json(result.proof.to_document())
    else:
        _show(result.proof, result.page)
    raise typer.Exit(result.proof.exit_code)


def _show(proof: "GateProof", page: Path) -> None:
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
