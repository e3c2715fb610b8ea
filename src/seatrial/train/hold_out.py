"""Which rows are held out: at random by each row's content, the newest ones, or whole groups of rows.

A random split flatters where rows of the same customer are on both sides, since a model can recognize the customer,
and where a model predicts later rows than it was trained on (Kaufman et al. 2012). `[tool.seatrial.split]` says which.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings
from seatrial.core.split_settings import SplitBy
from seatrial.model.features import Array, Floats
from seatrial.model.row_hash import row_hashes
from seatrial.model.row_split import buckets_of, group_places
from seatrial.train.training_table import TrainingTable

FARTHEST = 2.0  # times more or fewer rows than test_share asks for, where ties or groups do not allow more precision
NEAR = 0.1  # of the rows to hold out: of the limits that are this close, the one with the most similar labels is taken
FEW_GROUPS = 10
SAMPLE_SEED = 1  # added to the project's, so that the sample does not depend on what is held out
FEWER_HELD_OUT = "Hold fewer rows out (test_share), or leave these rows out until there are more of them."
OTHER_SEED = "Try another seed in [tool.seatrial], or leave the label out of the table."
Hashes = Callable[[int], Floats]  # of all rows, by the seed
BIGGER_SAMPLE = "Set a larger `sample` in [tool.seatrial], or leave the label out of the table."


@dataclass(frozen=True)
class Split:
    """Positions of the rows to train on and of those held out, in the table's order.

    `cuts` says later whether a row was held out. By rows, it has for each class (or for "all", in a regression) the row
    hash below which its rows are held out; by group, the place below which a group is; by time, the first time that is.
    `groups` counts the groups that the rows are from: those trained on and those held out. `sampled_from` counts the
    rows that the rows to train on are a sample of; 0 where they are all that are not held out. `measured` counts all
    rows that are held out, where `test` has only those of them that are in memory; otherwise it is 0. Of a table that
    is not in memory, `order` has a hash of each row that is, and all rows with one up to `complete_below` are.
    """

    train: Array
    test: Array
    seed: int
    stratified: bool
    cuts: dict[str, float]
    by: SplitBy = "rows"
    column: str = ""
    groups: tuple[int, int] | None = None
    sampled_from: int = 0
    measured: int = 0
    order: Floats | None = None
    complete_below: float = 1.0

    @property
    def held_out(self) -> int:
        """The number of rows that are held out."""
        return self.measured or len(self.test)

    @property
    def record(self) -> dict[str, object]:
        """What release.json says about it, besides the numbers of rows."""
        said = {"seed": self.seed, "stratified": self.stratified, "cuts": self.cuts, "by": self.by}
        counted = {"groups": list(self.groups)} if self.groups else {}
        sampled = {"sampled_from": self.sampled_from} if self.sampled_from else {}
        sampled |= {"kept": len(self.test)} if len(self.test) < self.measured else {}
        return {**said, **({"column": self.column} if self.column else {}), **counted, **sampled}


def split(table: TrainingTable, project: ProjectSettings, hashes: Hashes | None = None) -> Split:
    """Hold out a share of the rows, and train on the others or on a sample of them, as the project's settings say.

    Whatever a row is held out by, it depends on the row alone and on one limit, not on the row's place in the table. So
    releases can be compared on rows that none of them has seen. `hashes` gives those of a table whose columns are not
    in memory. Raises SeatrialError where the rows cannot be split.
    """
    known = hashes or partial(_hashes, table)
    whole = _whole(table, project, known)
    if not 0 < project.sample < len(whole.train):
        return whole
    sampled = lowest(known(project.seed + SAMPLE_SEED), whole.train, project.sample)
    left = np.ones(table.rows, dtype=bool)
    left[sampled] = False
    _require_every_class(table, project, left, "among the rows that are not in the sample", BIGGER_SAMPLE)
    return replace(whole, train=sampled, sampled_from=len(whole.train))


def _hashes(table: TrainingTable, seed: int) -> Floats:
    return row_hashes(table.columns, list(table.columns), table.target, seed=seed)


def lowest(order: Floats, rows: Array, most: int) -> Array:
    """Take the rows with the lowest hashes of their content, so that most stay when the table grows; ascending."""
    return rows if most >= len(rows) else np.sort(rows[np.argpartition(order[rows], most)[:most]])


def _whole(table: TrainingTable, project: ProjectSettings, hashes: Hashes) -> Split:
    by = project.split.by
    if by == "rows":
        return _by_rows(table, project, hashes(project.seed))
    assert table.keys is not None
    test, cut = (_by_time if by == "time" else _by_group)(table, table.keys, project)
    if by == "time":
        where, hint = "among the newest rows, which are held out", FEWER_HELD_OUT
    else:
        where, hint = "in groups that are held out", OTHER_SEED
    _require_every_class(table, project, test, where, hint)
    groups = None
    if by == "group":
        held_out = len(np.unique(table.keys[test]))
        groups = (len(np.unique(table.keys)) - held_out, held_out)
    parts = np.flatnonzero(~test), np.flatnonzero(test)
    return Split(*parts, project.seed, False, {"all": cut}, by, project.split.column, groups)


def _by_rows(table: TrainingTable, project: ProjectSettings, hashes: Floats) -> Split:
    """Hold out a share of the rows of each class, by a hash of the seed and the row's content.

    That shuffles like any seed, and a row stays in its part when other rows are added, removed or reordered. Raises
    SeatrialError where a class has only one row.
    """
    stratified = table.task != "regression"
    test = np.zeros(table.rows, dtype=bool)
    cuts = {}
    for label in table.classes if stratified else ("all",):
        mask = table.target == label if stratified else np.ones(table.rows, dtype=bool)
        rows = int(mask.sum())
        if rows < 2:
            rows_text = f"only one row has {project.target} = {label}" if stratified else "there is only one row"
            raise SeatrialError(
                f"{project.data.name}: {rows_text}, but training and evaluation need at least one each.",
                hint="Collect more such rows, or remove the label from the table.",
            )
        held_out = min(max(round(rows * project.test_share), 1), rows - 1)
        cut = cuts[str(label)] = float(np.partition(hashes[mask], held_out)[held_out])
        test |= mask & (hashes < cut)
    return Split(np.flatnonzero(~test), np.flatnonzero(test), project.seed, stratified, cuts)


def _by_time(table: TrainingTable, times: Floats, project: ProjectSettings) -> tuple[Array, float]:
    """Hold out the newest rows: a mask, and the first time of those. Rows of one time are on one side."""
    distinct, counts = np.unique(times, return_counts=True)
    if len(distinct) < 2:
        raise SeatrialError(
            f"{project.data.name}: `{project.split.column}` is the same in every row, so no row is newer than another.",
            hint="Name the column with the time of a row in [tool.seatrial.split], or remove that table.",
        )
    held_out = np.cumsum(counts[::-1])[::-1][1:]  # rows from each time on, except the first
    best = int(np.abs(held_out - project.test_share * table.rows).argmin())
    _require_near(int(held_out[best]), table.rows, project, f"most rows have the same `{project.split.column}`")
    cut = float(distinct[best + 1])
    return times >= cut, cut


def _by_group(table: TrainingTable, keys: Floats, project: ProjectSettings) -> tuple[Array, float]:
    """Hold out whole groups, those with the lowest places: a mask, and the first place that is trained on.

    A group's place depends on its key and the seed only, so that it stays on its side when the table grows. Of the
    limits that give about the right number of rows, the one with the most similar labels on both sides is taken.
    """
    distinct, codes = np.unique(buckets_of(keys), return_inverse=True)
    name, column = project.data.name, project.split.column
    if len(distinct) < 2:
        raise SeatrialError(
            f"{name}: `{column}` has one value only, so all rows are one group.",
            hint="Name a column that tells groups of rows apart in [tool.seatrial.split], or remove that table.",
        )
    places = group_places(distinct, project.seed)
    order = np.argsort(places)
    per_group = np.stack([np.bincount(codes, values, len(distinct)) for values in _weighed(table)], axis=1)
    held_out = np.cumsum(per_group[order], axis=0)[:-1]  # the sums of the first groups, at least one and not all
    wanted = project.test_share * table.rows
    distance = np.abs(held_out[:, 0] - wanted)
    near = np.flatnonzero(distance <= max(NEAR * wanted, distance.min()))
    shares = held_out[near, 1:] / held_out[near, :1]
    unlike = np.abs(shares - per_group[:, 1:].sum(axis=0) / table.rows).sum(axis=1)
    best = int(near[unlike.argmin()])
    largest = float(per_group[:, 0].max()) / table.rows
    _require_near(int(held_out[best, 0]), table.rows, project, f"one value of `{column}` has {largest:.0%} of the rows")
    cut = float(places[order[best + 1]])
    return (places < cut)[codes], cut


def _weighed(table: TrainingTable) -> Iterator[Floats]:
    """What is summed for each group: its rows, and its rows of each class, or its target on a common scale."""
    yield np.ones(table.rows)
    if table.task != "regression":
        for label in table.classes:
            yield (table.target == label).astype(np.float64)
    else:
        yield (table.target - table.target.mean()) / (float(table.target.std()) or 1.0)


def _require_near(held_out: int, rows: int, project: ProjectSettings, why: str) -> None:
    share, wanted = held_out / rows, project.test_share
    if not wanted / FARTHEST <= share <= wanted * FARTHEST or not 0 < held_out < rows:
        raise SeatrialError(
            f"{project.data.name}: a split by {project.split.by} would hold out {share:.0%} of the rows in place of "
            f"{wanted:.0%}, because {why}.",
            hint="Split by a finer column in [tool.seatrial.split], or set test_share to a share that is possible.",
        )


def _require_every_class(
    table: TrainingTable, project: ProjectSettings, left_out: Array, where: str, hint: str
) -> None:
    """No class may be missing among the rows to train on: its rows could not be predicted."""
    for label in table.classes:
        if not ((table.target == label) & ~left_out).any():
            raise SeatrialError(
                f"{project.data.name}: {project.target} = {label} occurs only {where}, so it cannot be learned.",
                hint=hint,
            )


def doubts_about_split(split: Split) -> dict[str, str]:
    """Say, by a name, what makes the metrics less certain than their intervals; empty if nothing does."""
    if split.groups is None or min(split.groups) >= FEW_GROUPS:
        return {}
    trained, held_out = split.groups
    return {
        "few_groups": f"The rows are from few groups of `{split.column}`: {trained} to train on and {held_out} held "
        "out, so the metrics may be quite different for others."
    }
