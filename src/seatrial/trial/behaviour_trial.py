"""Asks a release where production will be: elsewhere, under watch, for a thousand calls, in batches of every size.

One more process asks the candidate in other conditions, all at once. Only if an answer differs there, each condition is
tried alone, and the baseline in those that matter, so that the verdict can name the one that it depends on.
"""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.model.schema import Column
from seatrial.trial.behaviour_checks import (
    PURE,
    WORDS,
    check_endurance,
    check_reads,
    described,
    needs_baseline,
    same_elsewhere,
    seems_slower,
)
from seatrial.trial.compare.behaviour import rows_off
from seatrial.trial.compare.queries import Blocks
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, NotComparedError, Outcome
from seatrial.trial.rows.answer_collection import CollectedAnswers, RepeatedAnswers, flat, repeated_query
from seatrial.trial.rows.varied_rows import varied_values
from seatrial.trial.sandbox.answers import Answers, EnduranceMeasurements, OutsideRead
from seatrial.trial.sandbox.conditions import Conditions, all_conditions, dates, single_conditions
from seatrial.trial.sandbox.queries import InjectedFault, Job, MeasureEndurance, Row, Score
from seatrial.trial.sandbox.sandbox import Sandbox

SIZES = (1, 2, 7, 64, 1000, 10_000)
SAMPLED = 200  # rows of each block that are scored elsewhere too
BLOCKS = ("rows", "probes")
ROWS_SHOWN = 20
VARIABLE, MOST_VARIABLES = re.compile(r"(?!LD_|PYTHON|SEATRIAL)[A-Za-z_][A-Za-z0-9_]{0,99}"), 20
MEASURED_AGAIN = 2  # times, where calls seem to become slower
# What a difference in a condition comes from, where a function was seen to read it.
READ_BY = {
    "date": ("clock",), "zone": ("clock",), "variables": ("variable",), "folder": ("file",), "locale": ("locale",),
    "process": tuple(WORDS), "variables set": ("variable",),
}  # fmt: skip


@dataclass(frozen=True)
class ConditionDifference:
    """What a release answers differently in one condition: its short name, the words for it, and the rows."""

    name: str
    words: str
    off: Array
    most: float
    failure: str = ""


@dataclass(frozen=True)
class Moved:
    """One release, and what it is asked in other conditions: its golden rows, and some rows of the trial's table.

    `fault` is injected into it first. `alone` are the conditions that are tried alone where a score differs, all if it
    is None; and without `lasting`, the release is not asked for a long time.
    """

    sandbox: Sandbox
    golden: Sequence[Row]
    blocks: Blocks
    policy: Policy
    columns: Sequence[Column] = ()
    fault: InjectedFault | None = None
    alone: Sequence[str] | None = None
    lasting: bool = True

    @cached_property
    def sample(self) -> Array:
        """The positions of the rows in the blocks' table, in which these blocks come first."""
        spans = [self.blocks.spans[name] for name in BLOCKS]
        parts = [np.unique(np.linspace(s.start, s.stop - 1, SAMPLED).astype(int)) for s in spans if s.stop > s.start]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=int)

    @cached_property
    def table(self) -> Columns:
        """These rows."""
        return {name: values[self.sample] for name, values in self.blocks.rows(*BLOCKS).items()}

    @property
    def more_threads(self) -> int:
        """How many threads a compiled model gets. Scikit-learn's own sums depend on their number, which is no fault."""
        native = (self.sandbox.wheel.release or {}).get("engine") == "native"
        return self.policy.threads if native else self.policy.threads + 1

    @property
    def single_conditions(self) -> dict[str, tuple[str, Conditions]]:
        """Each of the other conditions alone."""
        every = single_conditions(self.policy.threads, self.more_threads)
        return {name: each for name, each in every.items() if self.alone is None or name in self.alone}

    def jobs(self, name: str) -> list[Job]:
        """Ask everything once."""
        golden = repeated_query(self.golden, f"golden {name}", self.fault)
        return [golden, Score(f"table {name}", self.table, fault=self.fault)]

    def ask_everywhere(self) -> Answers:
        """Ask in all other conditions at once, on each of the other dates, and then for a long time."""
        moments = dates()
        jobs = {name: self.jobs(name) for name in moments}
        first = next(iter(moments))
        clocks = {job.name: seconds for name, seconds in moments.items() for job in jobs[name]}
        conditions = all_conditions(first, clocks, [job.name for job in jobs[first]], self.more_threads)
        lasting = [self.endurance] if self.lasting else []
        return self.ask([*(job for each in jobs.values() for job in each), *lasting], conditions)

    def ask(self, jobs: Sequence[Job], conditions: Conditions) -> Answers:
        """Ask in these conditions. Raises NotComparedError where the release fails, with its fault or without one."""
        answers = self.sandbox.ask(jobs, conditions)
        for failure in answers.failures.values():
            raise NotComparedError(f"The {self.sandbox.role} {failure}", hint="Look at its code.")
        return answers

    @property
    def endurance(self) -> MeasureEndurance:
        """Ask for a long time: the golden rows again and again, and rows that differ each time."""
        return MeasureEndurance(self.golden, SIZES, varied=varied_values(self.columns, self.golden), fault=self.fault)

    def scores(self, answers: Answers, name: str, scoring: Scoring) -> Array:
        """The scores of the golden rows and of the table's, one below the other."""
        golden, table = answers.predicted[f"golden {name}"].together, answers.scored[f"table {name}"]
        return flat(np.concatenate([golden.scores, table.scores]), not scoring.classifies)

    def reads(self) -> tuple[OutsideRead, ...]:
        """What the release reads besides its arguments; nothing if it cannot be asked."""
        jobs = self.jobs("watched")
        conditions = Conditions(clock=dates()["next year"], threads=self.policy.threads, watched=[j.name for j in jobs])
        try:
            return self.ask(jobs, conditions).elsewhere.reads
        except NotComparedError:
            return ()

    def ask_in(self, name: str, conditions: Conditions, scoring: Scoring) -> Array | str:
        """The scores in one condition; or why there are none."""
        try:
            return self.scores(self.ask(self.jobs(name), conditions), name, scoring)
        except NotComparedError as error:
            return error.message


NOT_TRIED = Check(
    "behaviour.lasting", "behaviour", Outcome.noted,
    "The release failed in other conditions, so what it reads, batches, and a thousand calls were not tried.",
    evidence={"not_run": True},
)  # fmt: skip
Baseline = tuple[Moved, Array] | None  # and the scores that it gives in the usual conditions


class BehaviourTrial:
    """The candidate's behaviour: asked in the background from the beginning, and judged at the end."""

    def __init__(self, moved: Moved) -> None:
        self._moved = moved
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="behaviour")  # its process dies with this thread
        self._asked = self._pool.submit(self._moved.ask_everywhere)

    def checks(
        self,
        repeated_answers: RepeatedAnswers,
        collected: CollectedAnswers,
        scoring: Scoring,
        baseline: Baseline = None,
    ) -> list[Check]:
        """Judge; `baseline` is asked where the candidate fails."""
        return self.judge(expected_scores(repeated_answers, collected, self._moved.sample, scoring), scoring, baseline)

    def judge(self, expected: Array, scoring: Scoring, baseline: Baseline = None) -> list[Check]:
        """Judge by the scores in the usual conditions."""
        try:
            answers = self._asked.result()
        except NotComparedError as error:
            found = self._alone(expected, scoring) or [
                ConditionDifference("elsewhere", "in other conditions", np.zeros(0, bool), 0.0, error.message)
            ]
            return [*(self._check(each, (), baseline, scoring) for each in found), NOT_TRIED]
        finally:
            self._pool.shutdown()
        reads = answers.elsewhere.reads
        found = self._differences(answers, expected, scoring)
        set_variables = self._variables(expected, reads, scoring)
        found += [set_variables] if set_variables else []
        checks = [self._check(each, reads, baseline, scoring) for each in found]
        checks = checks or [
            same_elsewhere(answers, len(expected), self._moved.more_threads > self._moved.policy.threads)
        ]
        explained = {kind for each in found for kind in READ_BY.get(each.name, ())}
        checks += check_reads(reads, explained, baseline[0].reads() if reads and baseline else ())
        changed = answers.elsewhere.changed_globals
        if changed:
            names = ", ".join(f"`{name}` of {file}" for file, name in changed)
            summary = f"global variables of the package change with every call: {names}"
            checks.append(Check("behaviour.globals", "behaviour", Outcome.noted, summary, hint=PURE))
        lasting = answers.endurance.get("endurance")
        return checks + (self._endurance(lasting, baseline, scoring) if lasting else [])

    def _differences(self, answers: Answers, expected: Array, scoring: Scoring) -> list[ConditionDifference]:
        first, *later = dates()
        tolerance = self._moved.policy.tolerance
        off, most = rows_off(scoring, expected, self._moved.scores(answers, first, scoring), tolerance)
        if off.any():
            together = ConditionDifference("together", "in other conditions, though in none of them alone", off, most)
            return self._alone(expected, scoring) or [together]
        for name in later:
            off, most = rows_off(scoring, expected, self._moved.scores(answers, name, scoring), tolerance)
            if off.any():
                return [ConditionDifference("date", f"on another date ({name})", off, most)]
        return []

    def _alone(self, expected: Array, scoring: Scoring) -> list[ConditionDifference]:
        """Find the conditions that alone change an answer, or make the release fail."""
        found = []
        for name, (words, conditions) in self._moved.single_conditions.items():
            difference = self._difference(name, words, self._moved.ask_in(name, conditions, scoring), expected, scoring)
            found += [difference] if difference else []
            if found and name == "process":
                break  # then no other one can be told from it
        return found

    def _difference(
        self, name: str, words: str, scores: Array | str, expected: Array, scoring: Scoring
    ) -> ConditionDifference | None:
        if isinstance(scores, str):
            return ConditionDifference(name, words, np.zeros(0, bool), 0.0, scores)
        off, most = rows_off(scoring, expected, scores, self._moved.policy.tolerance)
        return ConditionDifference(name, words, off, most) if off.any() else None

    def _check(
        self,
        difference: ConditionDifference,
        reads: Sequence[OutsideRead],
        baseline: Baseline,
        scoring: Scoring,
    ) -> Check:
        shared = self._baseline_too(difference.name, baseline, scoring)
        because = [r for r in reads if r.kind in READ_BY.get(difference.name, ())]
        why = f": {'; '.join(dict.fromkeys(map(described, because)))}" if because else ""
        if difference.failure:
            summary = f"the candidate cannot answer {difference.words}: {difference.failure}"
        else:
            rows, golden = np.flatnonzero(difference.off), len(self._moved.golden)
            where = f"golden row {rows[0] + 1}" if rows[0] < golden else f"row {rows[0] - golden + 1} of the others"
            most = f"by up to {difference.most:.3g}, " if np.isfinite(difference.most) else ""
            summary = (
                f"the candidate scores {len(rows):,} of {len(difference.off):,} rows differently {difference.words}, "
                f"{most}first {where}{why}"
            )
        return Check(
            "behaviour.elsewhere", "behaviour", Outcome.waiting if shared else Outcome.blocked,
            f"{summary}{'. So does the baseline' if shared else ''}", subject=difference.name, severity=float("inf"),
            hint=PURE, evidence={"rows": np.flatnonzero(difference.off)[:ROWS_SHOWN].tolist()},
        )  # fmt: skip

    def _baseline_too(self, name: str, baseline: Baseline, scoring: Scoring) -> bool:
        """Whether the baseline's answers differ in this condition as well."""
        conditions = self._moved.single_conditions.get(name)
        if baseline is None or conditions is None:
            return False
        old, expected = baseline
        scores = old.ask_in(name, conditions[1], scoring)
        return self._difference(name, "", scores, expected, scoring) is not None

    def _variables(self, expected: Array, reads: Sequence[OutsideRead], scoring: Scoring) -> ConditionDifference | None:
        """Set the environment variables that are read, and see whether that changes a score."""
        names = settable([read.what for read in reads if read.kind == "variable"])
        if not names:
            return None
        conditions = Conditions(threads=self._moved.policy.threads, variables=dict.fromkeys(names, "1"))
        scores = self._moved.ask_in("set", conditions, scoring)
        words = f"if {' and '.join(f'`{name}`' for name in names)} is set"
        return self._difference("variables set", words, scores, expected, scoring)

    def _endurance(
        self,
        found: EnduranceMeasurements,
        baseline: Baseline,
        scoring: Scoring,
    ) -> list[Check]:
        old = None
        if baseline and needs_baseline(found):
            old = self._again(baseline[0].sandbox, replace(baseline[0].endurance, sizes=(1,)))
        query = replace(self._moved.endurance, sizes=(1,))
        for _ in range(MEASURED_AGAIN):  # a busy machine slows calls down as well
            again = self._again(self._moved.sandbox, query) if seems_slower(found) else None
            found = _with_times(found, again) if again else found
        return check_endurance(found, old, scoring, self._moved.policy)

    def _again(self, sandbox: Sandbox, query: MeasureEndurance) -> EnduranceMeasurements | None:
        try:
            return sandbox.ask([query]).endurance[query.name]
        except NotComparedError:
            return None


def _with_times(found: EnduranceMeasurements, again: EnduranceMeasurements) -> EnduranceMeasurements:
    """The same measurements, with the seconds of others."""
    new_rows = found.new_rows and again.new_rows and replace(found.new_rows, seconds=again.new_rows.seconds)
    return replace(found, seconds=again.seconds, new_rows=new_rows or found.new_rows)


def settable(names: Sequence[str]) -> list[str]:
    """The names of environment variables that can be set for a trial: a model may name anything."""
    return [name for name in dict.fromkeys(names) if VARIABLE.fullmatch(name)][:MOST_VARIABLES]


def expected_scores(answers: RepeatedAnswers, collected: CollectedAnswers, sample: Array, scoring: Scoring) -> Array:
    """What a release answered in the usual conditions to its golden rows and to these rows of the table."""
    golden = flat(answers.predicted.together.scores, not scoring.classifies)
    return np.concatenate([golden, collected.scores[sample]])
