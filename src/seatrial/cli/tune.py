"""`seatrial tune`: search the pipeline's parameters, and write the best into pipeline.py."""

from typing import TYPE_CHECKING, Annotated

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, JsonOption, OnBadRowsOption, ProjectOption
from seatrial.core.interrupts import INTERRUPTED
from seatrial.steps.project import Project
from seatrial.steps.tune import FOLDS, MINUTES, TRIALS

if TYPE_CHECKING:
    from seatrial.steps.tune import TunedPipeline


def tune(
    trials: Annotated[int, typer.Option(help="How many more values to try; 0 uses what was found before.")] = TRIALS,
    minutes: Annotated[float, typer.Option(help="After how many minutes to stop.")] = MINUTES,
    folds: Annotated[int, typer.Option(help="The parts of the training rows; each is scored once.")] = FOLDS,
    write: Annotated[
        bool, typer.Option("--write/--no-write", help="Write the best parameters into pipeline.py, or only print them.")
    ] = True,
    on_bad_rows: OnBadRowsOption = "fail",
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """Search the pipeline's parameters by cross-validation on the training rows, and write the best into pipeline.py.

    Held-out rows are not used: `seatrial train` measures on them. Ctrl-C ends the search; the next call continues it.

    Example: [bold]seatrial tune --trials 100 --minutes 30[/]
    """
    used = Project(project, progress=not json)
    tuned = used.tune(trials=trials, minutes=minutes, folds=folds, write=write, drop_bad_rows=on_bad_rows == "drop")
    if json:
        show.print_json(as_json(tuned))
    else:
        _show(tuned)
    if tuned.search.interrupted:
        raise typer.Exit(INTERRUPTED)


def as_json(tuned: "TunedPipeline") -> dict[str, object]:
    """The result for scripts."""
    search = tuned.search
    return {
        "study": search.id,
        "metric": search.measure.name,
        "trials": len(search.trials),
        "current": {"parameters": search.current.values, "scores": search.current.scores},
        "best": None if search.best is None else {"parameters": search.best.values, "scores": search.best.scores},
        "importance": search.importance,
        "changes": {change.name: [change.before, change.after] for change in tuned.changes},
        "written": tuned.written,
        "reason": tuned.reason,
        "report": tuned.report,
        "interrupted": search.interrupted,
    }


def _show(tuned: "TunedPipeline") -> None:
    from seatrial.train.search.search_report import counted, flattering, gained

    search, file = tuned.search, show.short_path(tuned.file)
    show.plain(f"{counted(search)}.")
    show.plain(gained(search))
    if tuned.changes:
        rows = [(change.name, repr(change.before), repr(change.after)) for change in tuned.changes]
        show.table("", ("parameter", "pipeline.py", "best"), rows, right=(1, 2))
        show.plain(flattering())
    if tuned.reason:
        show.plain(f"{file} was not changed: {tuned.reason}. Write there, after the pipeline is made:")
        changed = ", ".join(f"{change.name}={change.after!r}" for change in tuned.changes)
        show.plain(f"    pipeline.set_params({changed})")
    show.plain(f"Report: {show.short_path(tuned.report)}")
    if search.interrupted:
        show.info("`seatrial tune` continues the search; `seatrial tune --trials 0` takes the best so far.")
    elif tuned.written:
        show.plain(f"{file} has the best parameters.")
        show.next_step("seatrial train")
