"""The page of a proof: the counts first, then what nothing would notice and what would close it, then everything."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from seatrial.pages import render
from seatrial.pages.charts import Svg
from seatrial.trial.prove.proof import FAMILIES, Family, GateProof, Tried, counted
from seatrial.trial.report.page import prose
from seatrial.trial.report.words import cell, cleaned, count, moment, sentence

WAYS = ("constant", "missing", "shuffled")
WAY_WORDS = {"constant": "always the same", "missing": "always missing", "shuffled": "another row's"}
WORDS = {
    "caught": "caught",
    "missed": "missed",
    "unchanged": "changes nothing",
    "passed": "passed",
    "blocked": "blocked",
}
# The classes and marks of a trial's page that the outcomes of a proof are drawn with.
STATES = {"caught": "passed", "missed": "blocked", "unchanged": "unrun", "passed": "passed", "blocked": "blocked"}
THIN = 0.01  # of the answers asked: a fault that changes fewer is caught by a hair
MOST_NAMES = 12


@dataclass(frozen=True)
class Spot:
    """One weak spot: what nothing would notice, or what is stopped for nothing, and what would close it."""

    summary: str
    closing: tuple[str, ...]
    name: str


@dataclass(frozen=True)
class Cell:
    """What comes of one fault in one column."""

    state: str
    word: str
    told: str


def weak_spots(proof: GateProof) -> list[Spot]:
    """Name the weak spots, a column's own first, harmless changes that were stopped last."""
    missed = sorted(proof.of("missed"), key=lambda each: each.family != "columns")
    return [Spot(_unnoticed(each), each.closing, each.name) for each in missed] + list(_stopped(proof))


def _stopped(proof: GateProof) -> Iterator[Spot]:
    """Harmless changes that were stopped, together where the same check stops them."""
    by_check: dict[str, list[Tried]] = {}
    for each in proof.of("blocked"):
        by_check.setdefault(each.check.partition("[")[0], []).append(each)
    for together in by_check.values():
        first, number = together[0], len(together)
        told = f"{number} harmless changes were stopped, as" if number > 1 else "A harmless change was stopped,"
        summary = f"{told} {first.sentence}. {first.cause}"
        yield Spot(summary, first.closing, ", ".join(each.name for each in together))


def _unnoticed(each: Tried) -> str:
    if each.family != "columns":
        told = f", here in {' and '.join(f'`{name}`' for name in each.columns)}" if each.columns else ""
        return sentence(f"nothing would notice that {each.sentence}{told}")
    way, column = each.name.partition("[")[0], each.columns[0]
    were = {"constant": "were constant", "missing": "were always missing", "shuffled": "were that of another row"}[way]
    return f"Nothing would notice if `{column}` {were}."


def to_html(proof: GateProof) -> str:
    """Render the page: no script, nothing to fetch, no clock."""
    proof = _readable(proof)
    return render(
        "prove.html",
        proof=proof,
        state="blocked" if proof.exit_code else "passed",
        line=sentence(proof.headline),
        when=moment(proof.started) if proof.started else "",
        spots=[(prose(spot.summary), [prose(told) for told in spot.closing], spot.name) for spot in weak_spots(proof)],
        families=[(name, good, bad, same, _shares(good, bad, same)) for name, good, bad, same in counted(proof)],
        ways=[WAY_WORDS[way] for way in WAYS],
        matrix=list(_matrix(proof)),
        alone=list(_alone(proof)),
        thin=[(prose(sentence(each.sentence)), each.changed, each.rows) for each in _thin(proof)],
        groups=[_group(proof, family) for family in FAMILIES],
        policy=[(name, cell(value)) for name, value in proof.policy.items()],
        asked=[
            count(number, f"{name} row").replace("probes row", "made-up row") for name, number in proof.rows.items()
        ],
        words=WORDS,
    )


def _readable(proof: GateProof) -> GateProof:
    """The same proof with every text cleaned: names come from the package under test."""
    tried = tuple(replace(each, **{**cleaned(vars(each)), **_tuples(each)}) for each in proof.tried)
    return replace(proof, name=cleaned(proof.name), version=cleaned(proof.version), tried=tried)


def _tuples(each: Tried) -> dict[str, Any]:
    return {name: tuple(cleaned(getattr(each, name))) for name in ("columns", "failed", "closing")}


def _shares(*counts: int) -> list[tuple[str, float]]:
    total = sum(counts) or 1
    return [(state, number / total) for state, number in zip(("passed", "blocked", "unrun"), counts, strict=True)]


def _matrix(proof: GateProof) -> Iterator[tuple[str, list[Cell]]]:
    """Each column with what comes of it when it is constant, always missing, or another row's."""
    found = {each.name: each for each in proof.tried if each.family == "columns"}
    for column in dict.fromkeys(each.columns[0] for each in found.values()):
        cells = []
        for way in WAYS:
            each = found.get(f"{way}[{column}]")
            if each is None:
                cells.append(Cell("none", "cannot be", ""))
            elif each.came == "unchanged":
                cells.append(Cell("unrun", "not used", ""))
            else:
                cells.append(Cell(STATES[each.came], WORDS[each.came], each.check.partition("[")[0]))
        yield column, cells


def _alone(proof: GateProof) -> Iterator[tuple[str, list[Svg], int]]:
    """The checks that are the only one to catch something: without them these faults would pass."""
    by_check: dict[str, list[str]] = {}
    for each in proof.of("caught"):
        if len(each.failed) == 1 and each.family != "training data":  # these are not asked further once data block
            by_check.setdefault(each.failed[0], []).append(each.sentence)
    for check, names in sorted(by_check.items(), key=lambda pair: -len(pair[1])):
        yield check, [prose(name) for name in names[:MOST_NAMES]], len(names)


def _thin(proof: GateProof) -> list[Tried]:
    """Faults that few answers told."""
    return [each for each in proof.of("caught") if 0 < each.changed <= THIN * each.rows]


def _group(proof: GateProof, family: Family) -> tuple[str, list[tuple[Tried, str, str, Svg, Svg]], bool]:
    """A family's lines; it is shown at once where something of it went wrong."""
    mine = [each for each in proof.tried if each.family == family]
    wrong = [each for each in mine if each.came in ("missed", "blocked")]
    return family, [_line(each) for each in [*wrong, *(each for each in mine if each not in wrong)]], bool(wrong)


def _line(each: Tried) -> tuple[Tried, str, str, Svg, Svg]:
    told = f"{each.changed:,} of {each.rows:,}" if each.rows else ""
    return each, STATES[each.came], told, prose(sentence(each.sentence)), prose(each.cause)
