"""The recipes that a trial trains again: the project's own, and the baseline's from its sdist and its table."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.core.progress import Progress
from seatrial.core.project import ProjectSettings, find_project
from seatrial.model.features import Array, Columns
from seatrial.release import Index, IndexedRelease
from seatrial.train.recipe import Recipe, read_recipe
from seatrial.train.reference_rows import take
from seatrial.trial.compare.row_matching import Table
from seatrial.trial.recipes import Recipes, Training
from seatrial.trial.rows.reference import LabelledRows
from seatrial.wheels.sdist import unpack_sdist

CodeAndTable = Callable[[], tuple[ProjectSettings, Path]]  # a project's code, and the table that it was trained on


def project_recipes(
    project: ProjectSettings,
    facts: dict[str, Any],
    index: Index,
    baseline: IndexedRelease | None,
    folder: Path,
    progress: Progress,
) -> Recipes:
    """Read the recipe of a project, as the candidate, and of the baseline, which is unpacked into `folder`.

    `facts` is the candidate's release.json. Recipes that cannot be read are listed in `missing`, with the reason.
    """
    return _recipes(
        lambda: (project, same_table(project, facts)),
        (lambda: _unpack(index, baseline, folder / "baseline", project)) if baseline else None,
        progress,
    )


def released_recipes(
    index: Index, candidate: IndexedRelease, baseline: IndexedRelease, folder: Path, progress: Progress
) -> Recipes:
    """Read the recipes of two releases on an index from their sdists, which are unpacked into `folder`."""
    return _recipes(
        lambda: _unpack(index, candidate, folder / "candidate"),
        lambda: _unpack(index, baseline, folder / "baseline"),
        progress,
    )


def _recipes(candidate: CodeAndTable, baseline: CodeAndTable | None, progress: Progress) -> Recipes:
    missing: dict[str, str] = {}
    new_training = old_training = rebuilt = None
    progress("reading the candidate's recipe")
    try:
        code, table = candidate()
        new_training = training_of(read_recipe(code, data=table))
    except SeatrialError as error:
        missing |= dict.fromkeys(("reproduce", "rebuild"), _reason(error))
    if baseline:
        progress("reading the baseline's recipe")
        try:
            old_code, old_table = baseline()
            old_training = training_of(read_recipe(old_code, data=old_table))
            if new_training:
                again = read_recipe(replace(code, data=old_table, seed=old_code.seed, test_share=old_code.test_share))
                rebuilt = _Scorer(again, again.fit)
        except SeatrialError as error:
            missing |= dict.fromkeys(("reproduce", "rebuild", "total"), _reason(error))
    return Recipes(new_training, old_training, rebuilt, missing)


def training_of(recipe: Recipe) -> Training:
    """Turn a recipe into the functions and rows that a trial uses."""
    return Training(
        score=_Scorer(recipe, recipe.fit),
        refit=lambda positions: _Scorer(recipe, lambda: recipe.refit(positions)),
        target=recipe.table.target[recipe.split.train],
        table=Table(recipe.table.columns, recipe.table.target, recipe.project.target),
        trained=take(recipe.table.columns, recipe.split.train),
        held_out=LabelledRows(recipe.held_out, recipe.table.target[recipe.split.test]),
    )


class _Scorer:
    """Scores raw columns with a pipeline that is fitted on first use.

    Rows that the recipe's schema rejects get NaN: its feature functions never see them, and need not handle them.
    """

    # Replicas score the same table one after another. For each recipe: the table, a mask of the rows that its schema
    # accepts, and these rows as checked.
    _checked: dict[int, tuple[Columns, Array, Columns]] = {}  # noqa: RUF012

    def __init__(self, recipe: Recipe, fit: Callable[[], Any]) -> None:
        self._recipe = recipe
        self._fit = fit
        self._fitted: Any = None

    def __call__(self, columns: Columns) -> Array:
        if self._fitted is None:
            self._fitted = self._fit()
        cached = self._checked.get(id(self._recipe))
        if cached is None or cached[0] is not columns:
            checked, problems = self._recipe.checker.check(columns)
            valid = np.ones(len(next(iter(checked.values()))), dtype=bool)
            valid[[problem.row for problem in problems]] = False
            cached = (columns, valid, checked if valid.all() else take(checked, np.flatnonzero(valid)))
            self._checked[id(self._recipe)] = cached
        _, valid, checked = cached
        classes = len(self._recipe.table.classes)
        scores: Array = np.full((len(valid), classes) if classes else len(valid), np.nan)
        if valid.any():
            scores[valid] = self._fitted(checked)
        return scores


def _unpack(
    index: Index, release: IndexedRelease, folder: Path, project: ProjectSettings | None = None
) -> tuple[ProjectSettings, Path]:
    """Unpack a release's sdist, and find the table that it was trained on: in the sdist, or stored by the project."""
    if release.sdist is None:
        raise SeatrialError(
            f"{release.requirement} has no sdist on the index.", hint="Publish the sdist together with the wheel."
        )
    archive = index.fetch(release, sdist=True)
    unpack_sdist(archive, folder)
    source = find_project(folder / archive.name.removesuffix(".tar.gz"))
    digest = (release.metadata or {}).get("data", {}).get("sha256", "")
    stored = [project.kept_table(digest), project.data] if project else []
    for path in (source.data, *stored):
        if path.is_file() and sha256(path) == digest:
            return source, path
    raise SeatrialError(
        f"The table that {release.requirement} was trained on ({digest[:12]}…) is not available.",
        hint=f"Copy it to {project.kept_table(digest)}." if project else "Run the trial in its project.",
    )


def same_table(project: ProjectSettings, facts: dict[str, Any]) -> Path:
    """Return the project's table, if it is the one that a wheel with this release.json was trained on."""
    path = project.data
    if not path.is_file() or sha256(path) != facts.get("data", {}).get("sha256"):
        raise SeatrialError(
            f"{path.name} is not the table that the wheel was trained on.", hint="Train and build again, or restore it."
        )
    return path


def _reason(error: SeatrialError) -> str:
    return f"{error.message} {error.hint}".strip()
