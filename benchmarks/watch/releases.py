"""Releases of populations: projects as a user would write them, trained by the real `train`, asked in this process."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.detection.projects import write_project
from benchmarks.detection.releasable import set_version, write_releasable
from benchmarks.watch.populations import Population
from seatrial.model.features import Array, Columns


@dataclass(frozen=True)
class Trained:
    """A release in a project's folder, and what it answers. Loaded from the source of its project."""

    folder: Path
    release: Any  # seatrial.model.Release
    facts: dict[str, Any]  # what the log's columns are made from
    sample: Array  # the positions of the population's rows that it was made from

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns of the schema."""
        return tuple(column.name for column in self.release.columns)

    def ask(self, columns: Columns) -> "Answers":
        """Ask about rows, as the server would: those that break the schema are refused."""
        import pyarrow as pa

        release, size = self.release, len(next(iter(columns.values())))
        checked, problems = release.checker.check({name: columns[name] for name in self.names})
        accepted = np.ones(size, dtype=bool)
        accepted[[problem.row for problem in problems]] = False
        rows = np.flatnonzero(accepted)
        kept = {name: values[rows] for name, values in checked.items()}
        scores = release.score_table(kept) if len(rows) else np.empty((0, len(release.metadata.classes) or 1))
        unseen = np.full(size, None, dtype=object)
        for each in release.unseen.values_in_table(kept) if len(rows) else ():
            at = rows[each.row]
            unseen[at] = f"{unseen[at]},{each.column}" if unseen[at] else each.column
        data: dict[str, Any] = {
            f"input_{fact['name']}": _arrow(kept[fact["name"]], fact["type"]) for fact in self.facts["columns"]
        }
        for name, values in release.prediction_columns(scores).items():
            data[name] = pa.array(list(values) if name == "prediction" else np.ascontiguousarray(values))
        data["unseen"] = pa.array(unseen[rows], pa.string())
        data["other_values"] = pa.nulls(len(rows), pa.string())
        errors = [(p.row, p.column, p.kind) for p in problems]
        return Answers(pa.table(data), rows, errors)


@dataclass(frozen=True)
class Answers:
    """What a release answered: the log's columns (a pyarrow.Table), of which rows, and the errors of others."""

    table: Any
    rows: Array
    errors: list[tuple[int, str, str]]


def train_release(
    population: Population, folder: Path, seed: int, *, rows: int = 0, version: str = "0.1.0", model: str = "linear"
) -> Trained:
    """Write a project whose table is a sample of the population, train it, and load it."""
    from seatrial.core.project import find_project, importable
    from seatrial.model.release import Release
    from seatrial.prediction_log.log_records import Records
    from seatrial.prediction_log.log_settings import LogSettings
    from seatrial.steps.train import train

    g = np.random.default_rng([seed, 2])
    sample = g.permutation(population.rows)[: rows or min(population.source.rows, 2_000)]
    table = {name: [_text(v) for v in values[sample].tolist()] for name, values in population.columns.items()}
    table[population.target] = population.labels(population.outcomes(sample, g))
    if population.source.name == "titanic":  # the reference project is releasable as it is
        write_project(population.source, model, table, folder)
        init = folder / "src" / "titanic_model" / "__init__.py"
    else:
        init = write_releasable(population.source, model, table, folder)
    set_version(init, version)
    project = find_project(folder)
    train(project)
    with importable(project):
        release = Release(project.package).load()
        _ = release.checker, release.unseen, release.decision, release.features
    return Trained(folder, release, Records(release, LogSettings(to=str(folder / "log")), folder).facts, sample)


def _text(value: Any) -> str:
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return ""
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _arrow(values: Array, kind: str) -> Any:
    """A column of the log in the schema's type."""
    import pyarrow as pa

    if kind == "datetime":
        return pa.array(values.tolist(), pa.timestamp("us"))
    types = {"integer": pa.int64(), "float": pa.float64(), "boolean": pa.bool_(), "string": pa.string()}
    if values.dtype.kind == "f":
        return pa.array(values, pa.float64(), from_pandas=True).cast(types.get(kind, pa.float64()))
    return pa.array(values.tolist(), types.get(kind, pa.string()))
