"""The benchmark's results as Markdown and JSON: what was caught, what was wrongly blocked, which cause was named."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks.detection.rivals import NAMES
from benchmarks.detection.scenarios import MATURED

Line = dict[str, Any]
NOT_TRIED = ("not applicable", "rejected", "error")
STOPPED = ("blocked", "waiting", "inconclusive")
GOALS = {
    "serve-side faults caught": (">=", 0.995),
    "all faults caught": (">=", 0.99),
    "data faults caught (whole table and new rows)": (">=", 0.90),
    "harmless releases stopped": ("<=", 0.01),
    "harmless releases stopped, worst setup": ("<=", 0.05),
    "cause named first": (">=", 0.80),
}
KINDS = {"serve": "serve-side", "code": "code", "data": "data, whole table", "new rows": "data, new rows alone"}


def read_lines(path: Path) -> list[Line]:
    """The finished cases; a line that an interruption cut off is left out."""
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            lines.append(json.loads(text))
        except ValueError:
            continue
    return lines


def render(lines: list[Line]) -> tuple[str, dict[str, Any]]:
    """Tables for people, and the same figures as a JSON document."""
    lines = [line for line in lines if line["kind"] in (*KINDS, "benign") and line["outcome"] not in NOT_TRIED]
    text: list[str] = []
    document: dict[str, Any] = {}
    for role in ("reported", "tuned on"):
        part = [line for line in lines if line["role"] == role and not line.get("timed", False)]
        if any(line["kind"] in KINDS for line in part):
            sources = ", ".join(sorted({line["source"] for line in part}))
            text += [f"### {'Reported' if role == 'reported' else 'Tuned on'}: {sources}", ""]
            document[role] = _part(part, text)
    return "\n".join(text), document


def _part(lines: list[Line], text: list[str]) -> dict[str, Any]:
    faults = [line for line in lines if line["kind"] in KINDS]
    real = [line for line in faults if not line["equivalent"]]
    benign = [line for line in lines if line["kind"] == "benign" and not line["family"].startswith(MATURED)]
    data = [line for line in real if line["kind"] in ("data", "new rows")]
    setups = sorted({(line["source"], line["model"]) for line in benign})
    rates = {s: _share([b for b in benign if (b["source"], b["model"]) == s], stopped) for s in setups}
    caught = [line for line in real if stopped(line)]
    figures = {
        "serve-side faults caught": _share([r for r in real if r["kind"] == "serve"], stopped),
        "all faults caught": _share(real, stopped),
        "data faults caught (whole table and new rows)": _share(data, stopped),
        "harmless releases stopped": _share(benign, stopped),
        "harmless releases stopped, worst setup": max(rates.values(), default=float("nan")),
        "cause named first": _share(caught, lambda line: line["named"]),
    }
    text += ["| goal | reached | |", "| --- | --- | --- |"]
    for name, value in figures.items():
        sign, goal = GOALS[name]
        good = value >= goal if sign == ">=" else value <= goal
        text.append(f"| {name} {sign} {goal:.1%} | {value:.2%} | {'yes' if good else '**no**'} |")
    halted = sum(map(stopped, benign))
    text += ["", f"{len(real):,} faults; {len(faults) - len(real)} equivalent mutants, apart; {len(benign)} harmless "
             f"releases, {halted} stopped (95 % interval {interval(halted, len(benign))}).", ""]  # fmt: skip
    text += _kinds_table(real, benign)
    text += _suites_table(real)
    text += _benign_table(benign)
    text += _missed_table(real)
    return {
        "goals": figures,
        "faults": len(real),
        "equivalent": len(faults) - len(real),
        "harmless": len(benign),
        "stopped": halted,
        "setups": {" ".join(s): rate for s, rate in rates.items()},
        "missed": _missed(real),
    }


def _kinds_table(real: list[Line], benign: list[Line]) -> list[str]:
    text = [f"| caught of | n | the trial | cause named | {' | '.join(NAMES)} |", "| --- " * (4 + len(NAMES)) + "|"]
    for kind, words in KINDS.items():
        text.append(_row(words, [line for line in real if line["kind"] == kind]))
    text.append(_row("all faults", real))
    text.append(_row("*harmless releases stopped*", benign, named=False))
    return [*text, ""]


def _row(words: str, lines: list[Line], *, named: bool = True) -> str:
    caught = [line for line in lines if stopped(line)]
    cause = f"{_share(caught, lambda line: line['named']):.1%}" if named and caught else ""
    rivals = " | ".join(f"{_share(lines, lambda line, n=name: line['rivals'][n]):.1%}" for name in NAMES)  # type: ignore[misc]
    return f"| {words} | {len(lines):,} | {_share(lines, stopped):.1%} | {cause} | {rivals} |"


SUITES = {
    "golden rows, invariants, trained again": ("golden.", "invariants.", "reproduce."),
    "rebuild": ("rebuild.",),
    "total: changes against the noise floor, metrics": ("total.", "metrics."),
    "data by fingerprints": ("data.rows", "data.column", "data.labels"),
    "data row by row": ("data.rewritten", "data.lost", "data.repeated"),
    "new rows": ("data.new_rows", "data.arrivals", "data.tie", "data.partners", "data.label_rates", "data.surprise"),
}


def _suites_table(real: list[Line]) -> list[str]:
    """What each part would have caught alone; serve-side faults are left out, as the exact suites end their run."""
    kinds = ("code", "data", "new rows")
    text = [f"| caught by this part alone | {' | '.join(KINDS[k] for k in kinds)} |", "| --- " * 4 + "|"]
    for words, names in SUITES.items():
        shares = [
            _share(
                [r for r in real if r["kind"] == k], lambda line, n=names: any(f.startswith(n) for f in line["failed"])
            )  # type: ignore[misc]
            for k in kinds
        ]
        text.append(f"| {words} | {' | '.join(f'{share:.0%}' for share in shares)} |")
    return [*text, ""]


def _benign_table(benign: list[Line]) -> list[str]:
    text = ["| harmless change | n | stopped | by |", "| --- | --- | --- | --- |"]
    for family in dict.fromkeys(line["family"] for line in benign):
        part = [line for line in benign if line["family"] == family]
        by = sorted({check for line in part if stopped(line) for check in line["failed"]})
        text.append(f"| {family} | {len(part)} | {sum(map(stopped, part))} | {', '.join(by)} |")
    return [*text, ""]


def _missed(real: list[Line]) -> dict[str, str]:
    counts: dict[str, list[int]] = {}
    for line in real:
        count = counts.setdefault(f"{KINDS[line['kind']]}: {line['name']}", [0, 0])
        count[0] += not stopped(line)
        count[1] += 1
    return {name: f"{missed} of {tried}" for name, (missed, tried) in counts.items() if missed}


def _missed_table(real: list[Line]) -> list[str]:
    missed = _missed(real)
    return ["| missed | |", "| --- | --- |", *(f"| {name} | {count} |" for name, count in missed.items()), ""]


def stopped(line: Line) -> bool:
    """Whether the trial did not pass a candidate."""
    return line["outcome"] in STOPPED


def _share(lines: Iterable[Line], test: Callable[[Line], bool]) -> float:
    results = [bool(test(line)) for line in lines]
    return sum(results) / len(results) if results else float("nan")


def interval(hits: int, count: int) -> str:
    """Clopper and Pearson's exact interval."""
    from scipy.stats import beta

    low = float(beta.ppf(0.025, hits, count - hits + 1)) if hits else 0.0
    high = float(beta.ppf(0.975, hits + 1, count - hits)) if hits < count else 1.0
    return f"{low:.2%} to {high:.2%}"
