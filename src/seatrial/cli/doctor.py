"""`seatrial doctor`: what in a project would let a bad release through."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, JsonOption


def doctor(
    folder: Annotated[Path, typer.Argument(help="The folder to examine; default: the current one.")] = HERE,
    json: JsonOption = False,
) -> None:
    """Find what would let a bad release through, in pipelines, images, lockfiles and settings; exit code 1 if anything is found.

    Example: [bold]seatrial doctor[/]
    """
    from seatrial.ci.doctor import examine
    from seatrial.core.errors import SeatrialError

    if not folder.is_dir():
        raise SeatrialError(f"{folder} is not a folder.", hint="Name the folder of a project.")
    # A file name may contain bytes that are not text.
    reported = [replace(each, path=each.path.encode(errors="backslashreplace").decode()) for each in examine(folder)]
    findings = [finding for finding in reported if finding.is_fault]
    for finding in reported if not json else []:
        if not finding.is_fault:
            show.say(f"{finding.path}:{finding.line}: {finding.message}")
    if json:
        show.result([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            show.out.print(f"{finding.path}:{finding.line}: {finding.message}", markup=False)
            show.out.print(f"    {finding.hint}  [{finding.check}]", markup=False, style="dim")
        count = f"{len(findings)} finding{'s' if len(findings) > 1 else ''}"
        show.say(count if findings else "Nothing found.")
    raise typer.Exit(1 if findings else 0)
