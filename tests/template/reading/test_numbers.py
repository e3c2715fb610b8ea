"""Numbers as people write them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.template.projects import examined, render
from tests.template.tables import WriteFile, check_project, column, decisions, table

from seatrial.template.records import Overrides


@pytest.mark.parametrize(
    ("cell", "most", "how"),
    [
        (lambda n: f"{n}.5 kg", 39.5, "kg removed"),
        (lambda n: f"{n} m²", 39, "m² removed"),
        (lambda n: f"{n}.5%", 39.5, "% removed"),
        (lambda n: f"{n}.5 km/h", 39.5, "km/h removed"),
        (lambda n: f"Rs. {n}.5", 39.5, "Rs. removed"),
        (lambda n: f"-${n}.5", -0.5, "$ removed"),
        (lambda n: f"({n}.5)" if n % 2 else f"{n}.5", 38.5, "numbers in brackets as negative"),
        (lambda n: f"\u2212{n}.5" if n % 2 else f"{n}.5", 38.5, "typographic minus signs"),
        (lambda n: f"{n + 1}'234.5", 40234.5, "spaces or apostrophes as thousands separators"),
        (lambda n: f"{n + 1}\u202f234", 40234, "spaces or apostrophes as thousands separators"),
        (lambda n: f"{n}.5" if n % 2 else f'"{n},5"', 39.5, "decimal commas and decimal points"),
        (lambda n: f'"{n},5"', 39.5, "decimal comma"),
        (lambda n: f"{n}.5E+02", 3950, ""),
        (lambda n: f'"{n}.5"', 39.5, ""),
    ],
)
def test_numbers_as_people_write_them(
    write_file: WriteFile, tmp_path: Path, cell: Callable[[int], str], most: float, how: str
) -> None:
    examination = examined(write_file(table("size,price,y", price=cell)), "y", Overrides(keep=("price",)))
    assert column(examination, "price").kind in ("number", "integer")
    assert column(examination, "price").maximum == most
    assert (f"read with {how}" in decisions(examination)) is bool(how)
    check_project(examination, tmp_path)


def test_thousands_and_currencies(write_file: WriteFile, tmp_path: Path) -> None:
    price = examined(write_file(table("size,price,y", price=lambda n: f'"${n + 1},234.50"')), "y")
    assert column(price, "price").maximum == 40234.5
    assert "price: numbers: read with $ removed, commas as thousands separators" in decisions(price)
    check_project(price, tmp_path / "price")
    doubt = examined(write_file(table("size,price,y", price=lambda n: f'"{n + 1},234"')), "y")
    assert "its commas could be decimal commas or thousands separators" in decisions(doubt)
    signed = examined(write_file(table("size,price,y", price=lambda n: f'"${n + 1},234"')), "y")
    assert "price: read as text, not as numbers: its commas could be decimal commas" in decisions(signed)
    codes = examined(write_file(table("size,zip,y", zip=lambda n: f"{90000 if n < 9 else '0'}{1000 + n // 2}")), "y")
    assert "zip: read as text, not as numbers: some have leading zeros, as codes do (such as '01004')" in decisions(
        codes
    )
    assert (column(codes, "zip").kind in ("category", "code"), "some have leading zeros" in decisions(codes)) == (
        True,
        True,
    )


def test_a_unit_is_in_the_schema(write_file: WriteFile, tmp_path: Path) -> None:
    project = render(
        tmp_path / "p", examined(write_file(table("size,weight,y", weight=lambda n: f"{n * 7 % 13} kg")), "y")
    )
    assert 'json_schema_extra={"unit": "kg"}' in (project.source / project.package / "schema.py").read_text()
    assert "(kg)" in (project.root / "README.md").read_text()


@pytest.mark.parametrize(
    "cell",
    [
        lambda n: f"{n % 9}{'abc'[n % 3]}",
        lambda n: f"Q{n % 4 + 1}",
        lambda n: f"{n % 5}0-{n % 5}9",
        lambda n: f"A{n % 9}",
    ],
)
def test_codes_are_not_quantities(write_file: WriteFile, cell: Callable[[int], str]) -> None:
    assert column(examined(write_file(table("size,code,y", code=cell)), "y"), "code").kind in ("category", "code")


def test_several_units_are_reported(write_file: WriteFile) -> None:
    examination = examined(write_file(table("size,length,y", length=lambda n: f"{n} cm" if n % 2 else f"{n} m")), "y")
    assert "length: read as text, not as numbers: they have several units, cm and m" in decisions(examination)
