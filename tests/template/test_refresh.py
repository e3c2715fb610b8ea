"""`seatrial refresh`: a newer export replaces the table, is cleaned as the first was, and must fit the schema."""

import datetime as dt
import gzip
import json
import random
import zipfile
from pathlib import Path

import openpyxl
import pytest
from tests.template.commands import quick

from seatrial.core.project import find_project, importable
from seatrial.model.table_files import check_chunks, read_chunks
from seatrial.steps.exports import plain_copy, project_checker, rows_to_predict

HEAD = "Kunde;PLZ;Größe (cm);Umsatz;seit;Vertrag;gekündigt"


def export(path: Path, rows: int, seed: int = 1, *, extra: str = "", encoding: str = "utf-8-sig") -> Path:
    """An export of a German spreadsheet: a title, semicolons, decimal commas, a currency, days as people write them."""
    draw = random.Random(seed)
    lines = ["Kundenliste", "", HEAD]
    for n in range(rows):
        size, money = draw.gauss(172, 9), draw.uniform(5, 4000)
        left = "ja" if size + draw.gauss(0, 6) > 174 else "nein"
        plain = f"{money:,.2f}".replace(",", "x").replace(".", ",").replace("x", ".")
        plan = draw.choice(["basis", "plus", "profi"])
        lines.append(
            f"K{n:05d};{draw.randint(1, 99999):05d};{size:.1f}".replace(".", ",")
            + f";{plain} €;{draw.randint(1, 28):02d}.{draw.randint(1, 12):02d}.{draw.randint(2015, 2024)};{plan};{left}"
        )
    path.write_text("\n".join(lines + ([extra] if extra else [])) + "\n", encoding=encoding)
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("refresh")
    table = export(folder / "kunden.csv", 150)
    done = quick("new", "kunden", "--data", str(table), "--target", "gekündigt", "--yes", "--no-git", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "kunden"


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(made, tmp_path / "kunden"))


def test_a_newer_export_is_cleaned_as_the_first_was(project: Path, tmp_path: Path) -> None:
    before = (project / "data/kunden.csv").read_text()
    done = quick("refresh", str(export(tmp_path / "juli.csv", 180)), "--json", cwd=project)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["rows"], result["before"], result["new"], result["gone"]) == (180, 150, 30, 0)
    after = (project / "data/kunden.csv").read_text()
    assert after.startswith(before)  # the same rows are written with the same bytes
    assert len(after.splitlines()) == 181
    assert "€" not in after
    again = quick("refresh", str(tmp_path / "juli.csv"), cwd=project)
    assert "0 are new, 0 are gone" in again.stdout
    assert "there is no need to train again" in again.stderr


def test_a_table_that_breaks_the_schema_changes_nothing(project: Path, tmp_path: Path) -> None:
    before = (project / "data/kunden.csv").read_bytes()
    odd = export(tmp_path / "juli.csv", 150, extra="K99999;01234;-171,0;12,00 €;01.02.2020;platin;ja")
    done = quick("refresh", str(odd), cwd=project)
    assert done.returncode == 1
    assert "1 of 151 rows break the schema" in done.stderr
    assert "-171" in done.stderr
    assert "platin" not in done.stderr  # an open category
    assert "--on-bad-rows drop" in done.stderr
    assert (project / "data/kunden.csv").read_bytes() == before
    assert "line 154, column Groesse_cm: '-171.0'" in done.stderr  # of the export, with its title lines
    done = quick("refresh", str(odd), "--on-bad-rows", "drop", "--json", cwd=project)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == 150
    assert "-171" not in (project / "data/kunden.csv").read_text()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD.replace("gekündigt", "weg") + "\n" + "K1;01234;171,0;12,00 €;01.02.2020;plus;ja\n" * 30, "has no column `gekuendigt`"),
        (HEAD.replace("Vertrag", "Tarif") + "\n" + "K1;01234;171,0;12,00 €;01.02.2020;plus;ja\nK2;01234;161,0;2,00 €;01.02.2021;plus;nein\n" * 30, "has no column `Vertrag`"),
        ("", "is empty"),
    ],
    ids=["no target", "no column", "empty"],
)  # fmt: skip
def test_what_does_not_fit_is_reported_and_changes_nothing(
    project: Path, tmp_path: Path, text: str, words: str
) -> None:
    before = (project / "data/kunden.csv").read_bytes()
    (tmp_path / "juli.csv").write_text(text, "utf-8")
    done = quick("refresh", str(tmp_path / "juli.csv"), cwd=project)
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert (project / "data/kunden.csv").read_bytes() == before


def test_postcodes_that_look_like_numbers_stay_text(project: Path, tmp_path: Path) -> None:
    path = export(tmp_path / "juli.csv", 150)
    lines = path.read_text("utf-8-sig").splitlines()
    cells = [line.split(";") for line in lines[3:]]
    for row in cells:
        row[1] = f"9{row[1][1:]}"  # without a leading zero
    path.write_text("\n".join([*lines[:3], *(";".join(row) for row in cells)]) + "\n", "utf-8")
    done = quick("refresh", str(path), cwd=project)
    assert done.returncode == 0, done.stderr
    assert [line.split(",")[1] for line in (project / "data/kunden.csv").read_text().splitlines()[1:4]] == [
        row[1] for row in cells[:3]
    ]


def test_without_an_old_table_the_new_one_is_written(project: Path, tmp_path: Path) -> None:
    (project / "data/kunden.csv").unlink()
    done = quick("refresh", str(export(tmp_path / "juli.csv", 150)), cwd=project)
    assert done.returncode == 0, done.stderr  # there was no table before
    assert "has 150 rows." in done.stdout


@pytest.mark.parametrize(
    ("name", "words"),
    [("kunden.json", "kunden.json is neither CSV nor Parquet"), ("folder.csv", "cannot be written")],
)
def test_data_that_cannot_be_replaced_is_a_one_line_error(project: Path, tmp_path: Path, name: str, words: str) -> None:
    settings = project / "pyproject.toml"
    settings.write_text(settings.read_text().replace("data/kunden.csv", f"data/{name}"))
    (project / "data/folder.csv").mkdir()
    done = quick("refresh", str(export(tmp_path / "juli.csv", 150)), cwd=project)
    assert done.returncode == 1
    assert words in done.stderr
    assert "bug in Seatrial" not in done.stderr


def test_a_sheet_of_a_workbook_is_read_like_the_csv_file(project: Path, tmp_path: Path) -> None:
    before = (project / "data/kunden.csv").read_bytes()
    lines = export(tmp_path / "kunden.csv", 150).read_text("utf-8-sig").splitlines()
    book = openpyxl.Workbook()
    book.active.title = "notes"
    book.active.append(["made by hand"])
    sheet = book.create_sheet("customers")
    sheet.append([lines[0]])
    sheet.append([])
    sheet.append(HEAD.split(";"))
    for line in lines[3:]:
        key, postcode, size, money, since, plan, left = line.split(";")
        amount = float(money.removesuffix(" €").replace(".", "").replace(",", "."))
        day = dt.datetime.strptime(since, "%d.%m.%Y").date()
        sheet.append([key, postcode, float(size.replace(",", ".")), amount, day, plan, left])
    book.save(tmp_path / "kunden.xlsx")
    unclear = quick("refresh", str(tmp_path / "kunden.xlsx"), cwd=project)
    assert unclear.returncode == 1
    assert "kunden.xlsx has 2 sheets: 'notes', 'customers'." in unclear.stderr
    done = quick("refresh", str(tmp_path / "kunden.xlsx"), "--sheet", "customers", cwd=project)
    assert done.returncode == 0, done.stderr
    assert "has 150 rows; it had 150: 0 are new, 0 are gone." in done.stdout
    assert (project / "data/kunden.csv").read_bytes() == before


def test_a_delta_is_noticed_and_may_be_appended(project: Path, tmp_path: Path) -> None:
    before = (project / "data/kunden.csv").read_bytes()
    rows = export(tmp_path / "juli.csv", 180).read_text("utf-8-sig").splitlines()
    delta = tmp_path / "delta.csv"
    delta.write_text("\n".join(rows[:3] + rows[-35:]) + "\n", "utf-8")  # 5 rows that the table has, and 30 new ones
    delta_only = tmp_path / "new.csv"
    delta_only.write_text("\n".join(rows[:3] + rows[-30:]) + "\n", "utf-8")
    refused = quick("refresh", str(delta_only), cwd=project)
    assert refused.returncode == 1
    assert "Of the 150 rows of the table, none would stay, and 30 would be new." in refused.stderr
    assert (project / "data/kunden.csv").read_bytes() == before
    for _ in range(2):  # once more changes nothing
        done = quick("refresh", str(delta), "--append", cwd=project)
        assert done.returncode == 0, done.stderr
        assert len((project / "data/kunden.csv").read_text().splitlines()) == 181
    assert (project / "data/kunden.csv").read_bytes().startswith(before)
    assert "35 rows are in the table already" in done.stderr
    replaced = quick("refresh", str(delta_only), "--replace", cwd=project)
    assert replaced.returncode == 0, replaced.stderr
    assert len((project / "data/kunden.csv").read_text().splitlines()) == 31


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (" €", " USD", "`Umsatz` is in € in this project, and juli.csv has USD"),
        (";ja", ";ja.", "not all of its labels are known. juli.csv has 'ja.', and the project 'ja', 'nein'"),
    ],
)
def test_what_contradicts_the_reading_rules_changes_nothing(
    project: Path, tmp_path: Path, old: str, new: str, words: str
) -> None:
    before = (project / "data/kunden.csv").read_bytes()
    path = export(tmp_path / "juli.csv", 180)
    path.write_text(path.read_text("utf-8-sig").replace(old, new), "utf-8")
    done = quick("refresh", str(path), cwd=project)
    assert done.returncode == 1
    assert words in done.stderr
    assert "reading.toml" in done.stderr
    assert (project / "data/kunden.csv").read_bytes() == before


def test_the_rules_may_be_changed_by_hand(project: Path, tmp_path: Path) -> None:
    rules = project / "reading.toml"
    assert '[columns.Umsatz]\nkind = "number"\ndecimal = ","\nthousands = "."\nunit = "€"\n' in rules.read_text()
    rules.write_text(rules.read_text().replace('unit = "€"', 'unit = "USD"'))
    path = export(tmp_path / "juli.csv", 180)
    path.write_text(path.read_text("utf-8-sig").replace(" €", " USD"), "utf-8")
    done = quick("refresh", str(path), cwd=project)
    assert done.returncode == 0, done.stderr
    rules.write_text(rules.read_text().replace('kind = "number"', 'kind = "numbers"'))
    wrong = quick("refresh", str(path), cwd=project)
    assert "kind = 'numbers' is not a kind of column" in wrong.stderr


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig", "gzip", "zip"])
def test_an_export_is_predicted_as_the_table_is(project: Path, tmp_path: Path, encoding: str) -> None:
    path = export(tmp_path / "kunden.csv", 150, encoding="utf-8" if encoding in ("gzip", "zip") else encoding)
    if encoding == "gzip":
        path.write_bytes(gzip.compress(path.read_bytes()))
    if encoding == "zip":
        with zipfile.ZipFile(tmp_path / "kunden.zip", "w") as archive:
            archive.write(path, "kunden.csv")
        path = tmp_path / "kunden.zip"
    settings = find_project(project)
    with importable(settings):
        checker = project_checker(settings)
        raw, notes = rows_to_predict(path, settings, checker)
        (expected,) = read_chunks(settings.data, checker)
        (found,) = check_chunks(raw or iter(()), path, checker)
        plain, none = rows_to_predict(settings.data, settings, checker)
        (own,) = check_chunks(plain or iter(()), path, checker)
    assert "Umsatz: converted, such as" in " ".join(notes)
    assert none == ()
    assert found.problems == own.problems == []
    assert {*found.columns} == {*expected.columns}
    for name, values in expected.columns.items():
        assert found.columns[name].tolist() == values.tolist(), name
        assert own.columns[name].tolist() == values.tolist(), name


def test_more_rows_for_a_trial_are_read_by_the_rules_too(project: Path, tmp_path: Path) -> None:
    settings = find_project(project)
    copy = plain_copy(settings, export(tmp_path / "mehr.csv", 150), project)
    assert copy.name == "mehr.csv"
    assert copy.read_bytes() == settings.data.read_bytes()
