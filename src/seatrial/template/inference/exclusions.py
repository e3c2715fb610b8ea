"""Decides which columns a model must not use, and which are doubtful: each with its evidence.

What is certain is left out. A doubt is only said: the column stays, and the user decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seatrial.template.inference import leak_hints, leakage
from seatrial.template.inference.association import Answer, Strength, answer_of
from seatrial.template.inference.column_arrays import sample_rows
from seatrial.template.inference.combinations import Combination, find_combinations
from seatrial.template.inference.identifiers import identifier, repeated_identifier, unnamed_group
from seatrial.template.records import DOUBT, KEPT, LEFT_OUT, ColumnFacts, Decision, Overrides, Reason, TargetFacts

ROUNDS = 5  # exact formulas that are taken apart, one after the other


def leave_out(
    columns: list[ColumnFacts], target: TargetFacts, overrides: Overrides
) -> tuple[list[ColumnFacts], list[Decision]]:
    """Mark the columns that must not be used, checking the most obvious reasons first; then say the doubts."""
    rows = sample_rows(len(target.values))
    truth = _as_numbers(target)
    answer = answer_of(target.task, truth[rows], max(len(target.labels), 2))
    choice = _Choice(columns, target, overrides, rows, truth, answer)
    choice.leave_out_useless()
    choice.leave_out_leaks()
    choice.leave_out_siblings()
    choice.take_formulas_apart()
    choice.leave_out_copies()
    choice.add_doubts()
    return [replace(c, left_out=choice.marked.get(c.name, "")) for c in columns], choice.decisions


@dataclass
class _Choice:
    columns: Sequence[ColumnFacts]
    target: TargetFacts
    overrides: Overrides
    rows: npt.NDArray[np.int64]
    truth: Any
    answer: Answer
    decisions: list[Decision] = field(default_factory=list)
    marked: dict[str, str] = field(default_factory=dict)
    doubts: dict[str, Reason] = field(default_factory=dict)
    singles: dict[str, Strength] = field(default_factory=dict)
    leaks: list[ColumnFacts] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.marked |= {c.name: c.left_out for c in self.columns if c.left_out and not self.kept(c)}

    @property
    def remaining(self) -> list[ColumnFacts]:
        return [column for column in self.columns if column.name not in self.marked]

    def kept(self, column: ColumnFacts) -> bool:
        return bool({column.name, column.source} & set(self.overrides.keep))

    def mark(self, column: ColumnFacts, why: Reason | None, *, group: bool = False) -> None:
        """Leave a column out for a reason, unless it was already, or the user keeps it."""
        if why is None or column.name in self.marked:
            return
        what = KEPT if self.kept(column) else LEFT_OUT
        self.decisions.append(Decision("group" if group else "leave out", column.name, what, *why))
        if what == LEFT_OUT:
            self.marked[column.name] = why[0]

    def leave_out_useless(self) -> None:
        """Columns that the user excludes, constants, identifiers, and those that several rows share."""
        for column in self.columns:
            if {column.name, column.source} & set(self.overrides.leave_out):
                self.mark(column, ("as requested", ""))
            self.mark(column, leakage.constant(column))
            self.mark(column, identifier(column))
            self.mark(column, repeated_identifier(column), group=True)

    def leave_out_leaks(self) -> None:
        """Columns that alone predict the target almost perfectly, or are filled in only for one outcome."""
        for column in self.remaining:
            found = leakage.leak(column, self.answer, self.rows, len(self.columns))
            if found is not None:
                self.singles[column.name] = found
            why = leakage.certain_leak(found, self.answer)
            why = why or leakage.revealed_by_presence(column, self.target, self.truth)
            self.mark(column, why)
            if why:
                self.leaks.append(column)

    def leave_out_siblings(self) -> None:
        """Near-copies of a leak that was left out; what only goes with it is a doubt."""
        dropped = [leak for leak in self.leaks if leak.name in self.marked]
        for column in self.remaining:
            for leak in dropped:
                found = leak_hints.sibling(column, leak, self.rows, len(self.columns) * len(dropped))
                if found and found[1]:
                    self.mark(column, found[0])
                elif found:
                    self.doubts.setdefault(column.name, found[0])

    def take_formulas_apart(self) -> None:
        """Where the target is computed from columns, leave out the one that knows most of it; doubt the others."""
        for _ in range(ROUNDS):
            # With a leak that the user keeps, any other column makes an exact formula.
            columns = [column for column in self.remaining if column not in self.leaks]
            found = find_combinations(columns, self.answer, self.rows, self.singles)
            exact = next((one for one in found if one.exact), None)
            by_name = {column.name: column for column in self.remaining}
            free = [name for name in exact.columns if not self.kept(by_name[name])] if exact else []
            if exact is None or not free or len(by_name) < 2:
                for one in found:
                    self._doubt(one)
                return
            result = min(free, key=lambda name: (round(self._alone(name), 2), -self._place(name)))
            why = "the target can be calculated from it"
            self.mark(by_name[result], (why, f"`{exact.formula}`: {exact.strength.evidence}"))
            self.leaks.append(by_name[result])
            for name in exact.columns:
                self.doubts.setdefault(
                    name, (f"with `{result}`, the target could be calculated from it", f"`{exact.formula}`")
                )

    def _doubt(self, one: Combination) -> None:
        what = f"`{one.formula}`: {one.strength.evidence}"
        for name in one.columns:
            others = " and ".join(f"`{other}`" for other in one.columns if other != name)
            self.doubts.setdefault(name, (f"together with {others}, it may reveal the target", what))

    def _alone(self, name: str) -> float:
        return self.singles[name].unexplained if name in self.singles else 1.0

    def _place(self, name: str) -> int:
        return next(place for place, column in enumerate(self.columns) if column.name == name)

    def leave_out_copies(self) -> None:
        """Columns that repeat another one."""
        remaining = {column.name: column for column in self.remaining}
        for name, copied in leakage.copies(list(remaining.values()), self.rows).items():
            self.mark(remaining[name], copied)

    def add_doubts(self) -> None:
        """Say what is doubtful about the columns that stay, one doubt for each."""
        names = [column.source for column in self.columns]
        leaks = [column.source for column in self.leaks if column.name in self.marked]
        for column in self.remaining:
            found = self.singles.get(column.name)
            why = (
                leakage.doubtful_leak(found, self.answer)
                or leak_hints.reveals_by_presence(column, self.target, self.truth)
                or self.doubts.get(column.name)
                or leak_hints.speaks_of_outcome(column, self.target, leaks, names, found)
            )
            if why and not self.kept(column):
                self.decisions.append(Decision("leak", column.name, DOUBT, *why))
            elif shared := unnamed_group(column, self.columns, self.rows):
                listed = ", ".join(f"`{name}`" for name in shared[:3])
                why = "it may name what several rows are about", f"rows with the same value also share {listed}"
                self.decisions.append(Decision("group", column.name, DOUBT, *why))


def _as_numbers(target: TargetFacts) -> Any:
    """The target as numbers: codes of its classes in order, so that 1 is the positive class of a binary task."""
    if target.task == "regression":
        return target.values.to_numpy(zero_copy_only=False)
    return np.asarray(pc.index_in(target.values, value_set=pa.array(target.ordered)).to_numpy(zero_copy_only=False))
