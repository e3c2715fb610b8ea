"""The cells of the benchmark: every fault and every harmless change of one world, each held through the trial once."""

import dataclasses
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks.detection.holding import hold
from benchmarks.detection.rivals import rivals
from benchmarks.detection.worlds import Candidate, Served, World, changed, part
from seatrial.compile.proof_rows import generate
from seatrial.core.project import importable
from seatrial.model.features import Array, Columns
from seatrial.train.recipe import Fitted
from seatrial.trial.compare.statistics import sensitivity
from seatrial.trial.prove import catalogue, data_faults, fault_transforms
from seatrial.trial.records import Outcome
from seatrial.trial.verdict import judge

Result = dict[str, Any]
REPEATS = 4  # of each harmless change, with other rows or another seed
HARMLESS = {
    "another seed": REPEATS,
    "15 % more rows": REPEATS,
    "rolling window": REPEATS,
    "rows shuffled": 1,
    "refactoring": 1,
    "columns reordered": 1,
    "nothing changed": 1,
}
CODE = (
    "drop_strong", "drop_medium", "drop_weak", "swap_alike", "swap_unlike", "constant", "impute_zero", "indicator_lost",
    "category_order", "unseen_first", "case_folded", "integers", "clipped", "float16", "logarithm", "thousands",
)  # fmt: skip
# What the first line must say where no column is to blame; any of these words will do.
WORDS = {
    "impute_zero": ("missing",), "indicator_lost": ("missing",), "carried_forward": ("missing", "order", "alone"),
    "class_index": ("classes", "reversed"), "threshold": ("threshold", "decide"), "temperature": ("scale",),
    "softmax_twice": ("scale",), "rounded": ("rounded",), "half_scores": ("precision", "rounded"),
    "cut_scores": ("scale", "cut"), "cut_predictions": ("scale", "cut"), "log_scale": ("scale",),
    "not_deterministic": ("deterministic",), "shifted": ("order", "shifted", "alone"), "sorted": ("order",),
    "nulls_base": ("missing",), "nulls_dropped": ("dropped", "missing"), "always_same": ("same answer",),
    "buffered": ("order", "batch"), "cached": ("order", "batch"), "alone_differs": ("alone",),
    "batch_statistics": ("batch", "order"), "join_shifted": ("order", "batch"), "float16": ("precision",),
    "float32": ("precision",), "rounded_inputs": ("precision", "rounded"),
    "underfit": ("code",), "labels_misaligned": ("code",),
}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One thing to try: its name, what kind it is, and what makes the checks."""

    name: str
    kind: str  # serve, code, data, benign
    family: str
    run: Callable[[], Result]


def cells(world: World) -> Iterator[Cell]:
    """Every cell of a world."""
    facts = facts_of(world)
    for seed in catalogue.seeds(facts):
        yield Cell(seed.fault.name, "serve", seed.fault.family, partial(_serve, world, seed))
        if seed.fault.name in CODE:
            yield Cell(seed.fault.name, "code", "code", partial(_code, world, seed))
    yield Cell("underfit", "code", "code", partial(_refitted, world, "underfit"))
    yield Cell("labels_misaligned", "code", "code", partial(_refitted, world, "labels_misaligned"))
    for fault in data_faults.DATA_FAULTS.values():
        yield Cell(f"{fault.name}", "data", "whole table", partial(_data, world, fault, False))
        if fault.new_rows_too:
            yield Cell(f"{fault.name}", "new rows", "new rows", partial(_data, world, fault, True))
    for name, count in HARMLESS.items():
        for repeat in range(count):
            yield Cell(f"{name} {repeat}", "benign", name, partial(_benign, world, name, repeat))


def facts_of(world: World) -> dict[str, Any]:
    """The facts by which faults are chosen: columns by what shuffling them does to the baseline's answers."""
    q, recipe = world.questions, world.recipe
    told = sensitivity(q, world.old_answers, world.old_answers)
    assert told.old is not None
    order = [told.members[k] for k in np.argsort(-told.old, kind="stable").tolist() if told.old[k] > 1e-9]
    frame = world.baseline.frame(recipe.table.columns)
    inputs = recipe.inputs
    return catalogue.describe_inputs(
        recipe.table.columns, order, inputs.numbers, inputs.strings, frame[list(inputs.numbers)].to_numpy(float),
        frame[list(inputs.strings)].to_numpy(object), world.old_answers.rows,
    )  # fmt: skip


def _serve(world: World, seed: catalogue.Seed) -> Result:
    spoil = partial(fault_transforms.apply, name=seed.fault.name, parameters=seed.parameters)
    candidate = world.usual
    checks = hold(world, candidate, spoil=spoil)
    release = Served(candidate.recipe, candidate.fitted, world.meaning).release()
    spoil(release)
    given = release.score_table(world.questions.rows)
    result = _result(world, checks, given, _names(world, blamed(world, seed)), WORDS.get(seed.fault.name, ()))
    if result["outcome"] == "passed":
        rows = _large(world)
        expected, found = candidate.fitted(rows), release.score_table(rows)
        same = expected.shape == found.shape and bool(np.allclose(expected, found, atol=1e-9, rtol=1e-9))
        decided = (
            np.array_equal(world.meaning.decide(expected), release.decide_index(found))
            if world.meaning.classifies
            else True
        )
        result["equivalent"] = same and decided
    return result


def _large(world: World, rows: int = 4_000) -> Columns:
    table = world.whole.table.columns
    made = generate(world.whole.columns, table, rows=rows, seed=1)
    keep = np.flatnonzero(world.whole.checker.allowed(made))
    return {n: np.concatenate([table[n], made[n][keep]]) for n in table}


def blamed(world: World, seed: catalogue.Seed) -> tuple[str, ...]:
    """What a fault spoils: the columns it names, or all inputs of a kind."""
    if seed.columns or seed.fault.place in ("scores", "labels"):
        return seed.columns
    all_numbers = "facts" in seed.parameters or seed.fault.name == "columns_reordered"
    return world.recipe.inputs.numbers if all_numbers else world.recipe.inputs.strings


def _names(world: World, columns: tuple[str, ...]) -> tuple[str, ...]:
    """A column with the inputs made of it, or an input with the columns it is made of: all name the same thing."""
    features = {f.name: f for f in world.recipe.features}
    found = set(columns)
    for _ in features:
        for feature in features.values():
            if feature.name in found:
                found.update(feature.reads)
    raw = set(found)
    for feature in features.values():
        if raw & set(feature.reads) and set(columns) & {c.name for c in world.recipe.columns}:
            found.add(feature.name)
    return tuple(sorted(found))


def _result(world: World, checks: list[Any], given: Array, names: tuple[str, ...], words: tuple[str, ...]) -> Result:
    outcome, cause = judge(checks, world.policy)
    q = world.questions
    bad = (Outcome.blocked, Outcome.waiting, Outcome.inconclusive)
    told = any(f"`{name}`" in cause for name in names) or any(word in cause for word in words)
    if not names and not words:
        told = bool(re.search(r"`\w+`", cause))
    return {
        "outcome": outcome.value,
        "cause": cause,
        "named": bool(told),
        "failed": sorted({f"{c.name}:{c.outcome.value}" for c in checks if c.outcome in bad}),
        "rivals": rivals(world.meaning, world.old_answers.rows, given, q.truth),  # type: ignore[arg-type]
        "equivalent": False,
    }


class _SpoiledFrames:
    """Frames made by changed code: a fault's effect in training and in serving alike."""

    def __init__(self, frames: Any, seed: catalogue.Seed) -> None:
        self._frames, self._seed, self.used = frames, seed, frames.used

    @property
    def of_table(self) -> Any:
        return self(self._frames._table)

    def learn_inputs(self, pipeline: Any, frame: Any) -> None:
        """They are those of the code as it was."""

    def __call__(self, columns: Columns) -> Any:
        p, fault = self._seed.parameters, self._seed.fault
        if fault.place == "cell":
            return self.used(
                {**columns, p["column"]: fault_transforms.spoil_column(columns[p["column"]], fault.effect, p)}
            )
        frame = self.used(columns)
        inputs = self.used.inputs
        numbers = frame[list(inputs.numbers)].to_numpy(dtype=float, copy=True)
        strings = frame[list(inputs.strings)].to_numpy(dtype=object, copy=True)
        from seatrial.model.engines import to_frame

        return to_frame(inputs, *fault.effect(numbers, strings, (list(inputs.numbers), list(inputs.strings)), p))


def _code(world: World, seed: catalogue.Seed) -> Result:
    def by_code(recipe: Any) -> Candidate:
        altered = dataclasses.replace(recipe, _frames=_SpoiledFrames(recipe._frames, seed))
        return Candidate(altered, altered.fit())

    candidate, rebuilt = by_code(world.usual.recipe), by_code(world.recipe)
    return _code_result(world, candidate, rebuilt, _names(world, blamed(world, seed)), WORDS.get(seed.fault.name, ()))


def _code_result(
    world: World, candidate: Candidate, rebuilt: Candidate, names: tuple[str, ...], words: tuple[str, ...]
) -> Result:
    # The installed wheel is what this training gave: the serving path adds nothing, so it is taken as exact here.
    from benchmarks.detection.holding import rebuild_leg, total_legs

    checks = rebuild_leg(world, rebuilt) + total_legs(world, candidate, candidate.fitted, None)
    result = _result(world, checks, candidate.fitted(world.questions.rows), names, words)
    if result["outcome"] == "passed":
        rows = _large(world)
        result["equivalent"] = bool(np.allclose(world.baseline(rows), rebuilt.fitted(rows), atol=1e-9, rtol=1e-9))
    return result


def _refitted(world: World, name: str) -> Result:
    def again(recipe: Any) -> Candidate:
        frame = recipe._frames.of_table.iloc[recipe.split.train].reset_index(drop=True)
        target = recipe.table.target[recipe.split.train]
        if name == "labels_misaligned":
            target = np.roll(target, 1)
        import importlib

        with importable(recipe.project):
            pipeline = importlib.import_module(f"{recipe.project.package}.pipeline").build()
        if name == "underfit":
            weak = {"model__C": 1e-3, "model__alpha": 1e3, "model__max_iter": 3}
            known = pipeline.get_params()
            fits = {"model__C": weak["model__C"]} if "model__C" in known else {"model__alpha": weak["model__alpha"]}
            pipeline.set_params(**({"model__max_iter": 3} if "model__learning_rate" in known else fits))
        pipeline.set_params(
            **{
                k: recipe.project.seed
                for k, v in pipeline.get_params().items()
                if k.endswith("random_state") and v is None
            }
        )
        pipeline.fit(frame, target)
        return Candidate(recipe, Fitted(pipeline, recipe._frames))

    return _code_result(world, again(world.usual.recipe), again(world.recipe), (), WORDS[name])


def spot(world: World, table: Any, new_only: bool) -> data_faults.Spot:
    """Where the data's faults strike: the strongest columns of each sort, and a group of a tenth to two fifths."""
    facts = facts_of(world)
    order = facts["order"]
    numbers = [n for n in order if table.columns[n].dtype.kind == "f" and len(np.unique(table.columns[n])) > 2]
    used = [n for n in order if table.columns[n].dtype.kind == "O"]
    texts = [n for n in used if len(set(table.columns[n].tolist())) <= 30]
    rows = np.zeros(len(table.target), dtype=bool)
    rows[len(world.old_rows) if new_only else 0 :] = True
    name, inside = "", np.zeros(len(rows), dtype=bool)
    best = 1.0
    for column in texts:
        for value in sorted({v for v in table.columns[column].tolist() if v is not None}):
            mask = table.columns[column] == value
            away = abs(float(mask.mean()) - 0.25)
            if away < best:
                best, name, inside = away, column, mask
    if best > 0.16 and numbers:
        name = numbers[0]
        inside = table.columns[name] > np.nanquantile(table.columns[name], 0.75)
    return data_faults.Spot(numbers[0] if numbers else None, texts[0] if texts else None, name, inside, rows)


def _data(world: World, fault: data_faults.DataFault, new_only: bool) -> Result:
    table = world.more(0)
    where = spot(world, table, new_only)
    made = fault.change(table.columns, table.target, where, np.random.default_rng([world.seed, 11]))
    if made is None:
        return {"outcome": "not applicable"}
    spoiled = changed(table, *made)
    if world.meaning.classifies and (
        set(spoiled.classes) != set(world.meaning.classes)
        or min(np.unique(spoiled.target.astype(str), return_counts=True)[1]) < 8
    ):
        return {"outcome": "not applicable"}
    candidate = world.train(spoiled)
    if fault.names == "missing":
        differs = [
            n for n in made[0] if made[0][n].shape != table.columns[n].shape or _differ(made[0][n], table.columns[n])
        ]
        names: tuple[str, ...] = tuple(differs)
        words: tuple[str, ...] = ()
    elif fault.names.startswith("words"):
        names, words = (), (fault.names.split(": ")[1],)
    else:
        column = {"number": where.number or where.category, "category": where.category, "slice": where.slice_name}[
            fault.names
        ]
        names, words = _names(world, (column,)) if column else (), ()
    if fault.name == "class_lost" or fault.names == "words: label":
        names = (world.recipe.project.target,)
    checks = hold(world, candidate)
    result = _result(world, checks, candidate.fitted(world.questions.rows), names, words)
    if result["outcome"] == "passed":
        rows = _large(world)
        result["equivalent"] = bool(np.allclose(candidate.fitted(rows), world.usual.fitted(rows), atol=1e-9, rtol=1e-9))
    return result


def _differ(a: Array, b: Array) -> bool:
    return [repr(v) for v in a.tolist()] != [repr(v) for v in b.tolist()]


def _benign(world: World, name: str, repeat: int) -> Result:
    twin = None
    if name == "another seed":
        same = world.recipe.table
        candidate = world.train(same, seed=5000 + 10 * world.seed + repeat)
        twin = Candidate(world.recipe, world.baseline)
    elif name == "15 % more rows":
        candidate = world.train(world.more(repeat + 1))
    elif name == "rolling window":
        candidate = world.train(world.rolled(repeat + 1))
    elif name == "rows shuffled":
        size = world.recipe.table.rows
        candidate = world.train(part(world.recipe.table, np.random.default_rng(repeat).permutation(size)))
    elif name == "columns reordered":
        table = world.recipe.table
        candidate = world.train(dataclasses.replace(table, columns=dict(reversed(table.columns.items()))))
    else:
        candidate = world.train(world.recipe.table)
    rebuilt = world.train(world.recipe.table) if name == "refactoring" else None
    checks = hold(world, candidate, twin=twin, rebuilt=rebuilt)
    return _result(world, checks, candidate.fitted(world.questions.rows), (), ())


def timed(cell: Cell) -> Result:
    """Run a cell."""
    began = time.perf_counter()
    result = cell.run()
    return {
        "name": cell.name,
        "kind": cell.kind,
        "family": cell.family,
        **result,
        "seconds": round(time.perf_counter() - began, 3),
    }
