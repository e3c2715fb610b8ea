"""The files of chosen CI services and deployment targets, as their own stages write them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.core.project import Project

if TYPE_CHECKING:
    from seatrial.ci.writing import Difference


def piece_files(project: Project, ci: str, targets: Sequence[str]) -> dict[Path, str]:
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


def write_missing(files: Mapping[Path, str]) -> tuple[list[Path], "list[Difference]"]:
    """Write the files that are not there. Gives their paths, and those that are there with other content and stay."""
    from seatrial.ci.writing import differences
    from seatrial.core.files import write_whole

    found = differences(files)
    written = [each.path for each in found if each.missing]
    for path in written:
        write_whole(path, files[path])
    return written, [each for each in found if not each.missing]
