"""Faults in the new rows alone: what goes wrong between one export and the next. Catalogued 2026-11-29.

Each fault has the day on which it was added, which is before the code that has to catch it was written. The listed ones
are named in the issue that asked for them. A fault counts in the benchmark if it changes at least 1 % of the new rows'
cells or moves at least 2 % of the candidate's answers; others are too small and are counted apart.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.detection.batches import Batch, Faulty, Generator, cells_changed
from benchmarks.detection.date_faults import DATES
from benchmarks.detection.label_faults import LABELS
from benchmarks.detection.number_faults import NUMBERS
from benchmarks.detection.row_faults import JOINS, ROWS
from benchmarks.detection.text_faults import TEXTS
from seatrial.model.features import Array, Columns

LEAST_CELLS, LEAST_ANSWERS = 0.01, 0.02
ADDED = "2026-11-29"
Change = Callable[[Batch], Faulty | None]
Entry = tuple[str, str, Change]  # name, sentence, change

# The issue's own list; all other kinds are further ones.
LISTED = (
    "days_months", "hour_", "slip_", "window_", "join_", "twice_", "fan_out", "comma_", "group_default", "sentinel_",
    "category_as_another", "labels_unknown", "labels_wrong",
)  # fmt: skip


@dataclass(frozen=True)
class NewRowFault:
    """One fault; `change` returns None where a table has no column of its kind."""

    name: str
    family: str
    sentence: str
    change: Change
    added: str = ADDED

    @property
    def listed(self) -> bool:
        """Whether the issue names it."""
        return self.name.startswith(LISTED)


def _all() -> Iterator[NewRowFault]:
    families: dict[str, Sequence[Entry]] = {
        "dates": DATES, "numbers": NUMBERS, "texts": TEXTS, "joins": JOINS, "rows": ROWS, "labels": LABELS,
    }  # fmt: skip
    for family, entries in families.items():
        for name, sentence, change in entries:
            yield NewRowFault(name, family, sentence, change)


NEW_ROW_FAULTS: dict[str, NewRowFault] = {fault.name: fault for fault in _all()}


def inject_new(
    fault: NewRowFault, columns: Columns, target: Array, new: Array, generator: Generator, order: Sequence[str] = ()
) -> Faulty | None:
    """Inject a fault into the new rows (a mask); None if the table has no suitable column or nothing would change.

    `order` has the columns that the model uses, the most important first.
    """
    batch = Batch(columns, np.asarray(target), np.asarray(new, dtype=bool), generator, tuple(order))
    with np.errstate(all="ignore"):
        faulty = fault.change(batch)
    return None if faulty is None or cells_changed(batch, faulty) == 0 else faulty
