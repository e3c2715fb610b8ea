"""Runs: the past trainings of a project listed, two of them compared, and all of them exported to MLflow."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seatrial.core.errors import SeatrialError, UsageError
from seatrial.core.progress import Progress, silent

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings
    from seatrial.train.history.mlflow_export import ExportedRun
    from seatrial.train.history.run_comparison import RunComparison
    from seatrial.train.history.run_records import RunRecord


@dataclass(frozen=True, repr=False)
class ListedRuns:
    """The runs, the newest first, and for each the parameters in which they differ."""

    runs: tuple["RunRecord", ...]
    differing: tuple[dict[str, str], ...]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Metrics and differing parameters as rows of a table: `pandas.DataFrame(project.runs().rows)`."""
        return [
            {
                "run": run.id,
                "when": run.when,
                "version": run.version,
                **{name: metric["value"] for name, metric in run.metadata.metrics.items()},
                **differing,
            }
            for run, differing in zip(self.runs, self.differing, strict=True)
        ]

    def __repr__(self) -> str:
        return f"<{len(self.runs)} runs>"


@dataclass(frozen=True)
class ComparedRuns:
    """The comparison of two runs, and where its page is."""

    comparison: "RunComparison"
    page: Path


def list_runs(project: "ProjectSettings") -> ListedRuns:
    """List the runs in the project's runs folder, the newest first."""
    from seatrial.train.history.run_records import differing, read_runs

    runs = read_runs(project.runs)
    return ListedRuns(tuple(runs), tuple(differing(runs)))


def compare_runs(
    project: "ProjectSettings", old: str = "", new: str = "", *, progress: Progress = silent
) -> ComparedRuns:
    """Compare two runs on the rows that both held out, and write the page; by default the two newest.

    `old` and `new` are ids, or the beginnings of ids.
    """
    progress("loading")
    from seatrial.core.files import write_atomic
    from seatrial.steps.overview import COMPARISONS, link, overview_path, write_overview
    from seatrial.train.history.run_comparison import compare_runs as compare
    from seatrial.train.history.run_page import render_runs
    from seatrial.train.history.run_records import find_run, read_runs

    runs = read_runs(project.runs)
    if not (old and new) and len(runs) < 2:
        raise SeatrialError("There are no two runs to compare.", hint="Change the model, and run `seatrial train`.")
    after = find_run(runs, new) if new else runs[0]
    before = find_run(runs, old) if old else next(run for run in runs if run is not after)
    if before.id == after.id:
        raise UsageError(f"Both are the run {after.id}.", hint="Name two runs: `seatrial runs` lists them.")
    progress("comparing")
    made = compare(before, after)
    page = project.root / COMPARISONS / f"{before.id}..{after.id}.html"
    known = [("All runs, trials and releases", overview_path(project))]
    known += [(f"Report of {run.id}", run.folder / "report.html") for run in (before, after)]
    pages = [(title, link(page, path)) for title, path in known if path.is_file()]
    write_atomic(page, render_runs(made, pages), like=project.data)
    write_overview(project)
    return ComparedRuns(made, page)


def export_runs(
    project: "ProjectSettings",
    mlflow: str,
    names: Sequence[str] = (),
    *,
    experiment: str = "",
    report: bool | None = None,
    progress: Progress = silent,
) -> list["ExportedRun"]:
    """Send runs (ids; default: all) to the MLflow tracking server at the URI `mlflow`, each once.

    `experiment` is by default the project's name. The report is an artifact unless the project's releases must not
    carry real rows (`reference` in [tool.seatrial.release]), since it shows some; `report` decides otherwise.
    """
    from importlib.util import find_spec

    from seatrial.core.results import results
    from seatrial.train.history.mlflow_export import export_runs as export
    from seatrial.train.history.run_records import find_run, read_runs

    if find_spec("mlflow") is None:
        raise SeatrialError("The export needs MLflow's client.", hint='Install it: pip install "seatrial[mlflow]".')
    runs = read_runs(project.runs)
    chosen = [find_run(runs, name) for name in names] if names else runs[::-1]
    if not chosen:
        raise SeatrialError("There is no run yet.", hint="Run `seatrial train` first.")
    shown = project.reference == "full" if report is None else report
    done = []
    progress("loading MLflow")
    with results():  # MLflow prints links to standard output
        for exported in export(chosen, mlflow, experiment or project.name, report=shown):
            done.append(exported)
            progress(f"exported {len(done)} of {len(chosen)} runs")
    return done
