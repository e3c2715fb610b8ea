"""Types of columns, and values that need a decision."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from tests.template.projects import examined, source_of
from tests.template.tables import WriteFile, check_project, column, decisions, table

from seatrial.template.inference.examination import examine
from seatrial.template.records import Overrides


def test_whole_numbers_beyond_2_53(write_file: WriteFile, tmp_path: Path) -> None:
    examination = examined(write_file(table("size,big,y", big=lambda n: 2**53 + 1 + n // 3)), "y")
    assert column(examination, "big").left_out == "whole numbers above 2^53, which a double cannot represent exactly"
    assert column(examination, "big").values[0].as_py() == str(2**53 + 1)
    check_project(examination, tmp_path)


def test_numbers_of_1e308(write_file: WriteFile, tmp_path: Path) -> None:
    examination = examined(write_file(table("size,huge,y", huge=lambda n: n * 1e306)), "y")
    assert "huge: left out: numbers too large to calculate with (up to 3.9e+307)" in decisions(examination)
    check_project(examination, tmp_path)


def test_negative_zero(write_file: WriteFile, tmp_path: Path) -> None:
    check_project(examined(write_file(table(size=lambda n: "-0.0" if n % 3 else "0.5")), "y"), tmp_path)


def test_mixed_types(write_file: WriteFile, tmp_path: Path) -> None:
    mixed = examined(write_file(table("size,mix,y", mix=lambda n: n if n % 2 else f"abc{n % 5}")), "y")
    assert "it mixes numbers and text" in decisions(mixed)
    check_project(mixed, tmp_path / "mixed")
    few = examined(write_file(table("size,mix,y", rows=100, mix=lambda n: "broken" if n == 4 else n * 1.5)), "y")
    assert column(few, "mix").kind == "number"
    assert "mix: 'broken' read as missing: all other values are numbers" in decisions(few)
    check_project(few, tmp_path / "few")


def test_a_category_seen_once_and_formulas(write_file: WriteFile, tmp_path: Path) -> None:
    examination = examined(
        write_file(table(colour=lambda n: "=cmd|'/c calc'!A1" if n == 4 else ["red", "blue"][n % 2])),
        "y",
        Overrides(keep=("colour",)),
    )
    assert ("=cmd|'/c calc'!A1", 1) in column(examination, "colour").counts
    assert "formulas kept as plain text" in decisions(examination)
    check_project(examination, tmp_path)


def test_every_type_of_parquet(tmp_path: Path) -> None:
    import datetime as dt
    import decimal

    rows = range(60)
    examination = examine(
        source_of(
            price=pa.array([decimal.Decimal(f"{n}.25") for n in rows], pa.decimal128(9, 2)),
            half=pa.array(np.arange(60, dtype=np.float16)),
            big=pa.array([n * 7 % 60 for n in rows], pa.uint64()),
            name=pa.array([["a", "b", "c"][n % 3] for n in rows]).dictionary_encode(),
            codes=pa.array([n % 4 for n in rows]).dictionary_encode(),
            large=pa.array([["x", "y"][n // 2 % 2] for n in rows], pa.large_string()),
            view=pa.array([["p", "q"][n // 4 % 2] for n in rows], pa.string_view()),
            at=pa.array([1_700_000_000_000_000_001 + n * 10**13 for n in rows], pa.timestamp("ns", "Asia/Tokyo")),
            day=pa.array([dt.date(2024, 1, 1 + n % 28) for n in rows], pa.date64()),
            clock=pa.array([n * 60 for n in rows], pa.time32("s")),
            took=pa.array([n * n % 61 for n in rows], pa.duration("s")),
            raw=pa.array([bytes([65 + n % 3]) for n in rows], pa.binary()),
            tags=pa.array([[n % 3] for n in rows]),
            person=pa.array([{"age": n} for n in rows]),
            none=pa.nulls(60),
            y=[n % 2 for n in rows],
        ),
        "y",
        Overrides(keep=("price", "half", "big")),
    )  # fmt: skip
    kinds = {c.name: c.kind for c in examination.columns}
    assert [kinds[name] for name in ("price", "half", "big", "name", "at", "day")] == [
        "number", "number", "integer", "category", "moment", "date",
    ]  # fmt: skip
    assert column(examination, "none").left_out == "no row has a value"
    check_project(examination, tmp_path)
