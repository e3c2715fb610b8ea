"""`seatrial export`: the trained model elsewhere, as one SELECT or as a web page."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE, JsonOption, ProjectOption, argument, option
from seatrial.steps.project import Project

if TYPE_CHECKING:
    from seatrial.steps.export_release import ExportedSql

export = typer.Typer(help="The trained model elsewhere: in a database or a browser.", no_args_is_help=True)


@export.command()
def sql(
    dialect: Annotated[
        Literal["duckdb", "postgres", "snowflake", "bigquery", "spark"],
        typer.Option("--dialect", help="The database that the SELECT is written for."),
    ],
    table: Annotated[str, option("The table that it reads; default: the package's name.", "--table")] = "",
    keep: Annotated[
        list[str] | None,
        option("A column that is passed through, such as a key; again for more; default: the schema's.", "--keep"),
    ] = None,
    output: Annotated[
        Path | None, option("The file that is written; default: standard output.", "--output", "-o")
    ] = None,
    rows: Annotated[int, typer.Option(help="How many rows it is proven on in DuckDB.", min=1)] = 100_000,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """Write the trained model as one SELECT: its features, its preprocessing, its model and its decision.

    It is translated from the graph that serves, and proven in DuckDB where that is installed. What cannot be
    translated is refused by name.

    Example: [bold]seatrial export sql --dialect postgres --table passengers --keep passenger_id -o predict.sql[/]
    """
    from seatrial.core.files import write_atomic

    used = Project(project, progress=not json)
    made = used.export_sql(dialect, table=table, keep=keep or (), rows=rows)
    if output:
        write_atomic(output, made.text)
    if json:
        proof = None if made.proof is None else vars(made.proof)
        text = {} if output else {"sql": made.text}
        show.print_json({"dialect": made.dialect, "reads": made.reads, "proof": proof, **text})
        return
    if output:
        show.plain(f"The SELECT is in {show.short_path(output)} ({len(made.text.encode()) / 1000:,.0f} kB).")
    else:
        show.plain(made.text.rstrip())
    for line in proof_lines(made):
        show.info(line)


@export.command()
def browser(
    folder: Annotated[Path, argument("The folder that is written; a new one, or an earlier export.")],
    onnxruntime_web: Annotated[
        Path | None,
        option("A folder with the files of onnxruntime-web; default: npm fetches them.", "--onnxruntime-web"),
    ] = None,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """Write a folder with a web page that predicts and explains without a server.

    Any web server can offer the folder; nothing that is typed there leaves the browser. Feature functions become
    JavaScript; what cannot be translated is refused by name.

    Example: [bold]seatrial export browser site[/]
    """
    used = Project(project, progress=not json)
    written = used.export_browser(folder, onnxruntime_web=onnxruntime_web)
    if json:
        show.print_json({"folder": written})
        return
    show.plain(f"The page is in {show.short_path(written)}. To look at it:")
    show.next_step(f"python -m http.server --bind 127.0.0.1 --directory {show.short_path(written)}")


def proof_lines(made: "ExportedSql") -> list[str]:
    """Say what was proven, and what was not."""
    if made.proof is None:
        return ["Nothing is proven: DuckDB is not installed (pip install duckdb)."]
    proof = made.proof
    ties = f", {proof.ties:,} of them on the threshold" if proof.ties else ""
    lines = [
        f"Proven in DuckDB on {proof.rows:,} rows: the largest difference is {proof.largest_difference:.2g}, "
        f"{proof.labels_differ + proof.ties:,} labels differ{ties}."
    ]
    if made.dialect != "duckdb":
        lines.append(f"The same expressions are written for {made.dialect} here, which was not run.")
    return lines
