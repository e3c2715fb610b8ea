"""How a project's rows are split into those to train on and those held out: [tool.seatrial.split]."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from seatrial.core.errors import SeatrialError
from seatrial.core.settings import read_table

SplitBy = Literal["rows", "time", "group"]


class SplitSettings(BaseModel):
    """What decides whether a row is held out."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    by: SplitBy = Field(
        default="rows",
        description="what decides whether a row is held out: rows (at random, by each row's content), time (the newest "
        "rows are), or group (all rows with the same value of `column` are on the same side)",
    )
    column: str = Field(
        default="",
        description="the column of the table with the time or the key; the model needs not use it",
    )

    @property
    def words(self) -> str:
        """What the rows are split by, for people."""
        return "rows at random" if self.by == "rows" else f"{self.by} (`{self.column}`)"


def read_split(settings: dict[str, Any], where: Path, target: str) -> SplitSettings:
    """Check [tool.seatrial.split] of the file `where`; raises SeatrialError that names the key and its meaning."""
    table = f"{where}: [tool.seatrial.split]"
    split = read_table(SplitSettings, settings, table)
    if split.by == "rows" and split.column:
        raise SeatrialError(
            f"{table} has the column `{split.column}`, but does not say what it is.",
            hint='Write by = "time" or by = "group".',
        )
    if split.by != "rows" and not split.column:
        what = "the time of a row" if split.by == "time" else "the key that rows share, such as customer_id"
        raise SeatrialError(f'{table} by = "{split.by}" needs `column`.', hint=f"Name the column with {what}.")
    if split.column and split.column == target:
        raise SeatrialError(
            f"{table} column = {target!r} is the target.", hint="Split by a column that is known without the label."
        )
    return split
