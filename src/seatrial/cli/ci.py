"""`seatrial ci`: pipeline files for a project, a lockfile for their tools, and the verdict as a comment."""

from enum import StrEnum
from typing import Annotated

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, JsonOption, ProjectOption

ci = typer.Typer(
    help="Pipeline files for the project: train, test, build, trial; and on the main branch, publish and deploy."
    "\n\nA repository with several projects has one file for all of them, which runs what changed."
    "\n\nExample: [bold]seatrial ci circleci[/]",
    rich_markup_mode="rich",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
CheckOption = Annotated[bool, typer.Option("--check", help="Write nothing; exit code 1 if the file is not up to date.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Overwrite a file that exists with other content.")]


class Host(StrEnum):
    """The services that take comments."""

    github = "github"
    gitlab = "gitlab"


@ci.command()
def circleci(check: CheckOption = False, force: ForceOption = False, project: ProjectOption = HERE) -> None:
    """Write .circleci/config.yml.

    Example: [bold]seatrial ci circleci --check[/]
    """
    _write("circleci", check, force, project)


@ci.command()
def github(check: CheckOption = False, force: ForceOption = False, project: ProjectOption = HERE) -> None:
    """Write .github/workflows/seatrial.yml.

    Example: [bold]seatrial ci github[/]
    """
    _write("github", check, force, project)


@ci.command()
def gitlab(check: CheckOption = False, force: ForceOption = False, project: ProjectOption = HERE) -> None:
    """Write .gitlab-ci.yml.

    Example: [bold]seatrial ci gitlab[/]
    """
    _write("gitlab", check, force, project)


@ci.command()
def lock(
    index_url: Annotated[
        str | None, typer.Option(envvar="SEATRIAL_LOCK_INDEX", help="An index that has the toolkit, if PyPI does not.")
    ] = None,
    project: ProjectOption = HERE,
) -> None:
    """Lock the tools of the pipeline, with hashes, in requirements/ci.txt; write the pipeline again afterwards.

    Example: [bold]seatrial ci lock && seatrial ci circleci --force[/]
    """
    from seatrial.ci.tool_pins import lock as pin
    from seatrial.core.project import find_project

    with show.steps() as step:
        step("resolving the tools")
        path = pin(find_project(project), index_url)
    show.out.print(show.place(path))


@ci.command()
def report(
    host: Annotated[Host, typer.Argument(help="The service that runs this job.")], project: ProjectOption = HERE
) -> None:
    """Show the last trial's verdict on the job's page, and in one comment on the pull or merge request.

    Example: [bold]seatrial ci report github[/]
    """
    from seatrial.ci.report import latest_markdown
    from seatrial.ci.report import report as put
    from seatrial.core.project import find_project

    settings = find_project(project)
    markdown = latest_markdown(settings.root)
    done = put(host.value, settings.name, markdown)
    if done.summary:
        show.say("The verdict is on the run's page.")
    elif not done.comment:
        show.out.print(markdown, markup=False)  # so that it is at least in the job's log
    show.say(f"The verdict is in {done.comment}" if done.comment else f"No comment: {done.why_not}.")


@ci.command()
def changed(
    halt: Annotated[
        bool, typer.Option("--halt", help="End the job here as a success if nothing changed (CircleCI).")
    ] = False,
    json: JsonOption = False,
    project: ProjectOption = HERE,
) -> None:
    """Report whether this push changes the project; at the root of a repository, which projects. In doubt: yes.

    Example: [bold]seatrial ci changed[/]
    """
    from seatrial.ci.changes import changes, end_job, write_outputs
    from seatrial.ci.repository import repository_at
    from seatrial.core.project import find_project, in_project

    repository = repository_at(project)
    own = {find_project(project).name} if in_project(project) else {p.name for p in repository.projects}
    result = changes(repository)
    changed_projects = {name: is_changed for name, is_changed in result.changed.items() if name in own}
    if json:
        show.result({"base": result.base, "why": result.why, "changed": changed_projects})
    else:
        for name, is_changed in changed_projects.items():
            show.out.print(f"{name}: {'changed' if is_changed else 'not changed'}, {result.why}", markup=False)
    write_outputs(repository, result)
    if halt and not any(changed_projects.values()):
        end_job()


def _write(provider: str, check: bool, force: bool, project: ProjectOption) -> None:
    from seatrial.ci import render
    from seatrial.ci.file_sync import differences, write
    from seatrial.ci.repository import repository_at

    repository = repository_at(project)
    files = render(repository, provider)
    if repository.several:
        show.say(f"For {len(repository.projects)} projects in one repository: {repository.names}.")
    differing = differences(files)
    for each in differing:
        if each.diff and not force:
            show.out.print(each.diff, markup=False)
    if check:
        for each in differing:
            show.say(f"{show.place(each.path)} {'is missing' if each.missing else 'is not up to date'}.")
        raise typer.Exit(1 if differing else 0)
    written = write(files, force=force)
    for path in files:
        show.out.print(f"{show.place(path)} {'written' if path in written else 'is up to date'}")
