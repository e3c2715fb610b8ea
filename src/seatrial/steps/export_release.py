"""Export what was trained: as one SELECT, proven in DuckDB where that is installed, or as a web page."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.core.progress import Progress, silent

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings
    from seatrial.export.sql_operators import Dialect
    from seatrial.export.sql_proof import SqlProof
    from seatrial.model.features import Columns
    from seatrial.model.release import Release

ROWS = 100_000  # that the SELECT is proven on, besides the golden rows


@dataclass(frozen=True)
class ExportedSql:
    """A SELECT, the columns that it reads, and what was proven of it; `proof` is None where DuckDB is not installed."""

    text: str
    dialect: str
    reads: tuple[str, ...]
    proof: "SqlProof | None"


def export_sql(
    project: "ProjectSettings",
    dialect: "Dialect",
    *,
    table: str = "",
    keep: Sequence[str] = (),
    rows: int = ROWS,
    progress: Progress = silent,
) -> ExportedSql:
    """Write the trained model as one SELECT over `table` (default: the project's package), with its features.

    `keep` names columns that are passed through; default: those of the schema. It is proven on golden rows and `rows`
    others in DuckDB. Raises SeatrialError naming what has no translation, or a row that is answered differently.
    """
    from seatrial.core.errors import SeatrialError
    from seatrial.core.project import importable
    from seatrial.export.sql_proof import duckdb_database, prove_sql
    from seatrial.export.sql_release import release_as_sql
    from seatrial.model.release import Release

    try:
        import sqlglot  # noqa: F401 - an extra: without it there is nothing to do
    except ImportError:
        raise SeatrialError(
            "Writing SQL needs sqlglot, which is not installed.", hint='pip install "seatrial[export-sql]"'
        ) from None
    with importable(project):
        progress("translating")
        release = Release(project.package)
        kept = list(keep) or [column.name for column in release.columns]
        made = release_as_sql(release, table=table or project.package, keep=kept, dialect=dialect)
        proof = None
        try:
            import duckdb  # noqa: F401 - proves what is written, where it is installed
        except ImportError:
            progress("DuckDB is not installed: nothing is proven")
        else:
            progress(f"proving it in DuckDB on golden rows and {rows:,} others")
            columns = proof_rows(project, release, rows)
            proof = prove_sql(release, columns, dialect="duckdb", database=duckdb_database)
    return ExportedSql(made.text, dialect, made.reads, proof)


def export_browser(
    project: "ProjectSettings", folder: Path, *, onnxruntime_web: Path | None = None, progress: Progress = silent
) -> Path:
    """Write the trained model as a folder with a page that predicts without a server, and return the folder.

    `onnxruntime_web` is a folder with that package's files; default: npm fetches them, at one version whose bytes are
    known. Raises SeatrialError naming what has no translation.
    """
    import tempfile

    from seatrial.core.project import importable
    from seatrial.export.browser import check_folder, write_browser_folder
    from seatrial.export.onnxruntime_web import fetch_onnxruntime_web
    from seatrial.model.release import Release

    check_folder(folder)
    with importable(project), tempfile.TemporaryDirectory(prefix="seatrial-browser-") as temporary:
        if onnxruntime_web is None:
            progress("fetching onnxruntime-web")
        runtime = onnxruntime_web or fetch_onnxruntime_web(Path(temporary))
        progress("translating")
        write_browser_folder(Release(project.package), runtime, folder)
    return folder


def proof_rows(project: "ProjectSettings", release: "Release", rows: int) -> "Columns":
    """The golden rows of a release, and at least `rows` others that its schema allows."""
    import numpy as np

    from seatrial.compile.proof_rows import generate_allowed
    from seatrial.core.files import read_json
    from seatrial.train.recipe import read_recipe

    recipe = read_recipe(project)
    made = generate_allowed(recipe.columns, recipe.table.columns, recipe.checker.allowed, rows=rows, seed=project.seed)
    listed = read_json(release.artifacts / "golden.json")["rows"]
    golden, _ = release.checker.check({column.name: [row[column.name] for row in listed] for column in release.columns})
    return {name: np.concatenate([golden[name], made[name]]) for name in made}
