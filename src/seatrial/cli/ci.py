"""`seatrial ci`: pipeline files that fit the project, locked tools, the verdict as a comment; and `doctor`."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, JsonOption, ProjectOption

ci = typer.Typer(
    help="Pipeline files that fit the project: train, test, build, trial; and on the main branch publish and deploy."
    "\n\nA repository with several projects has one file for all of them, which runs what a push changes."
    "\n\nExample: [bold]seatrial ci circleci[/]",
    rich_markup_mode="rich",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
CheckOption = Annotated[bool, typer.Option("--check", help="Write nothing; exit code 1 if it is not up to date.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Overwrite a file that has other content.")]


Host = Literal["github", "gitlab"]  # where a comment can be posted: the entries of SERVICES with `comments`


def _writer(provider: str, file: str, options: str) -> None:
    """Add the command that writes the pipeline file of one service."""

    @ci.command(provider, help=f"Write {file}.\n\nExample: [bold]seatrial ci {provider}{options}[/]")
    def write(check: CheckOption = False, force: ForceOption = False, project: ProjectOption = HERE) -> None:
        _write(provider, check, force, project)


_writer("circleci", ".circleci/config.yml", " --check")
_writer("github", ".github/workflows/seatrial.yml", "")
_writer("gitlab", ".gitlab-ci.yml", "")


@ci.command()
def lock(
    index_url: Annotated[
        str | None, typer.Option(help="An index that has the toolkit, if PyPI does not.", envvar="SEATRIAL_LOCK_INDEX")
    ] = None,
    project: ProjectOption = HERE,
) -> None:
    """Lock the tools of the pipeline, with hashes, in requirements/ci.txt; write the pipeline again afterwards.

    Example: [bold]seatrial ci lock && seatrial ci circleci --force[/]
    """
    from seatrial.ci.tool_lockfile import lock as lock_tools
    from seatrial.core.project import find_project

    with show.progress() as progress:
        progress("resolving the tools")
        path = lock_tools(find_project(project), index_url)
    show.plain(show.short_path(path))


@ci.command()
def report(
    host: Annotated[Host, typer.Argument(help="The service that this job runs on.")], project: ProjectOption = HERE
) -> None:
    """Show the last trial's verdict on the job's page, and in one comment on the pull or merge request.

    Example: [bold]seatrial ci report github[/]
    """
    from seatrial.ci.report import latest_markdown
    from seatrial.ci.report import report as post
    from seatrial.core.project import find_project

    settings = find_project(project)
    markdown = latest_markdown(settings.root)
    posted = post(host, settings.name, markdown)
    if posted.summary:
        show.info("The verdict is on the run's page.")
    elif not posted.comment:
        show.plain(markdown)  # so that the job's log has it at least
    show.info(f"The verdict is in {posted.comment}" if posted.comment else f"No comment: {posted.why_not}.")


@ci.command()
def changed(
    halt: Annotated[
        bool, typer.Option("--halt", help="End the job here, successfully, if nothing changed (CircleCI).")
    ] = False,
    json: JsonOption = False,
    project: ProjectOption = HERE,
) -> None:
    """Report whether this push changes the project; at the top of a repository, each project. In doubt: yes.

    Example: [bold]seatrial ci changed[/]
    """
    from seatrial.ci.changes import changes, end_job, write_outputs
    from seatrial.ci.repository import repository_at
    from seatrial.core.project import find_project, in_project

    repository = repository_at(project)
    names = {find_project(project).name} if in_project(project) else {p.name for p in repository.projects}
    result = changes(repository)
    listed = {name: is_changed for name, is_changed in result.changed.items() if name in names}
    if json:
        show.print_json({"base": result.base, "why": result.why, "changed": listed})
    else:
        for name, is_changed in listed.items():
            show.plain(f"{name}: {'changed' if is_changed else 'not changed'}, {result.why}")
    write_outputs(repository, result)
    if halt and not any(listed.values()):
        end_job()


def _write(provider: str, check: bool, force: bool, project: ProjectOption) -> None:
    from seatrial.ci import render
    from seatrial.ci.file_sync import differences, write
    from seatrial.ci.pipeline_files import left_over
    from seatrial.ci.repository import repository_at

    repository = repository_at(project)
    files = render(repository, provider)
    if repository.several:
        show.info(f"For {len(repository.projects)} projects of one repository: {repository.names}.")
    different = differences(files)
    old = left_over(repository, provider, files)
    for path in old:
        show.info(f"{show.short_path(path)} is of a watch that is no longer in the settings: delete it.")
    for difference in different:
        if difference.diff and not force:
            show.plain(difference.diff)
    if check:
        for difference in different:
            state = "is missing" if difference.missing else "is not up to date"
            show.info(f"{show.short_path(difference.path)} {state}.")
        raise typer.Exit(1 if different or old else 0)
    written = write(files, force=force)
    for path in files:
        show.plain(f"{show.short_path(path)} {'written' if path in written else 'is up to date'}")


def doctor(
    folder: Annotated[Path, typer.Argument(help="The folder to check; default: the current one.")] = HERE,
    json: JsonOption = False,
) -> None:
    """Check for what lets bad releases through: in pipelines, images, lockfiles, settings. Exit code 1 if it finds any.

    Example: [bold]seatrial doctor[/]
    """
    from seatrial.ci.doctor import examine
    from seatrial.core.errors import SeatrialError
    from seatrial.core.git import repository_root
    from seatrial.core.project import in_project

    if not folder.is_dir():
        raise SeatrialError(f"{folder} is not a folder.", hint="Name the folder of a project.")
    # The name of a file may hold bytes that are not text.
    reported = [replace(each, path=each.path.encode(errors="backslashreplace").decode()) for each in examine(folder)]
    findings = [finding for finding in reported if finding.is_fault]
    if not reported and not in_project(folder) and repository_root(folder) is None:
        raise SeatrialError(
            f"{folder.resolve()} is neither in a project nor in a git repository: there is nothing to check.",
            hint="Change to a project's folder, or name one: `seatrial doctor FOLDER`.",
        )
    for finding in reported:
        if not finding.is_fault:
            show.info(f"{finding.path}:{finding.line}: {finding.message}")
    if json:
        show.print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            show.plain(f"{finding.path}:{finding.line}: {finding.message}")
            show.out.print(f"    {finding.hint}  [{finding.check}]", markup=False, style="dim")
        count = f"{len(findings)} finding{'s' if len(findings) > 1 else ''}"
        show.info(count if findings else "Nothing found.")
    raise typer.Exit(1 if findings else 0)
