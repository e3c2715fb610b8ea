"""The table of results, from the lines of finished cases."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from benchmarks.watch.peers import NAMES

Line = dict[str, Any]


def document(lines: Sequence[Line]) -> dict[str, Any]:
    """All figures."""
    good = [line for line in lines if "error" not in line]
    quiet = [line for line in good if not line["fault"]]
    sudden = [line for line in good if line["fault"] and not line["fault"].endswith("_slow")]
    slow = [line for line in good if line["fault"].endswith("_slow")]
    return {
        "tables": sorted({line["table"] for line in lines}),
        "errors": [f"{line['case']}: {line['error']}" for line in lines if "error" in line],
        "quiet": {
            "all": _quiet(quiet),
            **{kind: _quiet([q for q in quiet if q["kind"] == kind]) for kind in _kinds(quiet)},
        },
        "estimates": {"windows": sum(q["windows"] for q in quiet), "covered": sum(q["covered"] for q in quiet)},
        "sudden": {"all": _found(sudden), **_by_fault(sudden)},
        "slow": {"all": _found(slow), **_by_fault(slow)},
        "missed": [line["case"] for line in (*sudden, *slow) if not line["found"]],
        "not named": [
            f"{line['case']}: {line['summary']}" for line in (*sudden, *slow) if line["found"] and not _named(line)
        ],
        "alarms": Counter(name.split("[")[0].split("@")[0] for q in quiet for _, name, _ in q["alarms"]).most_common(),
    }


def _kinds(lines: Sequence[Line]) -> list[str]:
    return sorted({line["kind"] for line in lines})


def _quiet(lines: Sequence[Line]) -> dict[str, Any]:
    """Alarms in a year of daily looks, with the exact interval of a Poisson number, and those of the peers.

    A look may spend the budget of a day, also where a stream was looked at every few days only.
    """
    years = max(sum(line["looks"] for line in lines), 1) / 365
    alarms = sum(len(line["alarms"]) for line in lines)
    low, high = poisson_interval(alarms)
    return {
        "streams": len(lines), "years": round(years, 2), "alarms": alarms,
        "a year": round(alarms / years, 2), "from": round(low / years, 2), "to": round(high / years, 2),
        "peers a year": {
            name: round(365 * _ratio([line for line in lines if name in line["peer_alarms"]], name), 1)
            for name in _peers(lines)
        },
    }  # fmt: skip


def _peers(lines: Sequence[Line]) -> list[str]:
    """The names of the peers that looked at any stream."""
    return [*dict.fromkeys([*NAMES, *(name for line in lines for name in line["peer_alarms"])])]


def _ratio(lines: Sequence[Line], peer: str) -> float:
    """Alarms of a peer for each of its looks."""
    return float(sum(line["peer_alarms"][peer] for line in lines) / max(sum(line["peer_looks"] for line in lines), 1))


def poisson_interval(count: int, level: float = 0.95) -> tuple[float, float]:
    """The exact interval of a Poisson mean (Garwood 1936)."""
    from scipy.stats import chi2

    tail = (1 - level) / 2
    return (float(chi2.ppf(tail, 2 * count) / 2) if count else 0.0), float(chi2.ppf(1 - tail, 2 * count + 2) / 2)


def _found(lines: Sequence[Line]) -> dict[str, Any]:
    found = [line for line in lines if line["found"]]
    named = [line for line in found if _named(line)]
    columns = [line for line in found if line["column"]]
    return {"streams": len(lines), "found": len(found), "column first": len(columns), "cause first": len(named)}


def _named(line: Line) -> bool:
    """Whether the first alarm names the column and says what was done to it."""
    return bool(line["column"] and line["kind_named"])


def _by_fault(lines: Sequence[Line]) -> dict[str, Any]:
    return {
        name: _found([line for line in lines if line["fault"] == name]) for name in sorted({x["fault"] for x in lines})
    }


def render(lines: Sequence[Line]) -> str:
    """The figures as Markdown."""
    made = document(lines)
    names = [*made["quiet"]["all"]["peers a year"]]
    rows = [
        "| quiet streams | streams | years of daily looks | false alarms | a year (95 %) | " + " | ".join(names) + " |",
        "| --- " * (5 + len(names)) + "|",
    ]
    for kind, q in made["quiet"].items():
        if q["streams"]:
            peers = " | ".join(f"{q['peers a year'][name]:,.0f}" if name in q["peers a year"] else "" for name in names)
            rate = f"{q['a year']} ({q['from']} to {q['to']})"
            rows.append(f"| {kind} | {q['streams']} | {q['years']} | {q['alarms']} | {rate} | {peers} |")
    rows += [
        "",
        "| changes | streams | found in time | column first | cause first |",
        "| --- | --- | --- | --- | --- |",
    ]
    for group in ("sudden", "slow"):
        for name, each in made[group].items():
            if each["streams"]:
                shown = f"**{group}**" if name == "all" else name
                first = [_share(each[key], each["found"]) for key in ("column first", "cause first")]
                rows.append(
                    f"| {shown} | {each['streams']} | {_share(each['found'], each['streams'])} | {' | '.join(first)} |"
                )
    estimates = made["estimates"]
    rows += ["", f"Metrics estimated without labels: {_share(estimates['covered'], estimates['windows'])} of "
             f"{estimates['windows']:,} quiet windows within the interval of 95 %."]  # fmt: skip
    rows += ["", f"Alarms on quiet streams by kind: {dict(made['alarms'])}."] if made["alarms"] else []
    rows += ["", "Missed: " + "; ".join(made["missed"]) + "."] if made["missed"] else []
    rows += ["", f"{len(made['errors'])} cases failed: " + "; ".join(made["errors"][:5])] if made["errors"] else []
    return "\n".join(rows) + "\n"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "-"
