"""The files of a project's CI service and deployment targets, as the stages that own them render them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seatrial.ci import SERVICES, render
from seatrial.ci.file_sync import Difference, differences
from seatrial.ci.repository import repository_with
from seatrial.core.errors import SeatrialError
from seatrial.core.files import write_atomic
from seatrial.core.project import ProjectSettings
from seatrial.deploy.docker import Docker
from seatrial.deploy.monitoring import monitoring_files
from seatrial.deploy.railway import Railway


@dataclass(frozen=True)
class StalePipeline:
    """A pipeline file at the top of the repository that does not include the project; `ours` if Seatrial wrote it."""

    path: Path
    service: str
    ours: bool
    projects: str  # the names of all projects that the file should have


@dataclass(frozen=True)
class PipelineUpdate:
    """What is left to do about pipeline files; `error` where another project of the repository cannot be read."""

    stale: tuple[StalePipeline, ...] = ()
    error: SeatrialError | None = None


def project_files(project: ProjectSettings, ci: str, targets: Sequence[str]) -> dict[Path, str]:
    """Render the files of a CI service and of deployment targets, by absolute path.

    The file of a CI service is at the top of the repository.
    """
    files: dict[Path, str] = {}
    if set(targets) - {"local"}:
        for path, text in deployment_files(project).items():
            if path.relative_to(project.root / "deploy").parts[0] in targets:
                files[path] = text
    if ci != "none":
        files |= render(project, ci)
    return files


def deployment_files(project: ProjectSettings) -> dict[Path, str]:
    """The files of deploy/docker/ and deploy/railway/, by path, as rendered from the project's current settings."""
    targets = [target(project, project.deploy.get(target.name, {})) for target in (Docker, Railway)]
    folder = project.root / "deploy"
    return {folder / target.name / name: text for target in targets for name, text in target.files().items()}


def monitoring(project: ProjectSettings) -> dict[Path, str]:
    """The files of monitoring/, by path."""
    return {project.root / "monitoring" / name: text for name, text in monitoring_files(project.name).items()}


def update_pipeline(project: ProjectSettings, ci: str) -> PipelineUpdate:
    """Write the pipeline file of `ci` at the top of the repository if it is missing, and find those out of date."""
    stale = []
    try:
        repository = repository_with(project)
        if ci != "none":
            write_missing(render(repository, ci))
        for service in SERVICES:
            for difference in differences(render(repository, service)):
                if difference.missing:
                    continue
                ours = "# Written by `seatrial ci " in difference.path.read_text(encoding="utf-8")[:200]
                if ours or service == ci:
                    stale.append(StalePipeline(difference.path, service, ours, repository.names))
    except SeatrialError as error:  # in another project: this one is created nonetheless
        return PipelineUpdate(tuple(stale), error)
    return PipelineUpdate(tuple(stale))


def write_missing(files: Mapping[Path, str]) -> tuple[list[Path], list[Difference]]:
    """Write the files that do not exist; returns their paths, and the files that exist with other content."""
    different = differences(files)
    written = [difference.path for difference in different if difference.missing]
    for path in written:
        write_atomic(path, files[path])
    return written, [difference for difference in different if not difference.missing]
