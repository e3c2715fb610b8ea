"""Update: a newer template into a project, with everything that people changed in it."""

from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.core.progress import Progress, silent

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings
    from seatrial.template.template_update import Update


def update(project: "ProjectSettings", template: Path | None = None, progress: Progress = silent) -> "Update":
    """Merge the newest template, or the one in the folder `template`, and write the result.

    Conflicts are marked in the files, as git does. Raises SeatrialError where the project has uncommitted changes.
    """
    from seatrial.template.merge import write
    from seatrial.template.render import TEMPLATE
    from seatrial.template.repository import check_clean
    from seatrial.template.template_update import read_answers
    from seatrial.template.template_update import update as merge_template

    read_answers(project.root)
    check_clean(project.root)
    progress("rendering the old template and the new one")
    merged = merge_template(project.root, template=template or TEMPLATE)
    if merged.merge.files or merged.merge.kept:
        write(project.root, merged.merge.files)
    return merged
