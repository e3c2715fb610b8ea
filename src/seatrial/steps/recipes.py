"""The recipes that a trial trains again: the project's own, and the baseline's from its sdist and its table."""

import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.core.project import ProjectSettings, find_project
from seatrial.model.features import Array, Columns
from seatrial.release import Index, IndexedRelease
from seatrial.train.recipe import Recipe, read_recipe
from seatrial.train.reference_rows import take
from seatrial.trial.compare.row_matching import Table
from seatrial.trial.recipes import Recipes, Training
from seatrial.trial.rows.reference import LabelledRows

Progress = Callable[[str], None]


def project_recipes(
    project: ProjectSettings,
    facts: dict[str, Any],
    index: Index,
    baseline: IndexedRelease | None,
    folder: Path,
    progress: Progress,
) -> Recipes:
    """Read the recipe of a project, as the candidate, and of the baseline, which is unpacked into `folder`.

    `facts` is the candidate's release.json. What cannot be read stands in `missing`, with the reason.
    """
    return _recipes(
        lambda: (project, same_table(project, facts)),
        (lambda: _unpacked(index, baseline, folder / "baseline", project)) if baseline else None,
        progress,
    )


def released_recipes(
    index: Index, candidate: IndexedRelease, baseline: IndexedRelease, folder: Path, progress: Progress
) -> Recipes:
    """Read the recipes of two releases on an index from their sdists, which are unpacked into `folder`."""
    return _recipes(
        lambda: _unpacked(index, candidate, folder / "candidate"),
        lambda: _unpacked(index, baseline, folder / "baseline"),
        progress,
    )


Source = Callable[[], tuple[ProjectSettings, Path]]  # a project's code, and the table that it was trained on


def _recipes(candidate: Source, baseline: Source | None, progress: Progress) -> Recipes:
    missing: dict[str, str] = {}
    mine = theirs = rebuilt = None
    progress("reading the candidate's recipe")
    try:
        code, table = candidate()
        mine = training_of(read_recipe(code, data=table))
    except SeatrialError as error:
        missing |= dict.fromkeys(("reproduce", "rebuild"), _told(error))
    if baseline:
        progress("reading the baseline's recipe")
        try:
            source, old_table = baseline()
            theirs = training_of(read_recipe(source, data=old_table))
            if mine:
                again = read_recipe(replace(code, data=old_table, seed=source.seed, test_share=source.test_share))
                rebuilt = _Scorer(again, again.fit)
        except SeatrialError as error:
            missing |= dict.fromkeys(("reproduce", "rebuild", "total"), _told(error))
    return Recipes(mine, theirs, rebuilt, missing)


def training_of(recipe: Recipe) -> Training:
    """Give a recipe as a trial takes it."""
    return Training(
        score=_Scorer(recipe, recipe.fit),
        refit=lambda positions: _Scorer(recipe, lambda: recipe.refit(positions)),
        target=recipe.table.target[recipe.split.train],
        table=Table(recipe.table.columns, recipe.table.target, recipe.project.target),
        trained=take(recipe.table.columns, recipe.split.train),
        held_out=LabelledRows(recipe.held_out, recipe.table.target[recipe.split.test]),
    )


class _Scorer:
    """Scores raw columns with a pipeline that is fitted when it is first asked.

    Rows that the recipe's schema refuses get NaN: its feature functions never meet them, and need not bear them.
    """

    # Replicas are asked the same table one by one: it, which of its rows the schema takes, and these as checked.
    _typed: dict[int, tuple[Columns, Array, Columns]] = {}  # noqa: RUF012

    def __init__(self, recipe: Recipe, fit: Callable[[], Any]) -> None:
        self._recipe = recipe
        self._fit = fit
        self._fitted: Any = None

    def __call__(self, columns: Columns) -> Array:
        if self._fitted is None:
            self._fitted = self._fit()
        known = self._typed.get(id(self._recipe))
        if known is None or known[0] is not columns:
            checked, problems = self._recipe.checker.check(columns)
            good = np.ones(len(next(iter(checked.values()))), dtype=bool)
            good[[problem.row for problem in problems]] = False
            known = (columns, good, checked if good.all() else take(checked, np.flatnonzero(good)))
            self._typed[id(self._recipe)] = known
        _, good, checked = known
        classes = len(self._recipe.table.classes)
        every: Array = np.full((len(good), classes) if classes else len(good), np.nan)
        if good.any():
            every[good] = self._fitted(checked)
        return every


def _unpacked(
    index: Index, release: IndexedRelease, folder: Path, project: ProjectSettings | None = None
) -> tuple[ProjectSettings, Path]:
    """Unpack a release's sdist, and find the table that it was trained on: in it, or kept by the project."""
    if release.sdist is None:
        raise SeatrialError(f"{release.requirement} has no sdist on the index.", hint="Publish both together.")
    archive = index.fetch(release, sdist=True)
    with tarfile.open(archive) as content:
        content.extractall(folder, filter="data")
    source = find_project(folder / archive.name.removesuffix(".tar.gz"))
    wanted = (release.metadata or {}).get("data", {}).get("sha256", "")
    kept = [project.kept_table(wanted), project.data] if project else []
    for path in (source.data, *kept):
        if path.is_file() and sha256(path) == wanted:
            return source, path
    raise SeatrialError(
        f"The table that {release.requirement} was trained on ({wanted[:12]}…) is not at hand.",
        hint=f"Put it to {project.kept_table(wanted)}." if project else "Hold the trial in its project.",
    )


def same_table(project: ProjectSettings, facts: dict[str, Any]) -> Path:
    """Give the project's table if it is the one that a wheel with this release.json was trained on."""
    path = project.data
    if not path.is_file() or sha256(path) != facts.get("data", {}).get("sha256"):
        raise SeatrialError(f"{path.name} is not the table that the wheel was trained on.", hint="Train again.")
    return path


def _told(error: SeatrialError) -> str:
    return f"{error.message} {error.hint}".strip()
