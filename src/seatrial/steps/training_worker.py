"""The process in which a trial trains a release's code again: `python -I training_worker.py FOLDER`.

It confines itself before it imports any code of the release, with the sandbox's own means, and then answers one line of
JSON after the other. It reads and writes tables as data (train/column_files.py), in FOLDER only. A reply is a file that
appears whole.
"""

import json
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seatrial.train.recipe import Recipe
    from seatrial.train.recipe_scorer import RecipeScorer

MOST_ROWS = 1_000_000  # of a table, above which no other one is kept in memory beside it
MODELS_KEPT = 2  # replicas that stay in memory, besides the model of the release itself
OWN = "own"
EXIT_MEMORY = 4


def main(folder: Path) -> None:
    """Confine this process, and answer until its input ends."""
    request = json.loads((folder / "request.json").read_bytes())
    sys.path[:] = request["path"]
    sys.dont_write_bytecode = True
    from seatrial.trial.sandbox import confinement, kernel_limits

    confinement.die_with_parent(request["parent"])
    confinement.limit(request["memory_mb"], request["cpu_seconds"])
    alone = confinement.leave_network()
    within = kernel_limits.confine(request["readable"], [str(folder)])
    if not within and not kernel_limits.missing():
        sys.exit("The kernel did not confine this process, although it can.")
    guard = confinement.Guard(request["readable"], [str(folder)])
    worker = _Worker(folder, Path(request["root"]))
    for number, line in enumerate(sys.stdin):
        request = json.loads(line)
        last = request.pop("last", False)
        reply = worker.reply(request)
        reply |= {"attempts": guard.attempts, "namespace": alone, "kernel": within}
        part = folder / f"{number}.part"
        part.write_text(json.dumps(reply, default=str), "utf-8")
        part.replace(folder / f"{number}.json")
        if last:
            _load_ahead()
    os._exit(0)  # without running anything that the release left behind


def _load_ahead() -> None:
    """Load what every pipeline needs while the trial does other things; otherwise, the first training loads it."""
    with suppress(Exception):
        import sklearn.compose
        import sklearn.pipeline  # noqa: F401


class _Worker:
    """The release's recipes, by the names that the trial gives them, and the models that they were trained to."""

    def __init__(self, folder: Path, root: Path) -> None:
        self._folder, self._root = folder, root
        self._recipes: dict[str, Recipe] = {}
        self._sources: dict[str, tuple[str, dict[str, Any]]] = {}
        self._models: dict[str, RecipeScorer] = {}
        self._table: tuple[str, Any] = ("", {})

    def reply(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what is asked; whatever the release's code raises is a reply too."""
        from seatrial.core.errors import SeatrialError

        calls: dict[str, Callable[..., dict[str, Any]]] = {"read": self._read, "score": self._score}
        try:
            return calls[request.pop("do")](**request)
        except MemoryError:
            os._exit(EXIT_MEMORY)
        except SeatrialError as error:
            return {"failure": error.message, "hint": error.hint}
        except SystemExit as error:
            return {"failure": f"It called sys.exit({error.code!r}).", "hint": ""}
        except BaseException as error:  # the code may raise anything
            traceback.print_exception(error)
            return {"failure": f"It failed: {type(error).__name__}: {error}"[:500], "hint": ""}

    def _read(self, recipe: str, data: str, split: dict[str, Any], answer: str) -> dict[str, Any]:
        """Read the code and a table; with `answer`, write what was read to files of that name."""
        import numpy as np

        from seatrial.train.column_files import write_columns, write_values

        self._sources[recipe] = data, split
        self._recipes.pop(recipe, None)
        read = self._recipe(recipe)
        if answer:
            write_columns(self._folder, answer, read.table.columns)
            parts = {"target": read.table.target, "train": read.split.train, "test": read.split.test}
            weights = read.weights_of(np.arange(read.table.rows))
            further = {"keys": read.table.keys, "weights": weights, "order": read.split.order}
            for name, values in {**parts, **further}.items():
                if values is not None:
                    write_values(self._folder / f"{answer}-{name}", values)
        used = asdict(read.project)
        sides = {"keys": read.table.keys, "weights": read.table.weights, "order": read.split.order}
        named = [name for name, values in sides.items() if values is not None]
        facts = {name: used[name] for name in ("target", "seed", "test_share")}
        return {**facts, "further": named, "by": read.split.by, "complete_below": read.split.complete_below}

    def _recipe(self, name: str) -> "Recipe":
        """A recipe, which is read if it is not in memory; where its table is large, the others are dropped."""
        from seatrial.compile import reference_scorer
        from seatrial.core.project import find_project
        from seatrial.core.split_settings import SplitSettings
        from seatrial.train.recipe import read_recipe

        if name in self._recipes:
            return self._recipes[name]
        if any(read.table.rows > MOST_ROWS for read in self._recipes.values()):
            self._recipes.clear()
        data, split = self._sources[name]
        if "split" in split:
            split = {**split, "split": SplitSettings.model_validate(split["split"])}
        project = replace(find_project(self._root), **split)
        self._recipes[name] = read_recipe(project, data=Path(data), reference=reference_scorer)
        return self._recipes[name]

    def _score(self, recipe: str, model: str, positions: str, table: str, answer: str) -> dict[str, Any]:
        """Score a table with a model, which is trained on first use: on these rows, or as the release was."""
        from seatrial.train.column_files import read_columns, write_values

        if self._table[0] != table:
            self._table = (table, read_columns(self._folder, table))
        scorer = self._models.get(f"{recipe} {model}") or self._model(recipe, model, positions)
        write_values(self._folder / answer, scorer(self._table[1]))
        return {}

    def _model(self, recipe: str, model: str, positions: str) -> "RecipeScorer":
        from seatrial.train.column_files import read_numbers
        from seatrial.train.recipe_scorer import RecipeScorer

        read = self._recipe(recipe)
        replicas = [name for name in self._models if not name.endswith(f" {OWN}")]
        for name in replicas[:-MODELS_KEPT]:
            del self._models[name]
        if model == OWN:
            scorer = RecipeScorer(read, read.fit)
            if read.table.rows > MOST_ROWS:
                scorer.fit_without_table(read)
        else:
            rows = read_numbers(self._folder / f"{positions}.npy")
            scorer = RecipeScorer(read, lambda: read.refit(rows))
        self._models[f"{recipe} {model}"] = scorer
        return scorer


if __name__ == "__main__":
    main(Path(sys.argv[1]))
