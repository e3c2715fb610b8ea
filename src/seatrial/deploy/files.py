"""The files that a project keeps for its targets in deploy/, beside the pins: rendered once, then the project's own."""

from pathlib import Path

from seatrial.core.files import write_atomic
from seatrial.core.project import ProjectSettings
from seatrial.deploy.docker import Docker
from seatrial.deploy.railway import Railway


def deployment_files(project: ProjectSettings) -> dict[Path, str]:
    """What deploy/docker/ and deploy/railway/ hold, by path, as the project's settings have it now."""
    targets = [kind(project, project.deploy.get(kind.name, {})) for kind in (Docker, Railway)]
    folder = project.root / "deploy"
    return {folder / target.name / name: text for target in targets for name, text in target.files().items()}


def write_deployment_files(project: ProjectSettings) -> list[Path]:
    """Write those that are not there yet; nothing that somebody may have changed is overwritten."""
    missing = {path: text for path, text in deployment_files(project).items() if not path.exists()}
    for path, text in missing.items():
        write_atomic(path, text)
    return list(missing)
