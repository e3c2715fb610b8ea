"""The files that a project keeps for its targets in deploy/: rendered once, and then the project's to edit."""

from pathlib import Path

from seatrial.core.files import write_atomic
from seatrial.core.project import ProjectSettings
from seatrial.deploy.docker import Docker
from seatrial.deploy.railway import Railway


def deployment_files(project: ProjectSettings) -> dict[Path, str]:
    """The files of deploy/docker/ and deploy/railway/, by path, as rendered from the project's current settings."""
    targets = [target(project, project.deploy.get(target.name, {})) for target in (Docker, Railway)]
    folder = project.root / "deploy"
    return {folder / target.name / name: text for target in targets for name, text in target.files().items()}


def write_deployment_files(project: ProjectSettings) -> list[Path]:
    """Write those that do not exist yet; files that somebody may have edited are not overwritten."""
    missing = {path: text for path, text in deployment_files(project).items() if not path.exists()}
    for path, text in missing.items():
        write_atomic(path, text)
    return list(missing)
