"""Which files a command line names: patterns, folders with partitions, and what is refused."""

from pathlib import Path

import pytest

from seatrial.core.errors import SeatrialError
from seatrial.model.table_inputs import find_inputs, matches_pattern


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (
        "year=2025/b.csv",
        "year=2025/a.csv",
        "year=2026/c.csv",
        "year=2026/_SUCCESS",
        "_bad/x.csv",
        "notes.txt",
    ):
        path = tmp_path / "rows" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_gives_its_tables_in_order_with_their_partitions(folder: Path) -> None:
    found = find_inputs(["rows"])
    assert [(each.name, dict(each.partitions)) for each in found] == [
        ("rows/year=2025/a.csv", {"year": "2025"}),
        ("rows/year=2025/b.csv", {"year": "2025"}),
        ("rows/year=2026/c.csv", {"year": "2026"}),
    ]


def test_a_pattern_gives_its_files_in_order(folder: Path) -> None:
    assert [each.name for each in find_inputs(["rows/*/[ab].csv"])] == ["rows/year=2025/a.csv", "rows/year=2025/b.csv"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(folder: Path) -> None:
    (folder / "rows[1].csv").write_text("x")
    assert [each.path for each in find_inputs(["rows[1].csv"])] == [Path("rows[1].csv")]


@pytest.mark.parametrize(
    ("path", "word", "expected"),
    [
        ("plain/x.csv", "plain/*.csv", True),
        ("plain/x.csv", "pl?in/[wx].csv", True),
        ("plain/new/x.csv", "plain/**/*.csv", True),
        ("plain/x.csv", "plain/**", True),
        ("other/../plain/x.csv", "./plain/*", True),
        ("plain/new/x.csv", "plain/*", False),
        ("plain/x.parquet", "plain/*.csv", False),
        ("plain/_new/x.csv", "plain/**/*.csv", False),
        ("x.csv", "plain/*.csv", False),
        ("plain/x.csv", "plain/x.csv", False),
    ],
)
def test_what_is_written_later_may_match_a_pattern(folder: Path, path: str, word: str, expected: bool) -> None:
    assert matches_pattern(Path(path), word) is expected
    assert matches_pattern(folder / path, word) is expected
    for name in ("plain/a.csv", "other/a.csv", path):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    found = [each.path.resolve() for each in find_inputs([word])]
    assert ((folder / path).resolve() in found) is (expected or path == word)


def test_the_names_of_partitions_are_decoded(folder: Path) -> None:
    path = folder / "p" / "town=K%C3%B6ln" / "day=__HIVE_DEFAULT_PARTITION__" / "a.csv"
    path.parent.mkdir(parents=True)
    path.write_text("x")
    (found,) = find_inputs(["p"])
    assert found.partitions == {"town": "Köln", "day": ""}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none*.csv"], "No file matches 'none"),
        (["empty"], "contains no tables"),
        (["rows/year=2025/a.csv", "rows/year=2025"], "a.csv is named twice"),
        (["-", "rows"], "cannot be read together with files"),
        (["rows", "plain.csv"], "different partitions: rows/year=2025/a.csv has year, and plain.csv has none"),
    ],
)
def test_what_cannot_be_meant_is_refused(folder: Path, words: list[str], message: str) -> None:
    (folder / "plain.csv").write_text("x")
    (folder / "empty").mkdir()
    with pytest.raises(SeatrialError, match=message):
        find_inputs(words)
