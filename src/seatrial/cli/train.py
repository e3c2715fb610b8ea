"""`seatrial train`: fit, measure, compile."""

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, JsonOption, ProjectOption


class OnBadRows(StrEnum):
    """What to do with rows that break the schema."""

    fail = "fail"
    drop = "drop"


def train(
    project: ProjectOption = HERE,
    on_bad_rows: Annotated[
        OnBadRows,
        typer.Option("--on-bad-rows", help="Rows that break the schema: refuse the table, or leave them out."),
    ] = OnBadRows.fail,
    json: JsonOption = False,
) -> None:
    """Train the project's model on its table: fit, measure on held-out rows, compile exactly, write the report.

    Example: [bold]seatrial train --on-bad-rows drop[/]
    """
    from seatrial.core.project import find_project

    found = find_project(project)
    with show.steps(quiet=json) as step:
        step("loading scikit-learn")
        from seatrial.compile import compile_release
        from seatrial.train import train as train_project

        run = train_project(found, compile_release, drop_bad_rows=on_bad_rows is OnBadRows.drop, progress=step)
    if json:
        show.result({"run": run.id, "report": run.report, "dropped_rows": len(run.dropped), **asdict(run.metadata)})
        return
    if run.dropped:
        rows = len({p.row for p in run.dropped})
        show.say(f"  {rows} of {run.rows_read} rows broke the schema and were left out, the first: {run.dropped[0]}")
    split = run.metadata.split
    show.table(
        f"{found.requirement}, measured on {split['test_rows']:,} held-out rows",
        ("", "value", "95 % interval", "trivial baseline"),
        run.evaluation.terminal_rows(),
        right=(1, 2, 3),
    )
    proof = run.metadata.proof
    if run.native_reason:
        show.say(f"\nNot compiled: {run.native_reason}\nThe release runs natively, with scikit-learn.")
    else:
        rows = proof["rows_table"] + proof["rows_generated"]
        regression = run.metadata.task == "regression"
        labels = "" if regression else f", {proof['labels_differ']} labels differ, {proof['ties']} ties"
        show.out.print(
            f"\nCompiled exactly: on {rows:,} rows the largest {'relative ' if regression else ''}difference"
            f"{'' if regression else ' in probability'} is {proof['largest_difference']:.1e}{labels}."
        )
    show.out.print(f"Report: {show.place(run.report)}")
