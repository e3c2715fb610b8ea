"""Pipeline files from templates: for CircleCI, GitHub Actions and GitLab CI."""

import re
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.ci.repository import Repository, repository_at, repository_with
from seatrial.ci.services import SERVICES
from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings
from seatrial.pages.jinja import jinja_environment

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent / "templates"
MARK = "# Written by `seatrial ci "


def render(project: ProjectSettings | Repository, provider: str) -> dict[Path, str]:
    """Render the pipeline file of a project's repository for one of SERVICES, by its absolute path.

    If the repository has several projects, the one file is for all of them. A service whose schedules belong to files
    has another one for each project that is watched.
    """
    repository = project if isinstance(project, Repository) else repository_with(project)
    service = SERVICES[provider]
    text = _environment().get_template(service.template).render(r=repository, service=service, provider=provider)
    files = {repository.top / service.path: _tidy(text)}
    if service.watch_template:  # a file for each project, since its schedule must not start the other jobs
        template = _environment().get_template(service.watch_template)
        for pipeline in repository.projects:
            if pipeline.watch:
                name = service.path.replace(".yml", f"-{pipeline.job('watch')}.yml")
                files[repository.top / name] = _tidy(template.render(p=pipeline))
    return files


def left_over(repository: Repository, provider: str, files: Collection[Path]) -> list[Path]:
    """Pipelines of watches that `seatrial ci` wrote, and that are not among the `files` of today: they go on to run."""
    service = SERVICES[provider]
    if not service.watch_template:
        return []
    main = repository.top / service.path
    found = sorted(main.parent.glob(f"{main.stem}-*watch{main.suffix}"))
    return [path for path in found if path not in files and path.read_bytes().startswith(MARK.encode())]


def _tidy(text: str) -> str:
    text = re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+\n", "\n", text))
    return text.strip("\n") + "\n"


def is_as_rendered(path: Path, text: str, provider: str, root: Path) -> bool:
    """Whether a file is what `seatrial ci` writes today for the repository that `root` is in."""
    if not text.startswith(MARK):
        return False
    try:
        return render(repository_at(root), provider).get(path.resolve()) == text
    except SeatrialError:
        return False


@cache
def _environment() -> "Environment":
    """The templates. Their marks are <[ ]> and <% %>, since all three services use curly brackets."""
    environment = jinja_environment(
        HERE,
        variable_start_string="<[",
        variable_end_string="]>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
    )
    environment.filters["job_of"] = lambda name, pipeline: pipeline.job(name)
    environment.filters["lines"] = lambda text: text.strip("\n")  # of a macro, for use within a line
    return environment
