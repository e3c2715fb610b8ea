"""Two releases side by side: what is read from their wheels, and what is called a change."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seatrial.core.errors import SeatrialError
from seatrial.pages.words import DASH
from seatrial.release.comparison import RowChange, compare
from seatrial.wheels.wheel import WheelInfo

PIPELINE = "from x import Tree, Scale\n\n\ndef build():\n    return Pipe([Scale(), Tree(depth=3, rate=0.1)])\n"
FEATURES = "def total(a: float, b: float) -> float:\n    return a + b\n"
SCHEMA = {
    "properties": {
        "a": {"type": "number", "minimum": 0},
        "b": {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 9}, {"type": "null"}]},
        "c": {"enum": ["x", "y"]},
    },
    "required": ["a", "c"],
}
METRIC = {"label": "ROC AUC", "value": 0.8, "low": 0.75, "high": 0.85}
COLUMN: dict[str, Any] = {"name": "a", "missing": 0.0, "shares": [], "other": 0.0, "mean": 3.0, "deviation": 2.0}
FACTS: dict[str, Any] = {
    "headline": "roc_auc",
    "metrics": {"accuracy": {**METRIC, "label": "accuracy"}, "roc_auc": METRIC},
    "inputs": {"numbers": ["a", "b", "total"], "strings": ["c"]},
    "split": {"train_rows": 75, "test_rows": 25, "seed": 1},
    "data": {"sha256": "a" * 64, "rows": 100, "columns": [COLUMN]},
    "threshold": 0.5,
    "environment": {"numpy": "2.3"},
}


class _Wheel(WheelInfo):
    """A wheel in memory."""

    files: dict[str, str]

    def read(self, name: str) -> bytes:
        return self.files.get(name.removeprefix("small/"), "").encode()

    def changed_code(self, older: WheelInfo) -> list[str]:
        assert isinstance(older, _Wheel)
        names = {name for name in {*self.files, *older.files} if name.endswith(".py")}
        return sorted(name for name in names if self.files.get(name) != older.files.get(name))


def wheel(version: str, facts: dict[str, Any] | None = None, **files: str) -> WheelInfo:
    made = _Wheel(
        Path("w.whl"), "small", version, "small", version, 1, "", None, (), {}, b"", {**FACTS, **(facts or {})}
    )
    given = {"pipeline": PIPELINE, "features": FEATURES, **files}
    schema = given.pop("schema", json.dumps(SCHEMA))
    object.__setattr__(made, "files", {f"{n}.py": t for n, t in given.items() if t} | {"artifacts/schema.json": schema})
    return made


def changes(new: WheelInfo, rows: RowChange | None = None) -> list[tuple[str, str, str, str]]:
    return [(c.group, c.what, c.old, c.new) for c in compare(wheel("0.1.0"), new, rows).changes]


def test_the_headline_metric_is_first_with_both_intervals_and_the_change() -> None:
    better = {"metrics": {**FACTS["metrics"], "roc_auc": {**METRIC, "value": 0.824, "low": 0.78, "high": 0.86}}}
    made = compare(wheel("0.1.0"), wheel("0.2.0", better))
    first = made.metrics[0]
    assert (first.label, first.old, first.old_interval) == ("ROC AUC", "0.800", "0.750 to 0.850")
    assert (first.new, first.new_interval, first.change) == ("0.824", "0.780 to 0.860", "+0.024")
    assert made.metrics[1].change == "0"
    assert made.note == "Both were measured on the same 25 held-out rows."


def test_metrics_on_other_rows_are_not_called_comparable() -> None:
    made = compare(wheel("0.1.0"), wheel("0.2.0", {"data": {**FACTS["data"], "sha256": "b" * 64}}))
    assert "different held-out rows, 25 and 25" in made.note


def test_the_same_release_has_no_changes() -> None:
    assert changes(wheel("0.2.0")) == []
    assert compare(wheel("0.1.0"), wheel("0.2.0")).modules == ()


def test_a_changed_schema_is_described_by_its_rules() -> None:
    rules = {**SCHEMA["properties"], "b": {"type": "integer", "minimum": 0}, "d": {"type": "string", "maxLength": 5}}  # type: ignore[dict-item]
    new = wheel("0.2.0", schema=json.dumps({"properties": rules, "required": ["a", "b", "c"]}))
    assert changes(new) == [
        ("schema", "b", "integer from 0 to 9 or missing, may be left out", "integer from 0"),
        ("schema", "d", DASH, "string, at most 5 characters, may be left out"),
    ]


def test_parameters_estimators_and_features_are_read_from_the_code() -> None:
    code = PIPELINE.replace("depth=3", "depth=5").replace("Scale", "Robust")
    features = FEATURES.replace("a + b", "a - b") + "\n\ndef double(a: float) -> float:\n    return 2 * a\n"
    new = wheel("0.2.0", pipeline=code, features=features)
    assert changes(new) == [
        ("features", "total", "", "changed"),
        ("features", "double", DASH, "new"),
        ("hyper-parameters", "estimators", "gone: Scale", "new: Robust"),
        ("hyper-parameters", "Tree.depth", "3", "5"),
    ]
    modules = compare(wheel("0.1.0"), new).modules
    assert [(each.name, each.state) for each in modules] == [("features.py", "changed"), ("pipeline.py", "changed")]
    assert "-    return a + b" in modules[0].diff


def test_another_table_is_described_by_its_rows_and_columns() -> None:
    column = {**COLUMN, "missing": 0.25, "mean": 4.0}
    data = {"sha256": "b" * 64, "rows": 120, "columns": [column]}
    assert changes(wheel("0.2.0", {"data": data}), RowChange(new=30, gone=10)) == [
        ("data", "table (SHA-256)", "a" * 12, "b" * 12),
        ("data", "rows", "100", "120"),
        ("data", "rows gone and new", "10 gone", "30 new"),
        ("data", "a: missing", "0\u00a0%", "25\u00a0%"),
        ("data", "a: mean", "3", "4"),
    ]


def test_settings_and_libraries_are_compared() -> None:
    new = wheel("0.2.0", {"threshold": 0.3, "environment": {"numpy": "2.4"}})
    assert changes(new) == [("settings", "threshold", "0.5", "0.3"), ("libraries", "numpy", "2.3", "2.4")]


def test_damaged_code_and_schema_are_no_reason_to_fail() -> None:
    groups = {group for group, *_ in changes(wheel("0.2.0", pipeline="def (", schema="{"))}
    assert groups == {"schema", "hyper-parameters"}


def test_a_wheel_that_is_not_a_model_is_refused() -> None:
    with pytest.raises(SeatrialError, match="not a model's wheel"):
        compare(wheel("0.1.0"), replace(wheel("0.2.0"), release=None))


def test_small_movements_of_a_column_are_left_out_but_a_new_value_is_not() -> None:
    def shares(**parts: float) -> dict[str, Any]:
        return {**COLUMN, "mean": 3.1, "shares": [{"value": value, "share": share} for value, share in parts.items()]}

    old = wheel("0.1.0", {"data": {**FACTS["data"], "columns": [shares(x=0.5, y=0.3, z=0.2)]}})
    data = {"sha256": "b" * 64, "rows": 100, "columns": [shares(x=0.52, y=0.18, z=0.29, new=0.01)]}
    found = [(c.what, c.old, c.new) for c in compare(old, wheel("0.2.0", {"data": data})).changes if ":" in c.what]
    assert [what for what, *_ in found] == ["a: y", "a: z", "a: new"]
