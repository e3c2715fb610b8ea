"""The catalogue of gathered tables: which are tuned on, which are reported, and all others, which are fresh."""

import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

TUNED, REPORTED, FRESH = "tuned on", "reported", "fresh"
GROUPS = (TUNED, REPORTED, FRESH)
FEWEST, MOST = (
    150,
    20_000,
)  # rows (of those chosen by hand, 100 will do); of a longer table, rows in equal steps are taken, in their order
COLUMNS = (4, 120)
FEWEST_OF_CLASS = 25
MOST_CLASSES = 10
# Tables that are versions of those tuned on.
RELATIVES = (
    "titanic", "penguin", "mpg", "auto", "churn", "ames", "credit_data", "wine", "saratoga", "mroz",
    "psid1976", "cps85", "cps78",
)  # fmt: skip


@dataclass(frozen=True)
class GatheredTable:
    """A table in the folder: NAME.csv. `time` names the columns by which its rows are in the order of time, if any."""

    name: str
    target: str
    task: str  # binary, multiclass or regression
    group: str
    rows: int
    columns: int
    source: str
    licence: str
    time: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wanted:
    """A target, and the time, that were chosen by hand."""

    target: str
    time: tuple[str, ...] = ()


TUNED_ON = {
    "titanic": Wanted("survived"), "penguins": Wanted("species"), "mpg": Wanted("mpg"), "churn": Wanted("churn"),
    "ames": Wanted("price", ("yr_sold", "mo_sold")), "credit": Wanted("status"), "wine": Wanted("target"),
    # Reported until 2026-11-30; then looked at for what had been missed.
    "cardata_arrests": Wanted("released", ("year",)), "cardata_slid": Wanted("wages"),
    "modeldata_stackoverflow": Wanted("remote"), "aer_smokeban": Wanted("smoker"), "cardata_mroz": Wanted("lfp"),
    "cardata_cowles": Wanted("volunteer"), "aer_cps1985": Wanted("wage"), "islr_wage": Wanted("wage", ("year",)),
    "births14": Wanted("lowbirthweight"), "cardata_chile": Wanted("vote"),
}  # fmt: skip
# By the name that a table has in the folder.
REPORTED_ON = {
    "airquality": Wanted("ozone", ("month", "day")), "birthwt": Wanted("low"),
    "car_prices": Wanted("price"), "hitters": Wanted("salary"), "pbc": Wanted("status"), "salaries": Wanted("salary"),
    "tips": Wanted("tip"), "iris": Wanted("target"), "breast_cancer": Wanted("target"), "diabetes": Wanted("target"),
    "aer_hmda": Wanted("deny"), "aer_creditcard": Wanted("card"),
    "aer_doctorvisits": Wanted("private"), "aer_healthinsurance": Wanted("health"), "aer_houseprices": Wanted("price"),
    "aer_resumenames": Wanted("call"),
    "aer_fatalities": Wanted("fatal", ("year",)), "aer_caschools": Wanted("math"),
    "aer_guns": Wanted("violent", ("year",)), "islr_carseats": Wanted("sales"), "islr_college": Wanted("private"),
    "islr_oj": Wanted("purchase"), "islr_default": Wanted("default"),
    "mass_pima_tr": Wanted("type"), "mass_biopsy": Wanted("class"), "mass_boston": Wanted("medv"),
    "cardata_beps": Wanted("vote"), "modeldata_attrition": Wanted("attrition"),
    "modeldata_lending_club": Wanted("class"), "modeldata_sacramento": Wanted("price"),
    "modeldata_concrete": Wanted("compressive_strength"), "modeldata_hpc_data": Wanted("class"),
    "modeldata_taxi": Wanted("tip"),
    "modeldata_hotel_rates": Wanted("avg_price_per_room", ("arrival_date",)),
    "dplyr_storms": Wanted("status", ("year", "month", "day")), "ggplot2_diamonds": Wanted("price"),
    "ggplot2_economics": Wanted("uempmed", ("date",)), "openintro_loans_full_schema": Wanted("interest_rate"),
    "nycflights13_flights": Wanted("arr_delay", ("time_hour",)), "openintro_email": Wanted("spam", ("time",)),
    "survival_colon": Wanted("status"),
}  # fmt: skip


def choose_target(name: str, columns: Mapping[str, list[str]]) -> str | None:
    """Choose the target of a fresh table by a rule: its last column with 2 to 10 classes, or its last numeric column.

    Which of the two depends on a checksum of the table's name, where there are both.
    """
    classes = [n for n, values in columns.items() if task_of(values) in ("binary", "multiclass")]
    numbers = [n for n, values in columns.items() if task_of(values) == "regression" and not _counts_rows(values)]
    kinds = [found for found in (classes, numbers) if found]
    return kinds[zlib.crc32(name.encode()) % len(kinds)][-1] if kinds else None


def task_of(values: list[str]) -> str | None:
    """What predicting a column would be; None if it can be neither classes nor a quantity."""
    present = [value for value in values if value]
    counts: dict[str, int] = {}
    for value in present:
        counts[value] = counts.get(value, 0) + 1
    if len(counts) < 2:
        return None
    if len(counts) <= MOST_CLASSES:
        return None if min(counts.values()) < FEWEST_OF_CLASS else "binary" if len(counts) == 2 else "multiclass"
    return "regression" if len(counts) > 20 and all(is_number(value) for value in counts) else None


def is_number(text: str) -> bool:
    """Whether a text is a finite number."""
    try:
        return abs(float(text)) < 1e300
    except ValueError:
        return False


def _counts_rows(values: list[str]) -> bool:
    """Whether a numeric column is an identifier: distinct whole numbers that rise with the rows."""
    numbers = [float(value) for value in values if value]
    rises = all(a < b for a, b in pairwise(numbers))
    return rises and all(number % 1 == 0 for number in numbers)


def find_time(columns: Mapping[str, list[str]]) -> tuple[str, ...]:
    """The column that orders a fresh table's rows in time: dates, or years of which there are several."""
    for name, values in columns.items():
        present = {value for value in values if value}
        if len(present) >= 8 and all(_is_date(value) for value in present):
            return (name,)
    for name, values in columns.items():
        present = {value for value in values if value}
        is_year = "year" in name.split("_") or name in ("yr", "season")
        if is_year and len(present) >= 4 and all(v.isdigit() and 1700 <= int(v) <= 2100 for v in present):
            return (name,)
    return ()


def _is_date(text: str) -> bool:
    return len(text) >= 10 and text[4:5] == "-" and text[7:8] == "-" and text[:4].isdigit()


def write_catalogue(folder: Path, tables: list[GatheredTable]) -> None:
    """Write catalogue.json, and SOURCES.md with each table's source and licence."""
    tables = sorted(tables, key=lambda table: (GROUPS.index(table.group), table.name))
    document = json.dumps([asdict(table) for table in tables], indent=1) + "\n"
    (folder / "catalogue.json").write_text(document, encoding="utf-8")
    lines = ["# Tables", "", "| table | group | rows x columns | target | source | licence |", "| --- " * 6 + "|"]
    lines += [
        f"| {t.name} | {t.group} | {t.rows:,} x {t.columns} | {t.target} ({t.task}) | {t.source} | {t.licence} |"
        for t in tables
    ]
    (folder / "SOURCES.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_catalogue(folder: Path) -> dict[str, GatheredTable]:
    """Read catalogue.json: the tables by name."""
    path = folder / "catalogue.json"
    if not path.is_file():
        raise SystemExit(f"{path} was not found. Gather tables first: python -m benchmarks.tables.fetch {folder}")
    entries = json.loads(path.read_text(encoding="utf-8"))
    return {entry["name"]: GatheredTable(**{**entry, "time": tuple(entry["time"])}) for entry in entries}
