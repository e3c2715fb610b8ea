"""A release's code, trained again in a process that has nothing of this one: the trial's side of training_worker.py.

No code of a release is imported here. What comes back is data: tables and scores, in files that are read as such.
"""

import json
import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.model.features import Array, Columns
from seatrial.steps.training_worker import EXIT_MEMORY, OWN
from seatrial.train.column_files import (
    ColumnFileError,
    read_columns,
    read_numbers,
    read_values,
    write_columns,
    write_values,
)
from seatrial.train.hold_out import SAMPLE_SEED
from seatrial.trial.compare.queries import Scorer
from seatrial.trial.compare.row_matching import Table
from seatrial.trial.policy import Policy
from seatrial.trial.recipes import RecipeError, Training, held_out_of
from seatrial.trial.sandbox.process import Ended, Running
from seatrial.trial.sandbox.sandbox import death
from seatrial.wheels.installer import last_lines

WORKER = Path(__file__).with_name("training_worker.py")
MOST_REPLY = 2**20  # bytes
TRAININGS = 8  # of a trial, besides its replicas
TABLES_KEPT = 4
REBUILT = "rebuilt"  # the recipe of the candidate's code with the baseline's table


@dataclass
class ConfinedCode:
    """The code of one release (`role`: candidate, baseline), in a process of its own that reads and trains on request.

    `attempts` is what it tried and was refused. Every method raises RecipeError, which says what happened.
    """

    role: str
    policy: Policy
    _folder: Path
    _process: Running
    attempts: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)
    _replies: Iterator[int] = field(default_factory=count)
    _sent: list[tuple[str, Columns]] = field(default_factory=list)

    def read(self, recipe: str, data: Path, split: dict[str, Any] | None = None) -> dict[str, Any]:
        """Read a table by the release's schema, with this seed and share of held-out rows; returns those that count."""
        return self._ask(do="read", recipe=recipe, data=str(data), split=split or {}, answer="", last=True)

    def training(self, recipe: str, data: Path, *, last: bool = True) -> Training:
        """Read a table by the release's schema, and return its training on that table.

        After the `last` table, the process loads scikit-learn while it waits to be asked for scores.
        """
        facts = self._ask(do="read", recipe=recipe, data=str(data), split={}, answer=recipe, last=last)
        try:
            columns = read_columns(self._folder, recipe)
            target, train, test = (
                read_values(self._folder / f"{recipe}-{name}") for name in ("target", "train", "test")
            )
            listed = facts.get("further", [])
            keys, weights, order = (
                read_numbers(self._folder / f"{recipe}-{name}.npy") if name in listed else None
                for name in ("keys", "weights", "order")
            )
            beside = (*columns.values(), *(values for values in (keys, weights, order) if values is not None))
            if not _disjoint(train, test, len(target)) or {len(values) for values in beside} != {len(target)}:
                raise ColumnFileError("The rows of the table do not match its split.")
            order_seed, complete_below = int(facts["seed"]) + SAMPLE_SEED, float(facts["complete_below"])
        except (ColumnFileError, TypeError, ValueError, KeyError) as error:
            raise self._failed(f"returned an invalid table: {error}") from None
        table = Table(columns, target, str(facts["target"]), keys, weights)
        return Training(
            score=self.scorer(recipe),
            refit=lambda positions: self.scorer(recipe, positions),
            table=table,
            trained_rows=train,
            held_out=held_out_of(table, test),
            by_group=facts.get("by") == "group",
            order=order,
            order_seed=order_seed,
            complete_below=complete_below,
        )

    def scorer(self, recipe: str, positions: Array | None = None) -> Scorer:
        """Return a scorer of the recipe, trained as the release was, or on some of its training rows."""
        model, rows = OWN, ""
        if positions is not None:
            model = rows = f"rows-{next(self._numbers)}"
            write_values(self._folder / rows, positions)

        def score(columns: Columns) -> Array:
            size, table = len(next(iter(columns.values()))), self._send(columns)
            answer = f"scores-{next(self._numbers)}"
            self._ask(do="score", recipe=recipe, model=model, positions=rows, table=table, answer=answer)
            path = self._folder / f"{answer}.npy"
            try:
                scores = np.array(read_numbers(path), dtype=np.float64)
            except ColumnFileError as error:
                raise self._failed(f"returned no scores: {error.message}") from None
            path.unlink()
            if len(scores) != size:
                raise self._failed(f"scored {len(scores)} of {size} rows")
            return scores

        return score

    def _send(self, columns: Columns) -> str:
        """Write a table for the worker, unless it has it: replicas score the same one in turn."""
        for name, sent in self._sent:
            if sent is columns:
                return name
        name = f"table-{next(self._numbers)}"
        write_columns(self._folder, name, columns)
        self._sent = [*self._sent, (name, columns)][-TABLES_KEPT:]
        return name

    def _ask(self, **request: Any) -> dict[str, Any]:
        answer = self._folder / f"{next(self._replies)}.json"
        ended = self._process.ask(json.dumps(request), answer, self.policy.training_seconds)
        role = "rebuild" if request["recipe"] == REBUILT else self.role
        if ended:
            raise self._failed(self._reason(ended), ended)
        try:
            if answer.is_symlink() or not answer.is_file() or answer.stat().st_size > MOST_REPLY:
                raise ValueError("it is not a small file")
            reply = dict(json.loads(answer.read_bytes()))
            self.attempts += [str(each) for each in reply["attempts"] if str(each) not in self.attempts]
        except (ValueError, TypeError, KeyError, RecursionError, OSError) as error:
            raise self._failed(f"returned an invalid reply: {error}") from None
        if "failure" in reply:
            raise RecipeError(role, str(reply["failure"]), hint=str(reply.get("hint", "")))
        return reply

    def _reason(self, ended: Ended) -> str:
        if ended.filled:
            return "filled the disk, and was stopped"
        if ended.code is None:
            return f"did not finish within {self.policy.training_seconds:g} s (training_seconds)"
        if ended.code == EXIT_MEMORY:
            return f"ran out of memory (limit {self.policy.training_memory_mb} MB: training_memory_mb)"
        return death(ended.code) if ended.code < 0 else f"ended its process (exit code {ended.code})"

    def _failed(self, reason: str, ended: Ended | None = None) -> RecipeError:
        printed = last_lines(ended.stderr.strip() or ended.stdout.strip()) if ended else ""
        output = f". Its last output:\n{printed}" if printed else "."
        return RecipeError(self.role, f"The {self.role}'s code {reason}{output}")


@contextmanager
def confined_code(role: str, root: Path, tables: list[Path], policy: Policy, folder: Path) -> Iterator[ConfinedCode]:
    """Start a process for the code in the project at `root`, which may read `tables`; nothing of it is left afterwards.

    `folder` is where it may write, and where everything that is exchanged is.
    """
    folder.mkdir()
    path = [each for each in sys.path if each and Path(each).is_absolute()]
    readable = [str(root), *map(str, tables), sys.prefix, sys.base_prefix, sys.exec_prefix, *path]
    request = {
        "path": path,
        "parent": os.getpid(),
        "root": str(root),
        "memory_mb": policy.training_memory_mb,
        "cpu_seconds": math.ceil(policy.training_seconds * policy.threads) * (policy.replicas + TRAININGS),
        "readable": sorted({*readable, *(str(Path(each).resolve()) for each in readable)}),
    }
    (folder / "request.json").write_text(json.dumps(request), "utf-8")
    python = Path(sys.executable)
    limits: dict[str, Any] = {"timeout": policy.training_seconds, "threads": policy.threads}
    with Running(python, folder, **limits, script=WORKER, place=root, asked=True) as process:
        yield ConfinedCode(role, policy, folder, process)


def _disjoint(train: Array, test: Array, rows: int) -> bool:
    """Whether both are positions of rows, each once; of a sample, some rows are in neither."""
    both = np.concatenate([train, test])
    inside = both.dtype.kind == "i" and bool(((both >= 0) & (both < rows)).all())
    return inside and bool((np.bincount(both, minlength=rows) <= 1).all())
