"""The measured tables as Markdown."""

from collections.abc import Sequence
from typing import Any

STEPS = ("new", "lint", "doctor", "train", "tests", "build", "trial", "publish", "serve", "page")
QUALITY = ("logistic", "boosting", "forest", "auto", "plain boosting", "plain linear")


def markdown(facts: dict[str, Any]) -> str:
    """Two tables: the way with its times, and the quality beside the baselines."""
    machine, found = facts["machine"], facts["tables"]
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
        "Others worked on the machine at the same time: seconds by the clock are up to twice what they would be alone.",
        "",
        "## The way of each, by the command line",
        "",
        "Seconds by the clock, each command a process of its own; in brackets those of the processor. MB is the",
        "largest process of all steps. Lint is ruff, its format, and mypy. In Chromium the form of the page was",
        "emptied and filled in by the keyboard alone, and showed what it had shown; nothing on the console, nothing",
        "from another host.",
        "",
        _heads(("table", "rows x columns", "task", "engine"), (*STEPS, "MB"), ("its own tests", "what failed")),
        *(_way(document) for document in found),
        "",
        "## Second releases",
        "",
        "A fifth of the rows was held back at first, and came with the second release.",
        "",
        _heads(("table", "verdict")),
        *(f"| {d['table']} | {d['second']} |" for d in found if d["second"]),
        "",
        "## Held-out quality, beside plain scikit-learn",
        "",
        "ROC AUC, R2, or minus the log loss, on the same held-out rows; noise is the standard error of auto's lead on",
        "the better baseline.",
        "",
        _heads(("table", "auto took"), (*QUALITY, "noise"), ("",)),
        *(_quality(document) for document in found if document.get("quality")),
        "",
    ]
    return "\n".join(lines)


def _way(document: dict[str, Any]) -> str:
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
    found = document["quality"]
    cells = [f"{found[name]:.3f}" if name in found else "" for name in (*QUALITY, "noise")]
    return f"| {document['table']} | {found['chosen']} | {' | '.join(cells)} | {verdict(found)} |"


def _heads(left: Sequence[str], right: Sequence[str] = (), after: Sequence[str] = ()) -> str:
    """The two lines above a table, with the columns of figures on the right."""
    marks = [*("---" for _ in left), *("---:" for _ in right), *("---" for _ in after)]
    return f"| {' | '.join((*left, *right, *after))} |\n| {' | '.join(marks)} |"


def verdict(found: dict[str, Any]) -> str:
    """Whether auto, or the default where auto's choice was not fitted, is at least the better baseline minus noise."""
    ours = found.get("auto", found["boosting"])
    best = max((found[name] for name in ("plain boosting", "plain linear") if name in found), default=float("-inf"))
    return "" if ours >= best - 2 * found["noise"] - 1e-9 else f"less by {best - ours:.3f}"
