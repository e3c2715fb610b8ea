"""`seatrial update` merges a newer template; `seatrial add` adds a CI service, a deployment target, or monitoring."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, ProjectOption, argument, option
from seatrial.core.choices import Monitor, Provider, Remote

if TYPE_CHECKING:
    from seatrial.template.merge import Merge

REVIEW = "`git add -A . && git diff --cached`"  # `git diff` alone does not show new files


def update(
    template: Annotated[Path | None, option("A template's folder, to try a new one.")] = None,
    project: ProjectOption = HERE,
) -> None:
    """Merge a newer template and keep your changes. Exit code 1 if both changed the same lines, which are marked.

    Example: [bold]seatrial update[/]
    """
    from seatrial.core.project import find_project
    from seatrial.steps.update import update as update_project

    with show.progress() as progress:
        done = update_project(find_project(project), template, progress)
    same = done.before == done.now
    if same and template is not None:
        show.info(
            f"If you changed {show.short_path(template)}, raise `template` in its copier.yml; it is now {done.now}."
        )
    if not done.merge.files and not done.merge.kept:
        show.info(f"The project already has template {done.now}.")
        return
    show.info(
        f"Template {done.now}, with the current schema.py:" if same else f"From template {done.before} to {done.now}:"
    )
    show_merge(done.merge)
    if done.merge.conflicts:
        raise typer.Exit(1)
    show.info(f"Review it with {REVIEW}; `git restore --staged --worktree .` undoes it.")


def add(
    name: Annotated[Literal[Provider, Remote, Monitor], argument("What to add.")],
    project: ProjectOption = HERE,
) -> None:
    """Add a CI service or a deployment target: its files, its settings, and its section in the README.

    `grafana` adds alert rules for Prometheus and a dashboard for Grafana, in the folder monitoring/.

    Example: [bold]seatrial add kubernetes[/]
    """
    from seatrial.core.project import find_project
    from seatrial.steps.update import add as add_to_project

    with show.progress() as progress:
        added = add_to_project(find_project(project), name, progress)
    show_merge(added.merge)
    for path in added.written:
        show.plain(f"  {'written':<9} {show.short_path(path)}")
    for difference in added.kept:
        show.plain(difference.diff)
        show.info(f"  kept      {show.short_path(difference.path)}: it exists with other content")
    if not (added.merge.files or added.written or added.kept):
        show.info(f"The project already has {name}.")
    if added.merge.conflicts or added.kept:
        raise typer.Exit(1)


def show_merge(merge: "Merge") -> None:
    """Print what a merge did to each file."""
    for path, content in merge.files.items():
        state = "conflict" if path in merge.conflicts else "removed" if content is None else "written"
        show.plain(f"  {state:<9} {path}")
    for path, why in merge.kept.items():
        show.plain(f"  kept      {path}: {why}")
    if merge.conflicts:
        count = len(merge.conflicts)
        show.error(
            f"You and the template changed the same lines in {count} file{'s' if count > 1 else ''}: "
            f"{', '.join(merge.conflicts)}.",
            "Both versions are there, between <<<<<<< and >>>>>>>. Keep what is right, and remove the markers.",
        )
