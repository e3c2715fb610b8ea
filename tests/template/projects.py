"""Projects rendered from a table, without the copier template: its code, its data and a pyproject."""

from pathlib import Path
from typing import Any

from seatrial.core.project import Project, find_project
from seatrial.template.coding.pipelinecode import Model
from seatrial.template.coding.writing import write_code
from seatrial.template.deciding.examining import examine
from seatrial.template.reading.data import write_data
from seatrial.template.reading.source import read_source
from seatrial.template.records import Examination, Source, Wishes


def render(root: Path, examination: Examination, model: Model = "boosting") -> Project:
    """Write a project as the template would."""
    package = root / "src" / "little_model"
    package.mkdir(parents=True)
    code = write_code(examination, name="little-model", model=model)
    for name, text in code.files.items():
        (package / name).write_text(text, encoding="utf-8")
    (package / "__init__.py").write_text('"""Little."""\n\n__version__ = "0.1.0"\n')
    data = write_data(examination, root / "data", "little")
    settings = "".join(f'{key} = "{value}"\n' for key, value in examination.settings().items())
    (root / "pyproject.toml").write_text(
        '[project]\nname = "little-model"\ndescription = "A little model"\n'
        f'[tool.seatrial]\ndata = "data/{data.path.name}"\n{settings}'
    )
    return find_project(root)


def examined(path: Path | str, target: str = "", wishes: Wishes | None = None, **options: Any) -> Examination:
    """Read and examine in one go."""
    return examine(read_source(str(path), **options), target, wishes or Wishes())


def source_of(**columns: Any) -> Source:
    """A source of arrays or lists, as a database would give it."""
    import pyarrow as pa

    from seatrial.template.reading.source import plain_table

    return Source("made up", plain_table(pa.table(columns)))


def refused_rows(project: Project) -> list[Any]:
    """What the schema of a project refuses of its own table."""
    import importlib

    from seatrial.core.project import importable
    from seatrial.model.checking import TableChecker
    from seatrial.model.reading import read_chunks
    from seatrial.model.schema import schema_in

    with importable(project):
        checker = TableChecker(schema_in(importlib.import_module(f"{project.package}.schema")))
    chunks = read_chunks(project.data, checker, target=project.target)
    return [problem for chunk in chunks for problem in chunk.problems]
