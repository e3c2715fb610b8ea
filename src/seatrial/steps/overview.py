"""The page of a project that links all others: its runs, its trials, its releases and their comparisons.

It is in runs/index.html, and is written again by every step that adds something to it.
"""

import os
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seatrial.core.errors import SeatrialError
from seatrial.core.files import read_json, write_atomic

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings
    from seatrial.pages.charts import Svg
    from seatrial.release import WheelInfo

PAGE = "index.html"
STUDIES = "tune"  # in the runs folder: the searches for parameters
COMPARISONS = Path(".seatrial") / "comparisons"
WATCH = Path(".seatrial") / "watch" / "watch.html"  # as alarm_files and look have it
UNREADABLE = (SeatrialError, OSError, KeyError, TypeError, ValueError, AttributeError)  # files of other versions


@dataclass(frozen=True)
class ListedRun:
    """A training: its version, its main metric, and its report."""

    id: str
    version: str
    when: float
    metric: str
    value: str
    interval: str
    rows: str
    report: str


@dataclass(frozen=True)
class ListedRow:
    """A release on the index: its version, when it was published, its main metric, and its engine."""

    version: str
    published: str
    metric: str
    value: str
    engine: str


@dataclass(frozen=True)
class ListedTrial:
    """A trial: its releases, its verdict, and its page."""

    versions: str
    started: str
    when: str
    outcome: str
    word: str
    cause: "Svg"
    page: str


def overview_path(project: "ProjectSettings") -> Path:
    """Where the page is."""
    return project.runs / PAGE


def link(page: Path, to: Path) -> str:
    """The relative link from one page to another, for a browser."""
    from urllib.parse import quote

    return quote(Path(os.path.relpath(to, page.parent)).as_posix())


def report_of(project: "ProjectSettings", wheel: "WheelInfo") -> Path | None:
    """The report of the training that a wheel is from, where the project still has it."""
    from seatrial.train.run import run_id

    start = f"{wheel.package}/artifacts/"
    digests = {
        name.removeprefix(start): urlsafe_b64decode(recorded.partition("=")[2] + "==")
        for name, recorded in wheel.record.items()
        if name.startswith(start) and recorded.startswith("sha256=")
    }
    report = project.runs / run_id(digests) / "report.html"
    return report if report.is_file() else None


def related_pages(
    project: "ProjectSettings", wheel: "WheelInfo", page: Path, older: "WheelInfo | None" = None
) -> list[tuple[str, str]]:
    """The links from a page about a wheel: to the overview, its training's report, its comparison with another."""
    report = report_of(project, wheel)
    known = [("All runs, trials and releases", overview_path(project))]
    known += [("Training report", report)] if report else []
    if older:
        known.append((f"{older.version} and {wheel.version} side by side", comparison_page(project, older, wheel)))
    return [(title, link(page, path)) for title, path in known]


def comparison_page(project: "ProjectSettings", old: "WheelInfo", new: "WheelInfo") -> Path:
    """Where the page that compares two releases is."""
    return project.root / COMPARISONS / f"{old.version}..{new.version}.html"


def write_overview(project: "ProjectSettings") -> Path:
    """Write the page from what is on disk; a file that cannot be read is left out."""
    from seatrial.pages import render

    page = overview_path(project)
    content = render(
        "overview.html",
        name=project.name,
        description=project.description,
        runs=sorted(_runs(project, page), key=lambda run: run.when, reverse=True),
        trials=sorted(_trials(project, page), key=lambda trial: trial.started, reverse=True),
        releases=list(_releases(project)),
        local=project.index.folder is not None,
        comparisons=[
            (path.stem.replace("..", " → "), link(page, path))
            for path in sorted((project.root / COMPARISONS).glob("*.html"), reverse=True)
        ],
        watch=link(page, watch) if (watch := project.root / WATCH).is_file() else "",
        searches=[
            (path.parent.name, link(page, path)) for path in sorted(project.runs.glob(f"{STUDIES}/*/report.html"))
        ],
    )
    write_atomic(page, content)
    return page


def _runs(project: "ProjectSettings", page: Path) -> "Iterator[ListedRun]":
    from seatrial.pages.words import short

    for path in project.runs.glob("*/run.json"):
        report = path.parent / "report.html"
        with suppress(*UNREADABLE):
            made: dict[str, Any] = read_json(path)
            metric = made["metrics"][made["headline"]]
            low, high = metric.get("low"), metric.get("high")
            yield ListedRun(
                path.parent.name,
                made["version"],
                path.stat().st_mtime,
                metric["label"],
                short(metric["value"]),
                "" if low is None or high is None else f"{short(low)} to {short(high)}",
                f"{made['data']['rows']:,}",
                link(page, report) if report.is_file() else "",
            )


def _trials(project: "ProjectSettings", page: Path) -> "Iterator[ListedTrial]":
    from seatrial.trial import gate
    from seatrial.trial.report import reading
    from seatrial.trial.report.page import prose
    from seatrial.trial.report.words import moment

    for path in (project.root / gate.RESULTS).glob(f"*/{gate.DOCUMENT}"):
        with suppress(*UNREADABLE):
            verdict = reading.readable(gate.read_result(path.parent))
            line = reading.headline(verdict)
            yield ListedTrial(
                reading.against(verdict),
                verdict.started,
                moment(verdict.started) if verdict.started else "",
                line.outcome.value,
                line.word,
                prose(line.cause),
                link(page, path.parent / "trial.html"),
            )


def _releases(project: "ProjectSettings") -> "Iterator[ListedRow]":
    """The releases in the project's index, where that is a folder; others are not asked only for a page."""
    from seatrial.pages.words import short
    from seatrial.release import open_index

    if project.index.folder is None:
        return
    with suppress(*UNREADABLE):
        for release in reversed(open_index(project.index).releases(project.name)):
            made = release.metadata or {}
            metric = made.get("metrics", {}).get(made.get("headline", ""), {})
            yield ListedRow(
                release.version,
                release.wheel.uploaded[:16].replace("T", " "),
                metric.get("label", ""),
                short(metric["value"]) if metric else "",
                made.get("engine", ""),
            )
