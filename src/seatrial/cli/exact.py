"""`seatrial exact`: whether an ONNX file that any converter wrote is the model that it was made from."""

import csv
import io
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seatrial.cli import show
from seatrial.cli.options import JsonOption, argument, option

if TYPE_CHECKING:
    from seatrial.compile.certificate import GraphCertificate

SHOWN = 5  # rows that differ, on the terminal


def exact(
    model: Annotated[
        Path,
        argument(
            "The fitted model: .json or .ubj of XGBoost, .txt of LightGBM, .cbm of CatBoost, .skops, .pkl, .joblib."
        ),
    ],
    graph: Annotated[Path, argument("The ONNX file that a converter made of it.")],
    rows: Annotated[int, typer.Option(help="How many rows to make.", min=100)] = 100_000,
    data: Annotated[
        Path | None,
        option("A table (CSV or Parquet) with the model's columns, whose rows are compared, too.", "--data"),
    ] = None,
    allowed: Annotated[
        float, typer.Option("--allowed", help="The largest difference that counts as equal.", min=0.0)
    ] = 1e-6,
    output: Annotated[Path | None, option("A CSV file for the worst rows that differ.", "--output")] = None,
    trust: Annotated[bool, typer.Option("--trust", help="Load a pickle, which runs what is in it.")] = False,
    seed: Annotated[int, typer.Option(help="Other made rows.")] = 0,
    json: JsonOption = False,
) -> None:
    """Compare any fitted model with any ONNX file of it on hard rows: on each threshold, next to it, missing, unusual.

    The same certificate that `seatrial train` asks of its own graphs. Exit code 1 if a row differs.

    Example: [bold]seatrial exact model.joblib model.onnx --trust[/]
    """
    from seatrial.compile.certificate import certify
    from seatrial.compile.saved_models import load_model, load_rows
    from seatrial.core.files import write_atomic

    loaded = load_model(model, trust=trust)
    table = load_rows(data) if data else None
    with show.progress(quiet=json) as progress:
        found = certify(loaded, graph, rows=rows, table=table, allowed=allowed, seed=seed, progress=progress)
    if output and found.worst:
        write_atomic(output, _csv(found))
    if json:
        show.print_json({**asdict(found), "holds": found.holds, "verdict": found.verdict})
    else:
        _print(found)
        if output and found.worst:
            show.info(f"The worst rows are in {show.short_path(output)}.")
    raise typer.Exit(0 if found.holds else 1)


def _print(found: "GraphCertificate") -> None:
    show.plain(found.verdict)
    facts = [("rows", f"{found.rows:,}"), ("largest difference", f"{found.largest:.3g}")]
    if found.paths:
        facts += [("paths through trees", f"{found.paths:,}"), ("leaves reached", f"{found.leaves:,}")]
    for name, value in facts:
        show.plain(f"  {name:<20} {value}")
    if found.holds:
        show.plain(f"  {found.statement}" if found.statement else "")
        return
    if found.rounds_input:
        show.plain(
            "  The graph takes numbers in single precision: values that the model distinguishes may be equal there."
        )
    heads = ["Difference", "Model", "Graph", "Row"]
    shown = [
        [f"{row.difference:.3g}", _numbers(row.model), _numbers(row.graph), _values(row.values)]
        for row in found.worst[:SHOWN]
    ]
    show.table("", heads, shown, (0,))


def _numbers(scores: list[float]) -> str:
    return " ".join(f"{score:.6g}" for score in scores[-3:])


def _values(values: dict[str, object]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())


def _csv(found: "GraphCertificate") -> str:
    """The worst rows with all digits, so that they can be asked again."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = list(found.worst[0].values)
    scores = range(len(found.worst[0].model))
    writer.writerow([*names, *(f"model_{n}" for n in scores), *(f"graph_{n}" for n in scores), "difference"])
    for row in found.worst:
        writer.writerow([*row.values.values(), *row.model, *row.graph, row.difference])
    return text.getvalue()
