"""Column names as Python identifiers."""

import builtins
import datetime as dt
import keyword
from pathlib import Path

import pydantic
import pytest
from tests.hostile_words import WORDS
from tests.template.projects import examined, source_of
from tests.template.tables import WriteFile, check_project, decisions, table

from seatrial.model.features import features_in
from seatrial.model.schema import columns_of, schema_in
from seatrial.template.codegen.features import feature_code
from seatrial.template.codegen.pipeline import pipeline_code
from seatrial.template.codegen.schema import row_class, schema_code
from seatrial.template.column_names import clean_names, reason
from seatrial.template.command import run_text
from seatrial.template.inference.examination import examine
from seatrial.template.records import Overrides


def test_names_that_python_or_pydantic_forbid(write_file: WriteFile, tmp_path: Path) -> None:
    names = [
        "class",
        "model_config",
        "json",
        "_x",
        "my column",
        "größe",
        "💰",
        '"a ""b"""',
        "2nd",
        "float",
        "date",
        "",
        "size",
    ]
    path = write_file(table(",".join([*names, "y"])))
    examination = examined(path, "y")
    assert [c.name for c in examination.columns] == [
        "class_", "model_config_", "json_", "x", "my_column", "groesse", "money_bag", "a_b", "n_2nd", "float_", "date",
        "column_12", "size",
    ]  # fmt: skip
    assert "class_: was 'class': Python uses that name" in decisions(examination)
    assert "json_: was 'json': every schema has an attribute with that name" in decisions(examination)
    check_project(examination, tmp_path)


def test_a_column_of_a_data_frame_without_a_name() -> None:
    examination = examine(source_of(**{"": [n % 7 for n in range(40)], "y": [n % 2 for n in range(40)]}), "y")
    assert [c.name for c in examination.columns] == ["column_1"]
    assert reason("", "column_1") == reason(" ", "column_1") == "the column had no name"


def test_duplicate_names(write_file: WriteFile, tmp_path: Path) -> None:
    examination = examined(write_file(table("size,size,a b,a-b,y")), "y")
    assert [c.name for c in examination.columns] == ["size", "size_2", "a_b", "a_b_2"]
    check_project(examination, tmp_path)


VALUES = {
    "numbers": lambda k: [(n * 37 + k) % 53 / 3 for n in range(60)],
    "dates": lambda k: [dt.date(2020, 1, 1) + dt.timedelta(days=(n * 7 + k) % 50) for n in range(60)],
    "moments": lambda k: [dt.datetime(2020, 1, n % 9 + 1, (n * 7 + k) % 24) for n in range(60)],
    "categories": lambda k: [f"{'long' * 9}{(n * 7 + k) % 4}" for n in range(60)],
    "texts": lambda k: [" ".join(f"word{n * (j + k) % 9}" for j in range(7)) + str(n) for n in range(60)],
}
NAMES = sorted(
    {*dir(pydantic), *dir(pydantic.BaseModel), *dir(type(pydantic.BaseModel)), *dir(builtins), *keyword.kwlist}
)
OTHERS = [
    "fields",
    "Config",
    "naive_datetime",
    "date",
    "dt",
    "re",
    "world",
    "np",
    "self",
    "cls",
    "features",
    "release",
    "Row",
]


@pytest.mark.parametrize("kind", ["numbers", "moments", "dates", "categories", "texts"])
def test_names_of_pydantic_and_python_and_any_text_make_a_project_that_works(kind: str) -> None:
    names = [name for name in dict.fromkeys([*NAMES, *OTHERS, *WORDS]) if len(name) < 200 and name != "y"]
    clean = clean_names(names)
    assert len(set(clean)) == len(names)
    every = 8 if kind in ("numbers", "categories") else 24  # the others become several features each
    chosen = dict.fromkeys([*names[::every], *OTHERS, "NaiveDatetime", "AwareDatetime", "false", "none"])
    values = {name: VALUES[kind](number) for number, name in enumerate(chosen)}
    values |= {"day": VALUES["dates"](1), "moment": VALUES["moments"](2), "kind": VALUES["categories"](3)}
    examination = examine(
        source_of(**values, y=[n * 7 % 13 % 2 for n in range(60)]),
        "y",
        Overrides(keep=tuple(clean_names(list(values)))),
    )
    used = [column.name for column in examination.used]
    assert len(used) > len(chosen) / 2
    schema = schema_in(run_text("schema", schema_code(examination, row="Row1", about="A row."), "schema.py"))
    columns = columns_of(schema)
    assert [column.name for column in columns] == used
    features = feature_code(examination)
    found = features_in(run_text("features", features.text, "features.py"), columns)
    assert {feature.name for feature in found} == set(features.numbers)
    run_text("pipeline", pipeline_code(examination, features, "logistic"), "pipeline.py").build()


def test_a_project_named_after_a_name_of_the_schema() -> None:
    for name in ("naive-datetime", "aware_datetime", "schema", "field", "none"):
        assert row_class(name) == "Row"
