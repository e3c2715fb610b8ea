"""What to do about a verdict other than passed: the changed files, the command, the policy's key, the rows."""

from collections.abc import Iterator
from dataclasses import dataclass

from seatrial.core.quoting import shell
from seatrial.trial.compare.groups import ticked
from seatrial.trial.records import Check, Outcome, Verdict
from seatrial.trial.report.words import sentence
from seatrial.trial.verdict import order_of

MOST_CHECKS = 3  # failed checks that get a remedy, the most important first
MOST_FILES = 6
MOST_ROWS = 5
ROW_SUITES = ("data", "total", "traffic")
TABLE = "[tool.seatrial.trial]"
REFRESH = "seatrial refresh FILE"
REDESIGN = "seatrial trial --kind redesign"
REBUILD = "seatrial train && seatrial build && seatrial trial"


@dataclass(frozen=True)
class Remedy:
    """What helps against a failed check: what to do first, the command, and the line of the policy that decides.

    `policy` is empty where no policy can, or should, change the result; `code` says whether the cause is in the code.
    """

    do: str
    command: str
    policy: str = ""
    code: bool = False


_ACCEPT = 'seatrial trial accept {checks} --reason "..."'
_ACCEPT_ALL = 'seatrial trial accept --reason "..."'
# By the start of a check's name; the first that fits. The last one fits all.
REMEDIES: tuple[tuple[str, Remedy], ...] = (
    ("contract.version", Remedy("Raise the version to match what breaks.", "seatrial bump {part}", code=True)),
    ("contract.fails", Remedy("Correct the code that fails on such rows.", REBUILD, code=True)),
    ("contract.", Remedy("If callers will change too, raise the major version.", "seatrial bump major", code=True)),
    (
        "golden.baseline",
        Remedy(
            "The baseline does not reproduce its own scores; compare with another release.", "seatrial trial OLD NEW"
        ),
    ),
    ("golden.", Remedy("The wheel does not answer as its training did. Train and build it again.", REBUILD, code=True)),
    ("invariants.", Remedy("Answers must depend on the row alone. Fix the code.", REBUILD, code=True)),
    (
        "reproduce.",
        Remedy("Give every random part of the training a seed, and build from what is committed.", REBUILD, code=True),
    ),
    ("rebuild.", Remedy("If the code was changed on purpose, declare it.", REDESIGN, 'kind = "redesign"', code=True)),
    ("data.rows", Remedy("Look for the rows that are missing.", REFRESH, "max_fewer_rows")),
    (
        "data.rewritten",
        Remedy("Compare these rows with their source.", REFRESH, "max_rewritten"),
    ),
    ("data.matured", Remedy("Say which labels are not final.", _ACCEPT, "pending, labels_mature_after")),
    (
        "data.immature",
        Remedy("Leave out rows whose outcome is not known yet.", REFRESH, "labels_mature_after"),
    ),
    (
        "data.hold_out_immature",
        Remedy("Hold out rows whose outcome is known.", REFRESH, "pending, labels_mature_after"),
    ),
    ("data.lost", Remedy("Look for the rows of this group.", REFRESH)),
    ("data.repeated", Remedy("Remove the repeated rows.", REFRESH)),
    ("data.sequence", Remedy("Compare the dates of these rows with their source.", REFRESH, "time")),
    ("data.new_rows", Remedy("Correct these rows at their source, and read the table again.", REFRESH)),
    (
        "data.",
        Remedy(
            "Compare these rows with their source. If they are right, accept the difference.",
            _ACCEPT,
            "time, false_alarms",
        ),
    ),
    (
        "metrics.rows",
        Remedy("Add labelled rows, or hold more of them out (test_share).", "seatrial trial --data FILE", "min_rows"),
    ),
    ("metrics.gain", Remedy("Look for a column that is known only afterwards.", _ACCEPT, "suspicious_gain")),
    (
        "metrics.trivial",
        Remedy("The model predicts no better than a constant; see its training report.", REBUILD),
    ),
    (
        "metrics.coverage",
        Remedy("Train again, or look whether these rows are like the table's.", REBUILD, "false_alarms"),
    ),
    ("metrics.", Remedy("Compare both releases' reports.", _ACCEPT, "margin")),
    ("doubts.", Remedy("Leave the column out if it is known only afterwards.", _ACCEPT)),
    (
        "total.reference",
        Remedy("Restore the table that the baseline was trained on.", "seatrial trial", "inconclusive"),
    ),
    (
        "total.noise",
        Remedy(
            "Restore the baseline's sdist and table, so that it can be trained again.", "seatrial trial", "inconclusive"
        ),
    ),
    (
        "total.comparable",
        Remedy("Publish a model of another target or other classes as another package.", "seatrial new FILE"),
    ),
    ("total.answered", Remedy("Make the candidate answer every row that the baseline answered.", REBUILD, code=True)),
    ("total.slices", Remedy("Look at the rows of this group.", _ACCEPT, "slices, min_slice")),
    (
        "total.",
        Remedy("Look at the rows that changed most. If the data explains it, accept it.", _ACCEPT, "expected_change"),
    ),
    (
        "traffic.logged",
        Remedy("Find out why the log differs from the wheel.", _ACCEPT),
    ),
    ("traffic.rows", Remedy("Name a window in which the baseline was asked.", "seatrial trial --traffic 30d")),
    (
        "traffic.noise",
        Remedy(
            "Restore the baseline's sdist and table, so that it can be trained again.", "seatrial trial", "inconclusive"
        ),
    ),
    ("traffic.answered", Remedy("Make the candidate answer what production is asked.", REBUILD, code=True)),
    (
        "traffic.",
        Remedy("Look at the decisions that turn. If the data explains them, accept it.", _ACCEPT, "expected_change"),
    ),
    ("cost.size", Remedy("Look at what the release contains.", _ACCEPT, "max_larger", code=True)),
    ("cost.load", Remedy("Look at what the release loads.", _ACCEPT, "max_load", code=True)),
    ("cost.memory", Remedy("Look at what the release keeps in memory.", _ACCEPT, "max_memory", code=True)),
    ("cost.", Remedy("Look at what the release computes.", _ACCEPT, "max_slower", code=True)),
    ("behaviour.", Remedy("Make predictions depend on the row alone.", REBUILD, code=True)),
    ("settings.hold_out", Remedy("Hold more rows out (test_share).", REBUILD, "min_rows")),
    ("settings.", Remedy("Correct [tool.seatrial], or declare the change.", REDESIGN, 'kind = "redesign"')),
    ("gate.policy", Remedy("Put the policy back, or have the change accepted.", _ACCEPT)),
    ("gate.", Remedy("Restore what the baseline was released with.", _ACCEPT)),
    ("", Remedy("Look at this check on the trial's page.", _ACCEPT)),
)
# Where the kind is declared already.
_DECLARED = Remedy("If the code was meant to change these answers, accept the differences.", _ACCEPT, code=True)
# Where a suite could not run, whatever it is about.
_FAILED = Remedy("Correct the code that failed.", REBUILD, code=True)
_NOT_RUN = Remedy("Give the suite what it lacked.", "seatrial trial", "inconclusive")


def remedy_for(check: str) -> Remedy:
    """What helps against a check of this name."""
    return next(remedy for start, remedy in REMEDIES if check.startswith(start))


def what_to_do(verdict: Verdict) -> tuple[str, ...]:
    """What to do about a verdict that has not passed, a sentence or two for each of its most important checks."""
    if not verdict.exit_code:
        return ()
    alike: dict[Remedy, list[Check]] = {}
    for check in sorted(verdict.checks, key=order_of):
        if check.outcome is verdict.outcome:
            alike.setdefault(_remedy(verdict, check), []).append(check)
    lines = [" ".join(_sentences(verdict, remedy, checks)) for remedy, checks in alike.items()]
    return tuple(dict.fromkeys(lines))[:MOST_CHECKS]


def _remedy(verdict: Verdict, check: Check) -> Remedy:
    if "failed" in check.evidence:
        return _FAILED if check.evidence["failed"] else _NOT_RUN
    remedy = remedy_for(check.name)
    declared = remedy.command == REDESIGN and verdict.kind == "redesign"
    return _DECLARED if declared else remedy


def _sentences(verdict: Verdict, remedy: Remedy, checks: list[Check]) -> Iterator[str]:
    """What to do about checks with the same remedy, the most important of them first."""
    check = checks[0]
    if remedy.code and verdict.changed_code and verdict.baseline:
        files = ", ".join(f"`{name}`" for name in verdict.changed_code[:MOST_FILES])
        more = len(verdict.changed_code) - MOST_FILES
        yield f"Changed since {verdict.baseline.version}: {files}{f' and {more} more' if more > 0 else ''}."
    yield (sentence(check.hint) if remedy is not _DECLARED else "") or remedy.do
    if rows := _rows(check):
        yield f"Rows to look at: {rows}."
    if remedy.command != _ACCEPT:
        yield f"Command: `{remedy.command.format(part=_part(verdict))}`."
    named = " ".join(f"--check {shell(each.id)}" for each in checks[:MOST_CHECKS])
    if check.outcome is Outcome.waiting:
        yield f"Command, if all that waits is right: `{_ACCEPT_ALL}`."
    elif check.outcome is Outcome.blocked and (remedy.command == _ACCEPT or check.suite == "data"):
        given = "" if remedy.command == _ACCEPT else ", if it is right"
        yield f"Command{given}: `{_ACCEPT.format(checks=named)}`."
    elif remedy.command == _ACCEPT:
        yield "Command: `seatrial trial`."
    if remedy.policy:
        yield f"Policy: `{remedy.policy}` in {TABLE}."


def _part(verdict: Verdict) -> str:
    """Which part of the version has to be raised."""
    old, new = (verdict.baseline.version if verdict.baseline else ""), verdict.recommended_version
    for part, a, b in zip(("major", "minor"), old.split("."), new.split("."), strict=False):
        if a != b:
            return part
    return "patch"


def _rows(check: Check) -> str:
    """Which rows a check is about: examples by their number in the table, or a group of them; "" if not about rows."""
    if check.suite not in ROW_SUITES:
        return ""
    lines = check.evidence.get("lines")
    if isinstance(lines, list) and lines:
        return f"lines {', '.join(f'{int(line):,}' for line in lines[:MOST_ROWS])} of the table"
    where = ticked(check.subject) if any(mark in check.subject for mark in (" = ", ": ", " is ")) else ""
    span = check.evidence.get("span")
    if isinstance(span, list) and len(span) == 2:
        return f"lines {int(span[0]):,} to {int(span[1]):,} of the table" + (f", where {where}" if where else "")
    return f"those where {where}" if where else ""
