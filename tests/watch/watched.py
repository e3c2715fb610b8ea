"""Results of watches, made up: quiet ones, ones with alarms, hostile ones, and a year of many columns."""

import math
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from seatrial.watch.watch_records import Deployed, Finding, Level, Point, Series, Watched

AT = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
DAY = timedelta(days=1)
EVIL = "</style><script>alert(1)</script> |<!-- @team `x` \u202e [a](http://x) \x1b[31m"


def finding(name: str = "drift.unit", level: Level = Level.alarm, **more: Any) -> Finding:
    given: dict[str, Any] = {
        "part": "drift",
        "summary": "`fare` is 100 times what it was",
        "version": "0.2.0",
        "subject": "fare",
        "since": AT - 2 * DAY,
        "share": 0.12,
        "old": 32.2,
        "new": 3220.0,
        "log_p": -30.0,
        "severity": 3.0,
        "hint": "Look at what sends `fare`: its unit has changed",
    }
    return Finding(name=name, level=level, **{**given, **more})


def watched(*findings: Finding, **more: Any) -> Watched:
    given: dict[str, Any] = {
        "project": "titanic-model",
        "at": AT,
        "since": AT - DAY,
        "rows": 12_340,
        "versions": ["0.2.0"],
        "false_alarms": "1 a year",
        "spent": 0.0027,
        **more,
    }
    return Watched(findings=findings, **given)


def series_of(days: int, columns: int, seed: int = 7) -> list[Series]:
    """Drift of columns by day, requests by day, and the estimated metric with its interval."""
    draw = random.Random(seed)

    def points(level: float, noise: float, *, bounds: float = 0.0, season: float = 0.0) -> list[Point]:
        found = []
        for day in range(days):
            value = level + season * math.sin(day / 7 * 2 * math.pi) + draw.gauss(0, noise)
            low, high = (value - bounds, value + bounds) if bounds else (None, None)
            found.append(Point(AT - (days - day) * DAY, value, low, high, 1_000))
        return found

    drift = [
        Series(
            "drift", "Distance from training of", points(0.03, 0.004), "0.2.0", f"column_{place}", "", 0.03, 0.02, 0.04
        )
        for place in range(columns)
    ]
    return [
        Series("traffic", "Requests", points(12_000, 300, season=2_000), "0.2.0"),
        Series("traffic", "Refused", points(0.004, 0.0005), "0.2.0", "", "share", None, 0.002, 0.006),
        *drift,
        Series("answers", "Share of", points(0.38, 0.01), "0.2.0", "survived", "share", 0.384, 0.35, 0.41),
        Series("estimated", "Accuracy", points(0.81, 0.004, bounds=0.015), "0.2.0", "", "share", 0.82),
        Series("measured", "Accuracy", points(0.80, 0.01, bounds=0.03), "0.2.0", "", "share", 0.82),
    ]


def with_figures(days: int, columns: int, *findings: Finding) -> Watched:
    """A watch with figures over so many days; the first column's alarm is that of `findings`."""
    deployed = [Deployed(AT - days * DAY / 2, "0.2.0", "local"), Deployed(AT - days * DAY, "0.1.0", "local")]
    return watched(*findings, series=series_of(days, columns), deployed=deployed, notes=["weekdays need 8 weeks"])


def hostile() -> Watched:
    """Every text that comes from a log or a project is hostile."""
    found = finding(
        f"drift.{EVIL}", summary=EVIL, subject=EVIL, hint=EVIL, version=EVIL, evidence={"columns": [EVIL, 3]}
    )
    series = [Series("drift", EVIL, [Point(AT, 0.1)], EVIL, EVIL, EVIL)]
    return replace(
        watched(found, series=series, notes=[EVIL], deployed=[Deployed(AT, EVIL, EVIL)], versions=[EVIL]), project=EVIL
    )
