"""What is decided about whole tables, and how long it takes."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tests.conftest import TITANIC
from tests.template.projects import examined, refused_rows, render, source_of
from tests.template.tables import WriteFile, error_of, table

from seatrial.core.errors import SeatrialError
from seatrial.template.creation import write_code
from seatrial.template.inference.examination import examine
from seatrial.template.reading.table import write_data
from seatrial.template.records import Overrides


def test_too_few_rows(write_file: WriteFile) -> None:
    assert "table.csv has 4 rows with a label; at least 10 are needed." in error_of(write_file(table(rows=4)))


def test_nothing_left_to_predict_from(write_file: WriteFile) -> None:
    assert "no column is left to predict `y` from" in error_of(write_file(table("same,y", same=lambda n: "x")))


def test_ten_thousand_columns_are_refused(write_file: WriteFile) -> None:
    header, row = ",".join(f"c{n}" for n in range(10_000)), ",".join(["1"] * 10_000)
    message = error_of(write_file("\n".join([f"{header},y", *(f"{row},{n % 2}" for n in range(20))])))
    assert "table.csv has 10,000 columns to predict from; the limit is 1,000." in message


def test_the_passenger_list_is_examined_and_copied(tmp_path: Path) -> None:
    examination = examined(TITANIC / "data" / "titanic.csv", "survived", Overrides(kinds={"pclass": "category"}))
    kinds = {c.name: c.kind for c in examination.used}
    assert (kinds["sex"], kinds["age"], kinds["sibsp"], kinds["name"], kinds["cabin"], kinds["pclass"]) == (
        "category", "number", "integer", "text", "code", "category",
    )  # fmt: skip
    project = render(tmp_path / "project", examination)
    assert (project.target, project.task, project.positive) == ("survived", "binary", "1")
    assert write_data(examination, tmp_path, "titanic").changes == ()
    text = write_code(examination, name="titanic-passenger")["schema.py"]
    assert "class TitanicPassenger(Schema):" in text
    assert "    pclass: Literal[1, 2, 3] | int = Field(\n" in text
    assert "    # Missing in 263 of 1,309 rows.\n    age: float | None = Field(\n        None,\n" in text
    assert refused_rows(project) == []


def test_three_hundred_columns(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    signal = draw.normal(size=300)
    columns = {f"column_{n}": signal + draw.normal(0, 3, 300) for n in range(298)}
    examination = examine(source_of(**columns, twice=columns["column_7"] * 2, y=signal > 0), "y")
    assert [c.name for c in examination.unused] == ["twice"]
    assert refused_rows(render(tmp_path, examination)) == []


def test_an_override_that_does_not_fit_is_refused(tmp_path: Path) -> None:

    source = source_of(size=[float(n) + 0.5 for n in range(30)], colour=["red", "blue"] * 15, y=[0, 1, 1] * 10)
    with pytest.raises(SeatrialError, match="The column 'colour' cannot be read as dates") as caught:
        examine(source, "y", Overrides(kinds={"colour": "date"}))
    assert "It looks like categories" in caught.value.hint
    with pytest.raises(SeatrialError, match="has no column `colur`") as caught:
        examine(source, "y", Overrides(keep=("colur",)))
    assert caught.value.hint == "Did you mean `colour`?"
    for overrides in (Overrides(keep=("y",)), Overrides(leave_out=("y",)), Overrides(kinds={"y": "category"})):
        with pytest.raises(
            SeatrialError, match="`y` is the column to predict; it cannot be kept, left out or given a kind"
        ):
            examine(source, "y", overrides)
    with pytest.raises(SeatrialError, match="`size` is a regression task, and only binary tasks have a positive label"):
        examine(source, "size", Overrides(positive="1"))


def test_a_hundred_thousand_rows_take_seconds(tmp_path: Path) -> None:
    """In processor time, so that a busy machine does not matter; the goal is 3 s, doubled for slow machines."""
    draw = np.random.default_rng(0)
    rows = 100_000
    numbers = {f"number_{n}": draw.normal(size=rows).round(4) for n in range(16)}
    names = {f"name_{n}": draw.choice([f"name {k}" for k in range(5 + 9 * n)], rows) for n in range(8)}
    whole = {f"whole_{n}": draw.integers(0, 1000, rows) for n in range(5)}
    source = source_of(**numbers, **names, **whole, y=draw.random(rows) < 0.5)
    begun = time.process_time()
    examination = examine(source, "y")
    assert time.process_time() - begun < 6
    assert examination.sampled == "leaks and copies were looked for in 20,000 of 100,000 rows"


HEAVY = {"sklearn", "pandas", "scipy", "sqlalchemy", "charset_normalizer", "copier", "clevercsv"}


@pytest.mark.parametrize(
    ("modules", "heavy"),
    [
        (("inference.examination", "reading.source", "reading.table"), HEAVY),  # tables are pyarrow's
        (("records", "prompts", "project_name", "render", "merge", "template_update"), {*HEAVY, "pyarrow"}),
    ],
)
def test_the_package_loads_nothing_heavy(modules: tuple[str, ...], heavy: set[str]) -> None:
    code = f"import sys, {', '.join(f'seatrial.template.{name}' for name in modules)}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert loaded.isdisjoint(heavy)
