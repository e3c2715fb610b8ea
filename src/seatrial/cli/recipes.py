"""The recipes that a trial trains again: the project's own, and the baseline's from its sdist and its table."""

import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.core.project import Project, find_project
from seatrial.model.features import Array, Columns
from seatrial.release import Index, IndexedRelease
from seatrial.train.recipe import Recipe, read_recipe
from seatrial.trial.compare.history import Table
from seatrial.trial.recipes import Recipes, Training

Progress = Callable[[str], None]


def project_recipes(
    project: Project,
    facts: dict[str, Any],
    index: Index,
    baseline: IndexedRelease | None,
    folder: Path,
    progress: Progress,
) -> Recipes:
    """Read the recipes of the project and of the baseline, which is unpacked into `folder`.

    `facts` is the candidate's release.json. What cannot be read stands in `missing`, with the reason.
    """
    missing: dict[str, str] = {}
    candidate = base = None
    rebuilt = None
    progress("reading the candidate's recipe")
    try:
        _same_table(project.data, facts, "The project's table")
        candidate = _training(read_recipe(project))
    except SeatrialError as error:
        missing["reproduce"] = _told(error)
    if baseline is not None:
        progress("reading the baseline's recipe")
        try:
            source, table = _baseline(project, index, baseline, folder)
            base = _training(read_recipe(source, data=table))
            again = read_recipe(replace(project, data=table, seed=source.seed, test_share=source.test_share))
            rebuilt = _Scorer(again, again.fit)
        except SeatrialError as error:
            missing |= dict.fromkeys(("reproduce", "rebuild", "total"), _told(error))
    return Recipes(candidate, base, rebuilt, missing)


def _training(recipe: Recipe) -> Training:
    return Training(
        score=_Scorer(recipe, recipe.fit),
        refit=lambda positions: _Scorer(recipe, lambda: recipe.refit(positions)),
        target=recipe.table.target[recipe.split.train],
        table=Table(recipe.table.columns, recipe.table.target, recipe.project.target),
    )


class _Scorer:
    """Scores raw columns with a pipeline that is fitted when it is first asked."""

    _typed: dict[int, tuple[Columns, Columns]] = {}  # noqa: RUF012 - replicas are asked the same table one by one

    def __init__(self, recipe: Recipe, fit: Callable[[], Any]) -> None:
        self._recipe = recipe
        self._fit = fit
        self._fitted: Any = None

    def __call__(self, columns: Columns) -> Array:
        if self._fitted is None:
            self._fitted = self._fit()
        known = self._typed.get(id(self._recipe))
        if known is None or known[0] is not columns:
            checked, _ = self._recipe.checker.check(columns)
            known = self._typed[id(self._recipe)] = (columns, checked)
        scores: Array = self._fitted(known[1])
        return scores


def _baseline(project: Project, index: Index, baseline: IndexedRelease, folder: Path) -> tuple[Project, Path]:
    """Unpack the baseline's sdist, and find the table that it was trained on."""
    if baseline.sdist is None:
        raise SeatrialError(
            f"{baseline.requirement} has no sdist on the index.", hint="Publish wheel and sdist together."
        )
    archive = index.fetch(baseline, sdist=True)
    with tarfile.open(archive) as content:
        content.extractall(folder, filter="data")
    source = find_project(folder / archive.name.removesuffix(".tar.gz"))
    wanted = (baseline.metadata or {}).get("data", {}).get("sha256", "")
    for path in (source.data, project.kept_table(wanted), project.data):
        if path.is_file() and sha256(path) == wanted:
            return source, path
    raise SeatrialError(
        f"The table that {baseline.requirement} was trained on ({wanted[:12]}…) is not at hand.",
        hint=f"Put it to {project.kept_table(wanted)}.",
    )


def _same_table(path: Path, facts: dict[str, Any], what: str) -> None:
    wanted = facts.get("data", {}).get("sha256")
    if not path.is_file() or sha256(path) != wanted:
        raise SeatrialError(
            f"{what} {path.name} is not the one that the wheel was trained on.", hint="Train and build."
        )


def _told(error: SeatrialError) -> str:
    return f"{error.message} {error.hint}".strip()
