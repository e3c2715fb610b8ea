"""`seatrial train`: fit, evaluate, compile."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from seatrial.cli import show
from seatrial.cli.options import HERE, JsonOption, OnBadRows, OnBadRowsOption, ProjectOption

if TYPE_CHECKING:
    from seatrial.train import Run


def train(
    project: ProjectOption = HERE, on_bad_rows: OnBadRowsOption = OnBadRows.fail, json: JsonOption = False
) -> None:
    """Train the project's model on its table: fit, evaluate on held-out rows, compile exactly, write the report.

    Example: [bold]seatrial train --on-bad-rows drop[/]
    """
    from seatrial.core.project import find_project
    from seatrial.steps.train import train as train_project

    settings = find_project(project)
    with show.progress(quiet=json) as progress:
        run = train_project(settings, drop_bad_rows=on_bad_rows is OnBadRows.drop, progress=progress)
    if json:
        dropped = len(run.dropped)
        show.print_json({"run": run.id, "report": run.report, "dropped_rows": dropped, **asdict(run.metadata)})
        return
    if run.dropped:
        rows = len({problem.row for problem in run.dropped})
        show.info(f"  {rows} of {run.rows_read} rows break the schema and were dropped; the first: {run.dropped[0]}")
    show.table(
        f"{settings.requirement}, evaluated on {run.metadata.split['test_rows']:,} held-out rows",
        ("", "value", "95 % interval", "trivial baseline"),
        run.evaluation.terminal_rows(),
        right=(1, 2, 3),
    )
    show.plain(f"\n{_compilation(run)}")
    show.plain(f"Report: {show.short_path(run.report)}")


def _compilation(run: "Run") -> str:
    if run.native_reason:
        return f"Not compiled: {run.native_reason}\nThe release runs natively, with scikit-learn."
    proof = run.metadata.proof
    rows = proof["rows_table"] + proof["rows_generated"]
    if run.metadata.task == "regression":
        kind, labels = "relative difference", ""
    else:
        kind = "difference in probability"
        labels = f", {proof['labels_differ']} labels differ, {proof['ties']} ties"
    return f"Compiled exactly: on {rows:,} rows the largest {kind} is {proof['largest_difference']:.1e}{labels}."
