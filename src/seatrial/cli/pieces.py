"""The files of chosen CI services and deployment targets, as their own stages write them."""

from collections.abc import Sequence
from pathlib import Path

from seatrial.core.project import Project


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
