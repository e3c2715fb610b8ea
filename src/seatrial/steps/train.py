"""Train: the project's table in, a run out; its model may have been fitted elsewhere."""

from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.core.locks import alone
from seatrial.core.progress import Progress, silent

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings
    from seatrial.model.metadata import Metadata
    from seatrial.train.fitted_elsewhere import FittedElsewhere
    from seatrial.train.run import Run


@alone
def train(
    project: "ProjectSettings",
    *,
    drop_bad_rows: bool = False,
    fitted: Path | None = None,
    held_out_only: bool = False,
    progress: Progress = silent,
) -> "Run":
    """Fit, evaluate and compile the model; the run has `metrics`, and shows its report in a notebook.

    `fitted` is the file of a model that was fitted elsewhere, in place of fitting the project's pipeline: .json or .ubj
    of XGBoost, .txt of LightGBM, .cbm of CatBoost, or .skops. `held_out_only` declares that it was not trained on the
    rows of the project's table.
    """
    progress("loading scikit-learn")
    from seatrial.compile import compile_release, reference_scorer
    from seatrial.steps.overview import write_overview
    from seatrial.steps.project_table import fetch_project_table
    from seatrial.train.run import train as train_project

    fetched = fetch_project_table(project, progress)
    run = train_project(
        project,
        compile_release,
        reference=reference_scorer,
        drop_bad_rows=drop_bad_rows,
        fetched=fetched,
        elsewhere=_elsewhere(fitted, unseen=held_out_only),
        progress=progress,
    )
    write_overview(project)
    return run


def _elsewhere(file: Path | None, *, unseen: bool) -> "FittedElsewhere | None":
    """Load a model that was fitted elsewhere; nothing in its file is run."""
    from seatrial.compile.saved_models import PICKLES, SAFE_FORMS, load_model
    from seatrial.core.errors import SeatrialError
    from seatrial.core.files import sha256
    from seatrial.train.fitted_elsewhere import FittedElsewhere

    if file is None:
        if unseen:
            raise SeatrialError("--held-out-only says something about a fitted model.", hint="Name it with --fitted.")
        return None
    if file.suffix.lower() in PICKLES:
        raise SeatrialError(
            f"{file.name} is a pickle, which runs what is in it when it is loaded.",
            hint="Save the model with skops.io.dump, or in its library's own format, where it was fitted.",
        )
    return FittedElsewhere(load_model(file, forms=SAFE_FORMS), file.name, sha256(file), unseen)


def train_apart(project: "ProjectSettings", *, drop_bad_rows: bool = False, progress: Progress = silent) -> "Metadata":
    """Train as `train` does, in a process of its own: then none of the project's code has run in this one."""
    from seatrial.model.metadata import read_metadata
    from seatrial.steps.own_process import run_apart

    progress("training")
    run_apart(["train", "--project", str(project.root), "--on-bad-rows", "drop" if drop_bad_rows else "fail"])
    return read_metadata(project.artifacts)
