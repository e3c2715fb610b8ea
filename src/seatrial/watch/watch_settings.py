"""[tool.seatrial.watch]: how the prediction log is watched. Every default is meant to be kept."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from seatrial.core.errors import SeatrialError
from seatrial.core.moments import parse_length
from seatrial.core.settings import read_table

_BUDGET = re.compile(r"(\d{1,4}(?:\.\d{1,4})?) (?:a|per) (year|month|week)", re.ASCII)
_A_YEAR = {"year": 1.0, "month": 12.0, "week": 52.0}


class WatchSettings(BaseModel):
    """The settings of the watch."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    false_alarms: str = Field(
        "1 a year", description="how many false alarms are expected, of all checks and all looks together"
    )
    window: str = Field(
        "1d", description="the newest part of the log, which is compared with what was before; whole hours, from 1h"
    )
    history: str = Field("90d", description="how much of the log before the window is read, at least 3 windows")
    margin: float = Field(
        0.01,
        gt=0,
        lt=1,
        description="how much of the headline metric may be lost, estimated or measured, before it alarms",
    )
    resolve_after: int = Field(
        2, ge=1, le=100, description="after how many looks in a row that do not see it an alarm is resolved"
    )
    webhook: Literal["", "json", "slack", "teams"] = Field(
        "", description="the form of messages about alarms: json, slack or teams; default: by the URL's host"
    )
    page: str = Field("", description="the URL of the watch's page, for messages to link to; default: no link")
    retrain: Literal["never", "open"] = Field(
        "never", description="whether a pipeline that watches opens a request to train again when there is an alarm"
    )

    @property
    def budget(self) -> float:
        """The expected number of false alarms in a year."""
        return read_budget(self.false_alarms)

    @property
    def window_length(self) -> timedelta:
        """The length of the newest window."""
        return parse_length(self.window, "window")

    @property
    def history_length(self) -> timedelta:
        """How much before it is read."""
        return parse_length(self.history, "history")


def read_budget(text: str) -> float:
    """Read "1 a year" as false alarms in a year. Raises SeatrialError."""
    found = _BUDGET.fullmatch(text.strip())
    a_year = float(found[1]) * _A_YEAR[found[2]] if found else 0.0
    if not 0 < a_year <= 365:
        raise SeatrialError(
            f"[tool.seatrial.watch] false_alarms = {text!r} is not a number of false alarms.",
            hint='Examples: "1 a year", "2 a month", "0.5 a year"; at most 365 a year.',
        )
    return a_year


def read_watch_settings(settings: dict[str, Any], root: Path) -> WatchSettings:
    """Check the table of a project in the folder `root`. Raises SeatrialError."""
    where = f"{root / 'pyproject.toml'}: [tool.seatrial.watch]"
    given = {
        name: float(value) if name == "margin" and type(value) is int else value for name, value in settings.items()
    }
    found = read_table(WatchSettings, given, where)
    read_budget(found.false_alarms)
    if found.page and not re.fullmatch(r"https?://[^\s<>|\"'`]+", found.page):
        raise SeatrialError(f"{where} page = {found.page!r} is not a URL.", hint="Give it as https://host/path.")
    window, history = parse_length(found.window, f"{where} window"), parse_length(found.history, f"{where} history")
    if not timedelta(hours=1) <= window <= timedelta(days=31):
        raise SeatrialError(
            f"{where} window = {found.window!r}: it is from 1h to 31d long.", hint='The default is "1d".'
        )
    if window % timedelta(hours=1):
        raise SeatrialError(f"{where} window = {found.window!r} is not a whole number of hours.", hint="As 1d, or 6h.")
    if history < 3 * window:
        raise SeatrialError(
            f"{where} history = {found.history!r} has fewer than 3 windows of {found.window}.",
            hint="Make it longer, or the window shorter.",
        )
    return found
