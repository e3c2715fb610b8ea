"""Sends runs to an MLflow tracking server, for those who have one: parameters, metrics, tags and the report."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.train.history.run_records import RunRecord

BATCH = 100  # parameters in one call, the most that MLflow takes
LONGEST = 6000  # letters of a parameter's value, the most that MLflow takes
NOT_IN_NAMES = re.compile(r"[^\w./: -]")
RUN_TAG = "seatrial.run"
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",  # it would otherwise report its use to its makers
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # a server that is not there is reported within seconds
}


@dataclass(frozen=True)
class ExportedRun:
    """A run of ours with the id that it has in MLflow; `new` is false for one that was there already."""

    run: str
    mlflow_run: str
    new: bool


def export_runs(runs: Sequence[RunRecord], uri: str, experiment: str, *, report: bool) -> Iterator[ExportedRun]:
    """Write runs to the MLflow experiment, each once; yields each when it is complete.

    With `report` the page of each training is its artifact: it shows rows of the table. Raises SeatrialError where the
    server cannot be reached, or refuses.
    """
    before = {name: os.environ.get(name) for name in QUIET}
    os.environ.update({name: value for name, value in QUIET.items() if before[name] is None})
    try:
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient

        try:
            client = MlflowClient(tracking_uri=uri)
            place = client.get_experiment_by_name(experiment)
            where = place.experiment_id if place else client.create_experiment(experiment)
            for run in runs:
                yield _exported(client, where, run, report=report)
        except (MlflowException, OSError) as error:
            reason = str(error).strip().splitlines()[0]
            raise SeatrialError(
                f"MLflow at {uri}: {reason}", hint="Check its URL, and that you may write there."
            ) from error
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)


def _exported(client: Any, experiment: str, run: RunRecord, *, report: bool) -> ExportedRun:
    found = client.search_runs([experiment], filter_string=f"tags.`{RUN_TAG}` = '{run.id}'", max_results=1)
    if found:
        return ExportedRun(run.id, found[0].info.run_id, new=False)
    when = round(run.when.timestamp() * 1000)
    name = f"{run.metadata.name} {run.version} {run.id}"
    made = client.create_run(experiment, start_time=when, run_name=name).info.run_id
    try:
        _fill(client, made, run, when, report=report)
    except BaseException:
        client.set_terminated(made, status="FAILED", end_time=when)
        raise
    client.set_terminated(made, status="FINISHED", end_time=when)
    return ExportedRun(run.id, made, new=True)


def _fill(client: Any, made: str, run: RunRecord, when: int, *, report: bool) -> None:
    from mlflow.entities import Metric, Param, RunTag

    parameters = [Param(name, value) for name, value in parameters_of(run).items()]
    for start in range(0, len(parameters), BATCH):
        client.log_batch(made, params=parameters[start : start + BATCH])
    client.log_batch(made, metrics=[Metric(name, value, when, 0) for name, value in metrics_of(run).items()])
    if report and (page := run.folder / "report.html").is_file():
        client.log_artifact(made, str(page))
    # The tag by which the run is recognized comes last: what was interrupted is exported again.
    client.log_batch(made, tags=[RunTag(name, value) for name, value in tags_of(run).items()])


def parameters_of(run: RunRecord) -> dict[str, str]:
    """The parameters of a run's pipeline by names that MLflow takes, without the lists of its steps."""
    return {
        NOT_IN_NAMES.sub("_", name): value[:LONGEST]
        for name, value in run.parameters.items()
        if not value.startswith(("list(", "tuple("))
    }


def metrics_of(run: RunRecord) -> dict[str, float]:
    """The metrics of a run, with the ends of their intervals and the trivial baseline."""
    parts = {"value": "", "low": "_low", "high": "_high", "baseline": "_baseline"}
    return {
        f"{name}{suffix}": float(metric[part])
        for name, metric in run.metadata.metrics.items()
        for part, suffix in parts.items()
        if metric.get(part) is not None
    }


def tags_of(run: RunRecord) -> dict[str, str]:
    """What identifies a run: its id, version, commit and data."""
    made = run.metadata
    tags = {
        "seatrial.project": made.name,
        "seatrial.version": run.version,
        "seatrial.task": made.task,
        "seatrial.target": made.target,
        "seatrial.engine": made.engine,
        "seatrial.data_sha256": str(made.data.get("sha256", "")),
        "seatrial.rows": str(made.data.get("rows", "")),
        "seatrial.uncommitted_changes": str(bool(made.git.get("dirty"))).lower(),
        "mlflow.source.name": made.name,
        "mlflow.source.git.commit": made.git.get("commit", ""),
        RUN_TAG: run.id,
    }
    return {name: value for name, value in tags.items() if value}
