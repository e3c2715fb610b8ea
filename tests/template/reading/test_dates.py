"""Dates in any format, with and without a time."""

from pathlib import Path

from tests.template.projects import examined
from tests.template.tables import WriteFile, check_project, column, decisions, table

from seatrial.template.records import Overrides


def test_dates_in_several_formats(write_file: WriteFile, tmp_path: Path) -> None:
    forms = ["2024-03-{0:02}", "{0:02}.03.2024", "{0} Mar 2024"]
    examination = examined(write_file(table("size,day,y", day=lambda n: forms[n % 3].format(n % 28 + 1))), "y")
    assert column(examination, "day").kind == "date"
    assert "written in several formats, ISO and " in decisions(examination)
    check_project(examination, tmp_path)


def test_ambiguous_days_and_months(write_file: WriteFile) -> None:
    sure = examined(write_file(table("size,day,y", day=lambda n: f"{n % 28 + 1:02}/{n % 12 + 1:02}/2024")), "y")
    assert str(column(sure, "day").minimum) == "2024-01-01"
    doubt = examined(write_file(table("size,day,y", day=lambda n: f"{n % 12 + 1:02}/{n % 11 + 1:02}/2024")), "y")
    reason = "its dates cannot be read: the day or the month could come first"
    assert column(doubt, "day").left_out == reason
    assert f"day: left out: {reason}" in decisions(doubt)
    kept = examined(
        write_file(table("size,day,y", day=lambda n: f"{n % 4 + 1:02}/{n % 5 + 1:02}/2024")),
        "y",
        Overrides(keep=("day",)),
    )
    assert column(kept, "day").used
    assert f"day: kept, as requested: {reason}" in decisions(kept)
    assert "left out" not in decisions(kept)


def test_days_that_do_not_exist_are_not_dates(write_file: WriteFile) -> None:
    examination = examined(write_file(table("size,day,y", day=lambda n: f"{n % 28 + 3}.02.2023")), "y")
    assert column(examination, "day").kind in ("category", "code")


def test_time_zones(write_file: WriteFile, tmp_path: Path) -> None:
    examination = examined(write_file(table("size,at,y", at=lambda n: f"2024-05-{n % 28 + 1:02}T10:30:00+02:00")), "y")
    assert (column(examination, "at").kind, column(examination, "at").minimum.hour) == ("moment", 8)
    assert "at: dates and times in UTC" in decisions(examination)
    check_project(examination, tmp_path)
    mixed = examined(
        write_file(table("size,at,y", at=lambda n: f"2024-05-{n % 28 + 1:02}T10:30:00{'Z' if n % 2 else ''}")), "y"
    )
    assert column(mixed, "at").left_out == "its dates cannot be read: some have a time zone and some do not"


def test_days_as_whole_numbers(write_file: WriteFile, tmp_path: Path) -> None:
    examination = examined(write_file(table("size,day,y", day=lambda n: 20240101 + n % 28)), "y")
    assert (column(examination, "day").kind, str(column(examination, "day").maximum)) == ("date", "2024-01-28")
    assert "day: dates: every number is a date, written as year, month and day (such as '20240101')" in decisions(
        examination
    )
    check_project(examination, tmp_path)
    number = examined(
        write_file(table("size,day,y", day=lambda n: 20240101 + n % 28)), "y", Overrides(kinds={"day": "integer"})
    )
    assert column(number, "day").kind == "integer"
    other = examined(
        write_file(table("size,code,y", code=lambda n: 20240201 + n % 31)), "y"
    )  # 31 February does not exist
    assert column(other, "code").kind == "integer"


def test_years_with_two_digits(write_file: WriteFile) -> None:
    examination = examined(write_file(table("size,day,y", day=lambda n: f"{n % 28 + 1:02}.01.{20 + n % 5}")), "y")
    assert (str(column(examination, "day").minimum), str(column(examination, "day").maximum)) == (
        "2020-01-01",
        "2024-01-25",
    )


def test_times_without_a_date_are_left_out(write_file: WriteFile) -> None:
    examination = examined(write_file(table("size,at,y", at=lambda n: f"{n % 24:02}:{n % 60:02}")), "y")
    assert column(examination, "at").left_out.startswith(
        "times without a date are not supported; convert them to a number"
    )
