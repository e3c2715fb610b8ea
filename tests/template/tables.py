"""Made-up tables with every kind of mess, and what is read and decided about them."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.template.projects import examined, refused_rows, render

from seatrial.core.errors import SeatrialError
from seatrial.template.reading.conversion import read_export
from seatrial.template.reading.rules import read_rules
from seatrial.template.reading.table import clean_table, export_table
from seatrial.template.records import Examination

WriteFile = Callable[[str | bytes], Path]


def table(header: str = "size,colour,y", rows: int = 40, **cells: Callable[[int], Any]) -> str:
    """CSV rows with a size, a colour and a label; `cells` make the cells of other columns by the row's number."""
    generator = random.Random(0)
    makers = {
        "size": lambda n: round(generator.uniform(0, 100), 1),
        "colour": lambda n: generator.choice(["red", "blue"]),
        "y": lambda n: n % 2,
        **cells,
    }
    names = header.split(",")
    lines = [",".join(str(makers.get(name, makers["size"])(n)) for name in names) for n in range(rows)]
    return "\n".join([header, *lines]) + "\n"


def column(examination: Examination, name: str) -> Any:
    return next(c for c in examination.columns if c.name == name)


def facts(examination: Examination) -> dict[str, str]:
    """What was detected about the source."""
    return examination.source.facts


def decisions(examination: Examination) -> str:
    return "\n".join(map(str, examination.decisions))


def error_of(path: Path | str, target: str = "y", **options: Any) -> str:
    """The message and the hint of the error that reading and examining a table raises."""
    with pytest.raises(SeatrialError) as caught:
        examined(path, target, **options)
    return f"{caught.value.message} {caught.value.hint}"


def check_project(examination: Examination, tmp_path: Path) -> None:
    """The generated schema accepts the data file that is written, and its reading rules read the source as it was."""
    project = render(tmp_path / "project", examination)
    assert refused_rows(project) == []
    rules = read_rules(project.root / "reading.toml")
    assert rules is not None
    again = export_table(read_export(examination.source, rules, [examination.target.name]))
    if examination.kept is not None:
        again = again.take(pa.array(examination.kept))
    first = clean_table(examination)
    assert again.column_names == first.column_names
    for name in first.column_names:
        assert texts(again.column(name)) == texts(first.column(name)), name


def texts(column: Any) -> list[Any]:
    return [None if value is None else str(value) for value in column.to_pylist()]
