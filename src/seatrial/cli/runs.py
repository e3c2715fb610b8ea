"""`seatrial runs`: past trainings listed, compared and exported."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from seatrial.cli import show
from seatrial.cli.options import HERE, JsonOption, ProjectOption, RunsByDefault, argument, option
from seatrial.steps.project import Project

if TYPE_CHECKING:
    from seatrial.train.history.run_records import RunRecord

MOST = 30  # runs on the screen


class ListsByDefault(RunsByDefault):
    """A group whose name alone lists, and whose help shows its commands."""

    default = "list"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert `list` where no command is named, unless help is wanted."""
        parent = TyperGroup if args[:1] in (["-h"], ["--help"]) else RunsByDefault
        return parent.parse_args(self, ctx, args)


runs = typer.Typer(
    cls=ListsByDefault,
    help="The past trainings in the runs folder: list them, compare two, or export them to MLflow."
    "\n\nExample: [bold]seatrial runs compare[/]",
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@runs.command("list")
def list_(project: ProjectOption = HERE, json: JsonOption = False) -> None:
    """List the runs, the newest first: main metric with its interval, rows, commit, and the parameters that differ.

    Example: [bold]seatrial runs --json[/]
    """
    listed = Project(project, progress=False).runs()
    if json:
        show.print_json([as_json(run) for run in listed.runs])
        return
    if not listed.runs:
        show.info("There is no run yet: `seatrial train` makes one.")
        return
    rows = [_row(run, differing) for run, differing in zip(listed.runs, listed.differing, strict=True)]
    headings = (
        "run",
        "when",
        "version",
        "metric",
        "value",
        "95 % interval",
        "rows",
        "commit",
        "parameters that differ",
    )
    show.table("", headings, rows[:MOST], right=(4, 5, 6))
    if len(rows) > MOST:
        show.info(f"and {len(rows) - MOST} more: --json lists all")


def as_json(run: "RunRecord") -> dict[str, Any]:
    """A run for scripts."""
    made = run.metadata
    return {
        "run": run.id,
        "when": run.when.isoformat(timespec="seconds"),
        "version": run.version,
        "headline": made.headline,
        "metrics": made.metrics,
        "data": {"sha256": made.data.get("sha256"), "rows": made.data.get("rows")},
        "split": {name: made.split.get(name) for name in ("train_rows", "test_rows", "seed")},
        "git": made.git,
        "parameters": run.parameters,
        "report": run.folder / "report.html",
    }


def _row(run: "RunRecord", differing: dict[str, str]) -> tuple[str, ...]:
    from seatrial.pages.words import short

    metric = run.headline
    low, high = metric.get("low"), metric.get("high")
    return (
        run.id,
        run.when.astimezone().strftime("%Y-%m-%d %H:%M"),
        run.version,
        str(metric["label"]),
        short(metric["value"]),
        "" if low is None or high is None else f"{short(low)} to {short(high)}",
        f"{run.metadata.data.get('rows', 0):,}",
        run.commit,
        ", ".join(f"{name.rpartition('__')[2]}={value}" for name, value in differing.items()),
    )


@runs.command()
def compare(
    old: Annotated[str, argument("A run's id, or its beginning; default: the newest but one.")] = "",
    new: Annotated[str, argument("The run to compare with it; default: the newest.")] = "",
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """Compare two runs on the rows that both held out, with intervals of the change, and write a page with pictures.

    Example: [bold]seatrial runs compare 3f2a 91bc[/]
    """
    from seatrial.train.history.run_page import paired_line

    compared = Project(project, progress=not json).compare_runs(old, new)
    made = compared.comparison
    if json:
        show.print_json(
            {
                "old": made.old.id,
                "new": made.new.id,
                "rows": made.rows,
                "metrics": [{**asdict(metric), "meaning": metric.meaning} for metric in made.metrics],
                "reason": made.reason,
                "changes": [asdict(change) for change in made.changes],
                "page": compared.page,
            }
        )
        return
    if made.metrics:
        title = f"On {made.rows:,} rows that neither run was fitted to"
        headings = ("", made.old.id, made.new.id, "change", "95 % interval", "")
        show.table(title, headings, [paired_line(metric) for metric in made.metrics], right=(1, 2, 3, 4))
    else:
        show.plain(made.reason)
    show.plain("")
    if made.changes:
        rows = [(change.group, change.what, change.old, change.new) for change in made.changes]
        show.table("", ("", "differs", made.old.id, made.new.id), rows)
    else:
        show.plain("Nothing else differs.")
    show.plain(f"\nSide by side: {show.short_path(compared.page)}")


@runs.command()
def export(
    names: Annotated[list[str] | None, typer.Argument(metavar="RUN", help="Ids of runs; default: all.")] = None,
    mlflow: Annotated[
        str,
        option("The tracking server: an http URL, or a database as sqlite:///mlflow.db.", envvar="MLFLOW_TRACKING_URI"),
    ] = "",
    experiment: Annotated[str, option("The experiment in MLflow; default: the project's name.")] = "",
    report: Annotated[
        bool | None,
        option(
            "Whether each report is an artifact: it shows rows of the table; default: only where releases carry real "
            "rows.",
            "--report/--no-report",
        ),
    ] = None,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """Send runs to an MLflow tracking server, each once: parameters, metrics with intervals, commit, data, report.

    Example: [bold]seatrial runs export --mlflow http://127.0.0.1:5000[/]
    """
    if not mlflow:
        raise typer.BadParameter("name the tracking server with --mlflow, or set MLFLOW_TRACKING_URI")
    used = Project(project, progress=not json)
    exported = used.export_runs(mlflow, names or (), experiment=experiment, report=report)
    if json:
        show.print_json([asdict(each) for each in exported])
        return
    new = sum(each.new for each in exported)
    there = f"; {len(exported) - new} were there already" if new < len(exported) else ""
    show.plain(f"{new} runs exported to the experiment {experiment or used.settings.name} at {mlflow}{there}.")
