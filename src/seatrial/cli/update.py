"""`seatrial update`: a newer template, taken into a project with all that people changed in it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, ProjectOption

if TYPE_CHECKING:
    from seatrial.template.merge import Merge

LOOK = "`git add -A . && git diff --cached`"  # `git diff` alone shows no file that is new


def update(
    template: Annotated[
        Path | None, typer.Option("--template", help="A template's folder, to try a new one.", show_default=False)
    ] = None,
    project: ProjectOption = HERE,
) -> None:
    """Take in a newer template and keep your changes. Exit code 1 if both changed the same lines; they are marked.

    Example: [bold]seatrial update[/]
    """
    from seatrial.core.project import find_project
    from seatrial.template.merge import write
    from seatrial.template.render import TEMPLATE
    from seatrial.template.repository import check_clean
    from seatrial.template.template_update import read_answers
    from seatrial.template.template_update import update as work_out

    root = find_project(project).root
    read_answers(root)
    check_clean(root)
    with show.steps() as step:
        step("rendering the template as it was and as it is")
        found = work_out(root, template=template or TEMPLATE)
    same = found.before == found.now
    if same and template is not None:
        show.say(f"If {show.place(template)} was changed since: raise `template` in its copier.yml, now {found.now}.")
    if not found.merge.files and not found.merge.kept:
        show.say(f"The project has template {found.now} already.")
        return
    write(root, found.merge)
    show.say(
        f"Template {found.now}, with what schema.py says now:"
        if same
        else f"From template {found.before} to {found.now}:"
    )
    tell(found.merge)
    if found.merge.conflicts:
        raise typer.Exit(1)
    show.say(f"Look at it with {LOOK}; `git restore --staged --worktree .` takes it back.")


def tell(merge: "Merge") -> None:
    """Say what a merge did to each file."""
    for path, content in merge.files.items():
        state = "conflict" if path in merge.conflicts else "removed" if content is None else "written"
        show.out.print(f"  {state:<9} {path}", markup=False)
    for path, why in merge.kept.items():
        show.out.print(f"  left      {path}: {why}", markup=False)
    if merge.conflicts:
        count = len(merge.conflicts)
        show.error(
            f"{count} file{'s' if count > 1 else ''} changed in the same lines by you and by the template: "
            f"{', '.join(merge.conflicts)}.",
            "Both are there, between <<<<<<< and >>>>>>>: keep what is right, and remove the marks.",
        )
