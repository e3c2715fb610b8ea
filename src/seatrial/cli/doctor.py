"""`seatrial doctor`: what in a project lets bad releases through."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, JsonOption


def doctor(
    folder: Annotated[Path, typer.Argument(help="The folder to check; default: the current one.")] = HERE,
    json: JsonOption = False,
) -> None:
    """Check for what lets bad releases through: in pipelines, images, lockfiles, settings. Exit code 1 if it finds any.

    Example: [bold]seatrial doctor[/]
    """
    from seatrial.ci.doctor import examine
    from seatrial.core.errors import SeatrialError

    if not folder.is_dir():
        raise SeatrialError(f"{folder} is not a folder.", hint="Name the folder of a project.")
    # The name of a file may hold bytes that are not text.
    reported = [replace(each, path=each.path.encode(errors="backslashreplace").decode()) for each in examine(folder)]
    findings = [finding for finding in reported if finding.is_fault]
    for finding in reported:
        if not finding.is_fault:
            show.info(f"{finding.path}:{finding.line}: {finding.message}")
    if json:
        show.print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            show.plain(f"{finding.path}:{finding.line}: {finding.message}")
            show.out.print(f"    {finding.hint}  [{finding.check}]", markup=False, style="dim")
        count = f"{len(findings)} finding{'s' if len(findings) > 1 else ''}"
        show.info(count if findings else "Nothing found.")
    raise typer.Exit(1 if findings else 0)
