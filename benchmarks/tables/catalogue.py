"""The tables: real ones, and made ones for what these lack."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tables import made


@dataclass(frozen=True)
class Table:
    """One table: what `seatrial new` is told of it. `make` writes a made one and gives the words for `--data`.

    `grows` names those that are released a second time, with more rows.
    """

    name: str
    target: str = ""
    words: tuple[str, ...] = ()
    make: Callable[[Path], str] | None = None
    file: str = ""  # in the folder of real tables
    grows: bool = False

    def place(self, folder: Path, real: Path | None) -> str:
        """What is given as --data; "" where the folder of real tables is needed and not given."""
        if self.make:
            return self.make(folder)
        if self.file:
            return str(real / self.file) if real else ""
        return f"sklearn:{self.name}"


REAL = (
    Table("titanic", "survived", file="titanic.csv", grows=True),
    Table("churn", "churn", file="churn.csv", grows=True),
    Table("penguins", "species", file="penguins.csv"),
    Table("mpg", "mpg", file="mpg.csv"),
    Table("ames", "price", file="ames.csv"),
    *(Table(name) for name in ("iris", "wine", "breast_cancer", "digits", "diabetes", "linnerud")),
)
MADE = (
    Table("few", "late", make=made.few),
    Table("narrow", "price", make=made.narrow),
    Table("wide", "yield", make=made.wide),
    Table("dates", "returned", make=made.dates),
    Table("orders", "late", make=made.orders, grows=True),
    Table("zones", "minutes", make=made.zones),
    Table("notes", "team", make=made.notes),
    Table("flags", "renewed", make=made.flags),
    Table("european", "Güte", make=made.european),
    Table("headings", "Ergebnis (%)", make=made.headings),
    Table("classes", "grade", make=made.classes),
    Table("rare", "fraud", make=made.rare),
    Table("database", "left", ("--query", "SELECT * FROM customers"), make=made.database),
    Table("columnar", "amount", make=made.columnar),
    Table("hundred", "churned", make=made.hundred),
    Table("large", "churned", make=made.large),
)
TABLES = (*REAL, *MADE)
