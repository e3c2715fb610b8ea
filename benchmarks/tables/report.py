"""The measured tables as Markdown."""

from collections.abc import Sequence
from typing import Any

STEPS = ("new", "lint", "doctor", "train", "tests", "build", "trial", "publish", "serve", "page")
QUALITY = ("logistic", "boosting", "forest", "auto", "plain boosting", "plain linear")


def markdown(facts: dict[str, Any]) -> str:
    """Two tables: every step with its time, and the quality next to the baselines."""
    machine, tables = facts["machine"], facts["tables"]
    packages = machine["packages"]
    about = (
        f"`python -m benchmarks.tables --data FOLDER --write`, {facts['date']}, {machine['cores']} cores, "
        f"{machine['memory_gib']} GiB, Python {machine['python']}, scikit-learn {packages['scikit-learn']}, "
        f"onnxruntime {packages['onnxruntime']}, commit {machine['commit']}."
    )
    lines = [
        "# Any table",
        "",
        about,
        "The machine was shared: wall-clock seconds are up to twice what they would be on an idle one.",
        "",
        "## Every step, on the command line",
        "",
        "Wall-clock seconds, each command in its own process; in brackets, seconds of processor time. MB is the",
        "largest process of all steps. Lint is ruff, its format, and mypy. In Chromium the form on the page was",
        "emptied and filled in again with the keyboard alone, and showed the same answer; no messages on the console,",
        "and no requests to another host.",
        "",
        _heads(("table", "rows x columns", "task", "engine"), (*STEPS, "MB"), ("the project's tests", "what failed")),
        *(_lifecycle(document) for document in tables),
        "",
        "## Second releases",
        "",
        "A fifth of the rows was held back at first, and added for the second release.",
        "",
        _heads(("table", "verdict")),
        *(f"| {d['table']} | {d['second']} |" for d in tables if d["second"]),
        "",
        "## Held-out quality, next to plain scikit-learn",
        "",
        "ROC AUC, R2, or negative log loss, on the same held-out rows; noise is the standard error of auto's lead over",
        "the better baseline.",
        "",
        _heads(("table", "auto chose"), (*QUALITY, "noise"), ("",)),
        *(_quality(document) for document in tables if document.get("quality")),
        "",
    ]
    return "\n".join(lines)


def _lifecycle(document: dict[str, Any]) -> str:
    steps = document["steps"]
    cells = [_seconds(steps.get(name), processor=name in ("new", "train")) for name in STEPS]
    peak = max((step["peak_mb"] for step in steps.values()), default=0)
    tests = document["tests"].partition(" in ")[0]
    failed = document["failed"].replace("|", "/").replace("\n", " ")[:200]
    size = f"{document['rows']:,} x {document['columns']}"
    row = (document["table"], size, document["task"], document["engine"], *cells, f"{peak:,.0f}", tests, failed)
    return f"| {' | '.join(row)} |"


def _seconds(step: dict[str, Any] | None, *, processor: bool) -> str:
    if step is None:
        return ""
    return f"{step['seconds']:.1f} ({step['cpu']:.1f})" if processor else f"{step['seconds']:.1f}"


def _quality(document: dict[str, Any]) -> str:
    scores = document["quality"]
    cells = [f"{scores[name]:.3f}" if name in scores else "" for name in (*QUALITY, "noise")]
    return f"| {document['table']} | {scores['chosen']} | {' | '.join(cells)} | {shortfall(scores)} |"


def _heads(left: Sequence[str], right: Sequence[str] = (), after: Sequence[str] = ()) -> str:
    """The two header lines of a table, with right-aligned columns for figures."""
    marks = [*("---" for _ in left), *("---:" for _ in right), *("---" for _ in after)]
    return f"| {' | '.join((*left, *right, *after))} |\n| {' | '.join(marks)} |"


def shortfall(scores: dict[str, Any]) -> str:
    """How far auto is below the better baseline minus noise, if at all; the default where auto was not fitted."""
    ours = scores.get("auto", scores["boosting"])
    best = max((scores[name] for name in ("plain boosting", "plain linear") if name in scores), default=float("-inf"))
    return "" if ours >= best - 2 * scores["noise"] - 1e-9 else f"less by {best - ours:.3f}"
