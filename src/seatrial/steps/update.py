"""Update a project's template, and add a CI service or a deployment target to a project that was created without it."""

import os
from dataclasses import dataclass
from pathlib import Path

from seatrial.ci.file_sync import Difference
from seatrial.core.choices import MONITOR, PROVIDERS
from seatrial.core.errors import SeatrialError
from seatrial.core.progress import Progress, silent
from seatrial.core.project import ProjectSettings, find_project
from seatrial.steps.project_files import monitoring, project_files, write_missing
from seatrial.template.merge import Merge, write
from seatrial.template.render import TEMPLATE
from seatrial.template.repository import check_clean
from seatrial.template.template_update import Update, change_answers, read_answers
from seatrial.template.template_update import update as merge_template


def update(project: ProjectSettings, template: Path | None = None, progress: Progress = silent) -> Update:
    """Merge the newest template, or the one in the folder `template`, and write the result.

    Conflicts are marked in the files, as git does. Raises SeatrialError where the project has uncommitted changes.
    """
    read_answers(project.root)
    check_clean(project.root)
    progress("rendering the old template and the new one")
    merged = merge_template(project.root, template=template or TEMPLATE)
    if merged.merge.files or merged.merge.kept:
        write(project.root, merged.merge.files)
    return merged


@dataclass(frozen=True)
class Addition:
    """What was added: merged files of the template, files written, and files that exist with other content."""

    merge: Merge
    written: tuple[Path, ...] = ()
    kept: tuple[Difference, ...] = ()


def add(project: ProjectSettings, name: str, progress: Progress = silent) -> Addition:
    """Add a CI service or a deployment target: its files, its settings, and its section in the README.

    `grafana` adds the files of monitoring/ alone. Where pyproject.toml has conflicts, nothing more is written:
    once they are resolved, the same call writes the rest.
    """
    if name == MONITOR:
        written, kept = write_missing(monitoring(project))
        return Addition(Merge(), tuple(written), tuple(kept))
    answers = read_answers(project.root)
    is_ci = name in PROVIDERS
    if is_ci:
        _refuse_second_ci(project, str(answers.get("ci", "none")), name)
    targets = [*answers.get("deploy", ["local"])]
    progress(f"adding {name}")
    merge = change_answers(project.root, {"ci": name} if is_ci else {"deploy": [*dict.fromkeys([*targets, name])]})
    write(project.root, merge.files)
    if "pyproject.toml" in merge.conflicts:
        return Addition(merge)
    files = project_files(find_project(project.root), name if is_ci else "none", () if is_ci else (name,))
    written, kept = write_missing(files)
    return Addition(merge, tuple(written), tuple(kept))


def _refuse_second_ci(project: ProjectSettings, present: str, wanted: str) -> None:
    """Raise SeatrialError where the file of another CI service exists."""
    if present in ("none", wanted):
        return
    files = [path for path in project_files(project, present, ()) if path.exists()]
    if files:
        raise SeatrialError(
            f"The project uses {present} already, and two CI services would release twice.",
            hint=f"Remove {os.path.relpath(files[0], project.root)}, then add {wanted}.",
        )
