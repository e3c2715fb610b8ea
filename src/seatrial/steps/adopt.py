"""Adopt: an existing repository becomes a project; what is missing is added."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seatrial.ci.file_sync import Difference
from seatrial.core.errors import SeatrialError
from seatrial.core.progress import Progress, silent
from seatrial.core.project import find_project
from seatrial.steps.project_files import project_files, write_missing
from seatrial.template.adoption import Adoption, adopt
from seatrial.template.codegen.estimators import find_builders, fitted_models, from_fitted, imported
from seatrial.template.creation import Options
from seatrial.template.merge import write
from seatrial.template.project_name import ProjectName
from seatrial.template.records import Examination


@dataclass(frozen=True)
class PipelineCode:
    """The text of pipeline.py, "" where the repository has one or the template writes it.

    `function` is what it imports, if one was found; `fitted` are files that may be fitted models.
    """

    text: str
    function: str = ""
    fitted: tuple[Path, ...] = ()


def find_pipeline(root: Path, names: ProjectName) -> PipelineCode | None:
    """Find the function that makes the pipeline; None where pipeline.py exists already.

    Raises SeatrialError where there are several.
    """
    functions = find_builders(root, names.package)
    if f"{names.package}.pipeline:build" in functions:
        return None
    if len(functions) > 1:
        raise SeatrialError(
            f"Several functions seem to build a pipeline: {', '.join(functions)}.",
            hint=f"Choose one: --pipeline {functions[0]}",
        )
    if functions:
        return PipelineCode(imported(functions[0], root, names.package), functions[0])
    return PipelineCode("", fitted=tuple(fitted_models(root)))


def pipeline_from(
    root: Path,
    names: ProjectName,
    *,
    function: str = "",
    fitted: Path | None = None,
    trust: Sequence[str] = (),
    load_pickle: bool = False,
    progress: Progress = silent,
) -> str:
    """Write pipeline.py from a function, as package.module:function, or from a fitted model."""
    if function and fitted:
        raise SeatrialError("--pipeline and --fitted exclude each other.", hint="Use one of the two.")
    if fitted:
        progress(f"reading {fitted.name}")
        return from_fitted(fitted, load_pickle=load_pickle, trust=tuple(trust))
    return imported(function, root, names.package)


def plan_adoption(
    root: Path,
    names: ProjectName,
    examination: Examination,
    *,
    pipeline: str,
    ci: str,
    targets: tuple[str, ...],
    progress: Progress = silent,
) -> Adoption:
    """Work out what a repository lacks, without changing anything."""
    progress("looking for what is missing")
    options = Options(names, ci=ci, deploy=targets, table=_table_in(root, examination))
    return adopt(root, examination, options, pipeline=pipeline)


def write_adoption(root: Path, adoption: Adoption, ci: str, targets: tuple[str, ...]) -> list[Difference]:
    """Write what was planned; returns files of the CI service and the targets that exist with other content."""
    write(root, {**adoption.added, **adoption.changed})
    return write_missing(project_files(find_project(root), ci, targets))[1]


def _table_in(root: Path, examination: Examination) -> str:
    """The path of the table in the repository, if a project can read the very file; "" to write a clean copy."""
    source = examination.source
    if source.path is None or not source.clean or examination.changes:
        return ""
    path = source.path.resolve()
    return path.relative_to(root.resolve()).as_posix() if path.is_relative_to(root.resolve()) else ""
