"""Tune: search the pipeline's parameters on the training rows, and write the best into pipeline.py."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seatrial.core.errors import SeatrialError, UsageError
from seatrial.core.locks import alone
from seatrial.core.progress import Progress, silent

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings
    from seatrial.train.search.study import SearchResult

TRIALS, MINUTES, FOLDS = 50, 10.0, 5


@dataclass(frozen=True)
class ChangedParameter:
    """A parameter with the value that pipeline.py has, and the best one found."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True)
class TunedPipeline:
    """The search, the parameters that it changes, whether pipeline.py has them now, and why not; and the report."""

    search: "SearchResult"
    changes: tuple[ChangedParameter, ...]
    written: bool
    reason: str
    file: Path
    report: Path


@alone
def tune(
    project: "ProjectSettings",
    *,
    trials: int = TRIALS,
    minutes: float = MINUTES,
    folds: int = FOLDS,
    write: bool = True,
    drop_bad_rows: bool = False,
    progress: Progress = silent,
) -> TunedPipeline:
    """Search the pipeline's parameters by cross-validation on the training rows, and write the best into pipeline.py.

    It ends after so many new `trials` or `minutes`; a later call continues. With `write=False` pipeline.py stays.
    """
    if trials < 0 or minutes < 0 or folds < 2:
        raise UsageError("A search needs at least 0 trials, 0 minutes and 2 folds.")
    from seatrial.steps.project_table import fetch_project_table

    _require_optuna()
    fetch_project_table(project, progress)
    progress("loading scikit-learn and Optuna")
    from seatrial.compile import reference_scorer
    from seatrial.core.files import require_writable, write_atomic
    from seatrial.steps.overview import STUDIES, link, overview_path, write_overview
    from seatrial.train.recipe import read_recipe
    from seatrial.train.run import decision_rule
    from seatrial.train.search.parameter_code import pipeline_file
    from seatrial.train.search.search_report import render_search
    from seatrial.train.search.study import SearchLimits, search

    file = pipeline_file(project)
    source = _text(file)
    recipe = read_recipe(project, drop_bad_rows=drop_bad_rows, reference=reference_scorer, progress=progress)
    require_writable(project.runs)
    folder = project.runs / STUDIES
    found = search(
        recipe, decision_rule(recipe), SearchLimits(trials, minutes), folds=folds, folder=folder, progress=progress
    )
    progress("writing the report")
    report = found.folder / "report.html"
    pages = [("All runs, trials and releases", link(report, overview_path(project)))]
    write_atomic(report, render_search(found, project.requirement, pages), like=project.data)
    write_overview(project)
    changes = _changes(found)
    reason = _written(project, file, source, found) if changes and write and not found.interrupted else ""
    written = bool(changes) and write and not found.interrupted and not reason
    return TunedPipeline(found, changes, written, reason, file, report)


def _changes(found: "SearchResult") -> tuple[ChangedParameter, ...]:
    from seatrial.train.search.parameter_code import same

    if found.best is None or not found.better:
        return ()
    before = found.current.values
    pairs = ((name, before.get(name), value) for name, value in found.best.values.items())
    return tuple(ChangedParameter(name, old, new) for name, old, new in pairs if not same(old, new))


def _written(project: "ProjectSettings", file: Path, source: str, found: "SearchResult") -> str:
    """Write the best values into pipeline.py; returns why that was not possible, if so."""
    from seatrial.core.files import write_atomic
    from seatrial.core.project import importable
    from seatrial.train import pipeline_code
    from seatrial.train.search.parameter_code import changed_code

    assert found.best is not None
    if _text(file) != source:
        return "it was changed during the search"
    with importable(project):
        pipeline = pipeline_code.build_pipeline(project)
    code = changed_code(project, source, pipeline, found.best.values)
    if code.text is None:
        return code.reason
    write_atomic(file, code.text)
    return ""


def _text(file: Path) -> str:
    """The text of a file with its line ends as they are; empty if there is none."""
    return file.read_bytes().decode("utf-8") if file.is_file() else ""


def _require_optuna() -> None:
    from importlib.util import find_spec

    if find_spec("optuna") is None:
        raise SeatrialError("`seatrial tune` needs Optuna.", hint='Install it: pip install "seatrial[tune]".')
