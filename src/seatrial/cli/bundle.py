"""`seatrial bundle` and `seatrial job`: a release on the workers of Spark or Ray, and a job that predicts with it."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from seatrial.cli import show
from seatrial.cli.options import (
    HERE,
    IndexOption,
    JsonOption,
    ProjectOption,
    argument,
    option,
    project_if_any,
    release_and_index,
)

OutputOption = Annotated[Path, option("The folder to write into; default: bundle.", "--output", "-o")]


def bundle(
    release: Annotated[
        str | None,
        argument("A wheel, or a release on the index, as titanic-model==0.1.0; default: the project's newest."),
    ] = None,
    output: OutputOption = Path("bundle"),
    versions: Annotated[
        Literal["exact", "compatible"],
        typer.Option(
            help="Library versions of the workers: those that the release was trained with, or any that it allows."
        ),
    ] = "exact",
    index: IndexOption = None,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """Pack a release for the workers of Spark or Ray: site.zip to ship with a job, requirements.txt for their image.

    Example: [bold]seatrial bundle titanic-model==0.1.0 -o bundle[/]
    """
    from seatrial.core.index_settings import choose_index
    from seatrial.steps.bundle import bundle as make_bundle

    if release and release.endswith(".whl"):
        settings = project_if_any(project)
        own = settings.index if settings else None
        chosen = choose_index(settings.indexes if settings else (), index) if index else own
        name = release
    else:
        name, chosen = release_and_index(release, index, project)
    with show.progress(quiet=json) as progress:
        made = make_bundle(name, output, index=chosen, versions=versions, progress=progress)
    if json:
        show.print_json(asdict(made))
        return
    show.plain(f"{show.short_path(made.archive)}  {show.file_size(made.size)}: {', '.join(made.wheels)}")
    show.plain(f"{show.short_path(made.requirements)}: for the cluster's image, with pip install --require-hashes")
    wanted = [f"{library}{' or '.join(found)}" for library, found in made.versions.items()]
    show.info(f"The workers check that they have {', '.join(wanted)}.")


def job(
    engine: Annotated[Literal["spark", "ray"], argument("The engine: spark or ray.")],
    release: Annotated[str | None, argument("The release's name, as titanic-model; default: the project's.")] = None,
    output: Annotated[
        Path | None, option("The file to write; default: spark_job.py or ray_job.py.", "--output", "-o")
    ] = None,
    project: ProjectOption = HERE,
) -> None:
    """Write a job file for spark-submit or ray job submit, which predicts a folder of Parquet files; it is yours then.

    Example: [bold]seatrial job spark[/]
    """
    from packaging.utils import canonicalize_name

    from seatrial.core.project import find_project
    from seatrial.steps.job import write_job

    package = canonicalize_name(release).replace("-", "_") if release else find_project(project).package
    path = write_job(engine, package, output)
    show.plain(f"{show.short_path(path)} predicts with {package}; its first lines say how to submit it.")
    show.next_step("seatrial bundle")
