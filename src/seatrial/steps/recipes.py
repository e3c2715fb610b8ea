"""The recipes that a trial trains again: the candidate's and the baseline's, from their sdists and their tables.

Both are trained in confined processes (confined_training.py): the judge's own process runs no code of a release.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.core.progress import Progress
from seatrial.core.project import ProjectSettings, find_project
from seatrial.model.metadata import SBOM_FILE
from seatrial.release import BuiltRelease, Index, IndexedRelease
from seatrial.release.licences import bill_of_materials
from seatrial.steps.confined_training import REBUILT, ConfinedCode, confined_code
from seatrial.train.hold_out import SAMPLE_SEED
from seatrial.train.recipe import Recipe
from seatrial.train.recipe_scorer import RecipeScorer
from seatrial.trial.compare.queries import Scorer
from seatrial.trial.compare.row_matching import Table
from seatrial.trial.policy import Policy
from seatrial.trial.recipes import RecipeError, Recipes, Training, held_out_of
from seatrial.wheels.sdist import unpack_sdist
from seatrial.wheels.wheel import WheelInfo


@dataclass(frozen=True)
class _Source:
    """A release's unpacked code, and the table that it was trained on."""

    project: ProjectSettings
    table: Path


FindSource = Callable[[], _Source]


class ReplacedSdistError(SeatrialError):
    """An sdist holds other code than the wheel that was built from it."""


@contextmanager
def project_recipes(
    project: ProjectSettings,
    built: BuiltRelease,
    index: Index,
    baseline: IndexedRelease | None,
    policy: Policy,
    folder: Path,
    progress: Progress,
) -> Iterator[Recipes]:
    """Make the recipes of a project's built release, the candidate, and of the baseline; unpacked into `folder`.

    Recipes that cannot be read are listed in `missing`, with the reason.
    """

    def candidate() -> _Source:
        _require_recipe(built.wheel)
        return _Source(
            _unpack(built.sdist, built.wheel, folder / "candidate"), same_table(project, _facts(built.wheel))
        )

    def old() -> _Source:
        assert baseline is not None
        return _released(index, baseline, folder / "baseline", project)

    with _recipes(candidate, old if baseline else None, policy, folder, progress) as recipes:
        yield recipes


@contextmanager
def released_recipes(
    index: Index,
    candidate: IndexedRelease,
    baseline: IndexedRelease,
    policy: Policy,
    folder: Path,
    progress: Progress,
) -> Iterator[Recipes]:
    """Make the recipes of two releases on an index from their sdists, which are unpacked into `folder`."""

    def find(release: IndexedRelease, role: str) -> FindSource:
        return lambda: _released(index, release, folder / role)

    with _recipes(find(candidate, "candidate"), find(baseline, "baseline"), policy, folder, progress) as recipes:
        yield recipes


@contextmanager
def _recipes(
    candidate: FindSource, baseline: FindSource | None, policy: Policy, folder: Path, progress: Progress
) -> Iterator[Recipes]:
    """Train in a confined process for each release: its code never runs in this one."""
    missing: dict[str, str] = {}
    replaced: dict[str, str] = {}
    suites = {"candidate": ("reproduce", "rebuild"), "baseline": ("reproduce", "rebuild", "total")}
    sources: dict[str, _Source] = {}
    for role, find in (("candidate", candidate), ("baseline", baseline)):
        try:
            if find:
                sources[role] = find()
        except SeatrialError as error:
            missing |= dict.fromkeys(suites[role], _reason(error))
            if isinstance(error, ReplacedSdistError):
                replaced[role] = error.message
    tables = [source.table for source in sources.values()]
    with ExitStack() as stack:
        started = {
            role: stack.enter_context(
                confined_code(role, source.project.root, tables, policy, folder / f"{role}-process")
            )
            for role, source in sources.items()
        }
        trainings: dict[str, Training] = {}
        failed: set[str] = set()
        rebuilt: Scorer | None = None
        for role, code in started.items():
            progress(f"reading the {role}'s recipe")
            try:
                last = role == "baseline" or len(started) == 1  # the candidate's code reads the baseline's table too
                trainings[role] = code.training(role, sources[role].table, last=last)
            except RecipeError as error:
                missing |= dict.fromkeys(suites[role], _reason(error))
                failed.add(role)
        if len(trainings) == 2:
            rebuilt = _rebuilt(started["candidate"], sources["baseline"], missing)
        yield Recipes(
            trainings.get("candidate"),
            trainings.get("baseline"),
            rebuilt,
            missing,
            replaced,
            lambda: {role: code.attempts for role, code in started.items() if code.attempts},
            frozenset(failed),
        )


def _rebuilt(code: ConfinedCode, baseline: _Source, missing: dict[str, str]) -> Scorer | None:
    """Have the candidate's code read the baseline's table, split and seeded as the baseline was."""
    own = baseline.project
    split = {"seed": own.seed, "test_share": own.test_share, "sample": own.sample, "split": own.split.model_dump()}
    try:
        code.read(REBUILT, baseline.table, split)
    except RecipeError as error:
        missing["rebuild"] = _reason(error)
        return None
    return code.scorer(REBUILT)


def training_of(recipe: Recipe) -> Training:
    """Turn a recipe into the functions and rows that a trial uses."""
    read = recipe.table
    table = Table(read.columns, read.target, recipe.project.target, read.keys, recipe.weights_of(np.arange(read.rows)))
    return Training(
        score=RecipeScorer(recipe, recipe.fit),
        refit=lambda positions: RecipeScorer(recipe, lambda: recipe.refit(positions)),
        table=table,
        trained_rows=recipe.split.train,
        held_out=held_out_of(table, recipe.split.test),
        by_group=recipe.split.by == "group",
        order=recipe.split.order,
        order_seed=recipe.split.seed + SAMPLE_SEED,
        complete_below=recipe.split.complete_below,
    )


def _released(index: Index, release: IndexedRelease, folder: Path, project: ProjectSettings | None = None) -> _Source:
    """Unpack a release's sdist, and find the table that it was trained on: in the sdist, or stored by the project."""
    if release.sdist is None:
        raise SeatrialError(
            f"{release.requirement} has no sdist on the index.", hint="Publish the sdist together with the wheel."
        )
    wheel = index.fetch_wheel(release)
    _require_recipe(wheel)
    source = _unpack(index.fetch(release, sdist=True), wheel, folder)
    digest = _facts(wheel).get("data", {}).get("sha256", "")
    stored = [project.kept_table(digest), project.data] if project else []
    for path in (source.data, *stored):
        if path.is_file() and sha256(path) == digest:
            return _Source(source, path)
    raise SeatrialError(
        f"The table that {release.requirement} was trained on ({digest[:12]}…) is not available.",
        hint=f"Copy it to {project.kept_table(digest)}." if project else "Run the trial in its project.",
    )


def _unpack(archive: Path, wheel: WheelInfo, folder: Path) -> ProjectSettings:
    """Unpack an sdist, and require that its package is the wheel's, byte for byte, with the settings of its training.

    The rest of `src/` is what a build writes about itself (`*.egg-info`), and is removed; so is the bill of materials,
    which a wheel has in another place.
    """
    unpack_sdist(archive, folder)
    root = folder / archive.name.removesuffix(".tar.gz")
    source = find_project(root)
    for described in source.source.glob("*.egg-info"):
        shutil.rmtree(described)
    bill = source.artifacts / SBOM_FILE
    packaged = f"{wheel.package}/artifacts/{SBOM_FILE}" in wheel.record  # by another build back end than the template's
    if not packaged and bill.is_file() and bill.read_bytes() == bill_of_materials(wheel):
        bill.unlink()
    different = _difference(source, wheel) if source.root == root.resolve() else "pyproject.toml"
    if different:
        raise ReplacedSdistError(
            f"The sdist {archive.name} is not what its wheel was built from, and was not run: {different} differs.",
            hint="Find out who replaced it on the index.",
        )
    return source


def _difference(source: ProjectSettings, wheel: WheelInfo) -> str:
    """Name a file of `src/`, or a setting, that is not the wheel's; "" if there is none."""
    names = {path.relative_to(source.source).as_posix() for path in source.source.rglob("*") if not path.is_dir()}
    expected = {name for name in wheel.record if name.startswith(f"{wheel.package}/")}
    files = sorted(names ^ expected)
    if changed := files[0] if files else wheel.changed_file(source.source, required=True):
        return f"src/{changed}"
    facts = _facts(wheel)
    split = facts.get("split", {})
    trained = {"target": facts.get("target"), "seed": split.get("seed"), "weight": split.get("weight", "")}
    if (source.split.by, source.split.column) != (split.get("by", "rows"), split.get("column", "")):
        return "split"
    return next((key for key, value in trained.items() if getattr(source, key) != value), "")


def _require_recipe(wheel: WheelInfo) -> None:
    """Raise SeatrialError for a model that was fitted elsewhere: training again would give another one."""
    if fitted := _facts(wheel).get("fitted"):
        raise SeatrialError(
            f"The model of {wheel.name} {wheel.version} was fitted elsewhere ({fitted.get('file')}), "
            "so it cannot be trained again."
        )


def _facts(wheel: WheelInfo) -> dict[str, Any]:
    return wheel.release or {}


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
