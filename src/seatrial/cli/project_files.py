"""The files of chosen CI services and deployment targets, as their own stages write them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.cli import show
from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings

if TYPE_CHECKING:
    from seatrial.ci.file_sync import Difference


def piece_files(project: ProjectSettings, ci: str, targets: Sequence[str]) -> dict[Path, str]:
    """The files of the chosen pieces, by absolute path. A CI service's file lies at the top of the repository."""
    files: dict[Path, str] = {}
    if set(targets) - {"local"}:
        from seatrial.deploy.files import deployment_files

        for path, text in deployment_files(project).items():
            if path.relative_to(project.root / "deploy").parts[0] in targets:
                files[path] = text
    if ci != "none":
        from seatrial.ci import render

        files |= render(project, ci)
    return files


def bring_pipeline(project: ProjectSettings, ci: str) -> None:
    """Write the chosen service's file at the top of the repository if it is missing; else say how to renew it."""
    from seatrial.ci import SERVICES, render
    from seatrial.ci.file_sync import differences
    from seatrial.ci.repository import repository_with

    try:
        repository = repository_with(project)
        if ci != "none":
            write_missing(render(repository, ci))
        for name in SERVICES:
            for each in differences(render(repository, name)):
                if each.missing:
                    continue
                ours = "# Written by `seatrial ci " in each.path.read_text(encoding="utf-8")[:200]
                if ours:
                    show.say(
                        f"{show.place(each.path)} does not have the project yet: `seatrial ci {name} --force` there "
                        f"writes it anew, for {repository.names}."
                    )
                elif name == ci:
                    show.say(
                        f"{show.place(each.path)} is there with other content, and was left as it is; "
                        f"`seatrial ci {name}` in the project shows the difference."
                    )
    except SeatrialError as error:  # of another project: this one is made nonetheless
        show.error(error.message, error.hint)


def write_missing(files: Mapping[Path, str]) -> tuple[list[Path], "list[Difference]"]:
    """Write the files that are not there. Gives their paths, and those that are there with other content and stay."""
    from seatrial.ci.file_sync import differences
    from seatrial.core.files import write_atomic

    found = differences(files)
    written = [each.path for each in found if each.missing]
    for path in written:
        write_atomic(path, files[path])
    return written, [each for each in found if not each.missing]
