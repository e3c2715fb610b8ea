"""What is decided about real tables, and what it costs to look."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tests.conftest import TITANIC
from tests.template.projects import examined, refused_rows, render, source_of

from seatrial.template import ColumnOverview, Overrides, column_overviews, write_code, write_data
from seatrial.template.inference.examination import examine


def test_the_passenger_list_is_understood_and_copied(tmp_path: Path) -> None:
    found = examined(TITANIC / "data" / "titanic.csv", "survived", Overrides(kinds={"pclass": "category"}))
    kinds = {c.name: c.kind for c in found.used}
    assert (kinds["sex"], kinds["age"], kinds["sibsp"], kinds["name"], kinds["cabin"], kinds["pclass"]) == (
        "category", "number", "integer", "text", "code", "category",
    )  # fmt: skip
    project = render(tmp_path / "project", found)
    assert (project.target, project.task, project.positive) == ("survived", "binary", "1")
    assert write_data(found, tmp_path, "titanic").changes == ()
    text = write_code(found, name="titanic-passenger")["schema.py"]
    assert "class TitanicPassenger(Schema):" in text
    assert "    pclass: Literal[1, 2, 3] = Field(\n" in text
    assert "    # Missing in 263 of 1,309 rows.\n    age: float | None = Field(\n        None,\n" in text
    assert refused_rows(project) == []


def test_an_examination_in_words() -> None:
    lines = column_overviews(examined(TITANIC / "data" / "titanic.csv", "survived"))
    assert lines[0] == ColumnOverview("survived", "binary", "0 62%, 1 38%", "", "the target; 1 is positive")
    told = {line.name: line for line in lines}
    assert told["age"] == ColumnOverview("age", "numbers", "0.1667 to 80", "20.1%", "used")
    assert told["embarked"] == ColumnOverview("embarked", "categories", "S, C, Q", "0.2%", "used")
    assert told["ticket"].values == "929 distinct, such as 'CA. 2343'"


def test_what_was_found_out_after_the_fact_is_left_out(tmp_path: Path) -> None:
    """As the boat and the body's number in the full passenger list."""
    draw = np.random.default_rng(5)
    survived = draw.random(600) < 0.4
    boat = np.where(survived & (draw.random(600) < 0.97), draw.choice(["1", "2", "A", "B"], 600), None)
    body = [int(n) if not alive and n % 3 == 0 else None for n, alive in enumerate(survived)]
    found = examine(
        source_of(fare=draw.normal(30, 9, 600), boat=boat.tolist(), body=body, survived=survived), "survived"
    )
    evidence = {d.column: d.evidence for d in found.decisions if d.about == "leave out"}
    assert evidence["boat"].endswith("of held-out rows predicted correctly from this column alone")
    assert evidence["body"].endswith("all with survived = false")
    assert [c.name for c in found.used] == ["fare"]


def test_copies_of_a_quantity_are_leaks_whatever_their_scale() -> None:
    draw = np.random.default_rng(2)
    price = np.exp(draw.normal(12, 2, 500))
    columns = {
        "log": np.log(price),
        "rounded": (price / 1.19).round(0),
        "strong": np.log(price) + draw.normal(0, 0.5, 500),
    }
    found = examine(source_of(**columns, price=price), "price")
    assert {c.name: c.left_out for c in found.columns} == {
        "log": "it reveals the target",
        "rounded": "it reveals the target",
        "strong": "",
    }


def test_three_hundred_columns(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    signal = draw.normal(size=300)
    columns = {f"column_{n}": signal + draw.normal(0, 3, 300) for n in range(298)}
    found = examine(source_of(**columns, twice=columns["column_7"] * 2, y=signal > 0), "y")
    assert [c.name for c in found.unused] == ["twice"]
    assert refused_rows(render(tmp_path, found)) == []


def test_strong_columns_are_no_leaks() -> None:
    assert not [c.name for c in examined("sklearn:breast_cancer").columns if "knows" in c.left_out]
    assert not [c.name for c in examined("sklearn:iris").columns if c.left_out]


def test_an_override_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    from seatrial.core.errors import SeatrialError

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
    """In processor time, so that a busy machine does not decide; the goal is 3 s, and a slow machine gets twice that."""
    draw = np.random.default_rng(0)
    rows = 100_000
    numbers = {f"number_{n}": draw.normal(size=rows).round(4) for n in range(16)}
    names = {f"name_{n}": draw.choice([f"name {k}" for k in range(5 + 9 * n)], rows) for n in range(8)}
    whole = {f"whole_{n}": draw.integers(0, 1000, rows) for n in range(5)}
    source = source_of(**numbers, **names, **whole, y=draw.random(rows) < 0.5)
    begun = time.process_time()
    found = examine(source, "y")
    assert time.process_time() - begun < 6
    assert found.sampled == "leaks and copies were looked for in 20,000 of 100,000 rows"


def test_the_package_loads_nothing_heavy() -> None:
    code = "import sys, seatrial.template; from seatrial.template import examine, read_source; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert loaded.isdisjoint({"sklearn", "pandas", "pyarrow", "scipy", "sqlalchemy", "charset_normalizer"})
