"""The tables: real ones, and made-up ones for what these lack."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tables import made_up


@dataclass(frozen=True)
class Table:
    """One table, and the options that `seatrial new` gets for it. `make` writes a made-up one and gives its location.

    A table that `grows` is released a second time, with more rows.
    """

    name: str
    target: str = ""
    options: tuple[str, ...] = ()
    make: Callable[[Path], str] | None = None
    file: str = ""  # in the folder of real tables
    grows: bool = False

    def location(self, folder: Path, real: Path | None) -> str:
        """The value of --data; "" if the folder of real tables is needed but was not given."""
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
MADE_UP = (
    Table("few", "late", make=made_up.few),
    Table("narrow", "price", make=made_up.narrow),
    Table("wide", "yield", make=made_up.wide),
    Table("dates", "returned", make=made_up.dates),
    Table("orders", "late", make=made_up.orders, grows=True),
    Table("zones", "minutes", make=made_up.zones),
    Table("notes", "team", make=made_up.notes),
    Table("flags", "renewed", make=made_up.flags),
    Table("european", "Güte", make=made_up.european),
    Table("headings", "Ergebnis (%)", make=made_up.headings),
    Table("classes", "grade", make=made_up.classes),
    Table("rare", "fraud", make=made_up.rare),
    Table("database", "left", ("--query", "SELECT * FROM customers"), make=made_up.database),
    Table("columnar", "amount", make=made_up.columnar),
    Table("hundred", "churned", make=made_up.hundred),
    Table("large", "churned", make=made_up.large),
)
TABLES = (*REAL, *MADE_UP)
