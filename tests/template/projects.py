"""Creates projects from tables, and checks the tables against their schemas."""

from pathlib import Path
from typing import Any

from seatrial.core.project import ProjectSettings, find_project
from seatrial.template.codegen.model_code import Model
from seatrial.template.creation import Options, make_project
from seatrial.template.inference.examination import examine
from seatrial.template.project_name import project_name
from seatrial.template.reading.source import read_source
from seatrial.template.records import Examination, Overrides, TableSource


def render(root: Path, examination: Examination, model: Model = "boosting") -> ProjectSettings:
    """Create a project as `seatrial new` does."""
    make_project(root, examination, Options(project_name("little"), model))
    return find_project(root)


def examined(path: Path | str, target: str = "", overrides: Overrides | None = None, **options: Any) -> Examination:
    """Read and examine a table."""
    return examine(read_source(str(path), **options), target, overrides or Overrides())


def source_of(**columns: Any) -> TableSource:
    """A source made of arrays or lists, as from a database."""
    import pyarrow as pa

    from seatrial.template.reading.arrow_types import plain_table

    return TableSource("made up", plain_table(pa.table(columns)))


def refused_rows(project: ProjectSettings) -> list[Any]:
    """The problems that the schema of a project finds in its own table."""
    import importlib

    from seatrial.core.project import importable
    from seatrial.model.schema import schema_in
    from seatrial.model.table_files import read_chunks
    from seatrial.model.table_validation import TableChecker

    with importable(project):
        checker = TableChecker(schema_in(importlib.import_module(f"{project.package}.schema")))
    chunks = read_chunks(project.data, checker, target=project.target)
    return [problem for chunk in chunks for problem in chunk.problems]
