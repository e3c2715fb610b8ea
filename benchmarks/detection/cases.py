"""The cases of the benchmark that inject the faults of the product's own catalogue, each tried once."""

import dataclasses
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks.detection.rivals import rivals
from benchmarks.detection.scenarios import Candidate, Scenario, changed
from benchmarks.detection.trial_checks import rebuild_suite, run_trial, total_suite, values_differ
from seatrial.core.errors import SeatrialError
from seatrial.core.project import importable
from seatrial.model.engines import to_frame
from seatrial.model.features import Array, Columns, needed
from seatrial.train import fitting
from seatrial.train.recipe import Fitted, Recipe
from seatrial.trial.compare.statistics import sensitivity
from seatrial.trial.prove import fault_transforms
from seatrial.trial.prove.data_faults import DATA_FAULTS, DataFault, FaultLocation, find_locations
from seatrial.trial.prove.serving_faults import ModelProfile, Mutant, mutants, profile_model
from seatrial.trial.records import Outcome
from seatrial.trial.verdict import judge

Result = dict[str, Any]
CODE = (
    "drop_strong", "drop_medium", "drop_weak", "swap_alike", "swap_unlike", "constant", "impute_zero", "indicator_lost",
    "category_order", "unseen_first", "case_folded", "integers", "clipped", "float16", "logarithm", "thousands",
)  # fmt: skip
# What the cause must say where no column is to blame; any of these words will do.
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
DATA_WORDS = {
    "fifth": ("rows",), "rows_repeated": ("repeat",),
    **dict.fromkeys(("class_lost", "labels_at_random", "labels_shifted"), ("label",)),
}  # fmt: skip
# What the cause of a data fault must name.
BLAMED = {
    **dict.fromkeys(("leak", "constant", "unit_hundredth", "unit_thousand", "join_shifted"), "number"),
    **dict.fromkeys(("zero_for_missing", "values_lost"), "changed columns"),
    **dict.fromkeys(("labels_of_slice", "slice_missing"), "group"),
    **dict.fromkeys(("labels_at_random", "labels_shifted", "class_lost"), "target"),
    "category_merged": "category",
}
WHOLE_TABLE_ONLY = ("slice_missing", "fifth", "rows_repeated", "class_lost")  # makes no sense in the new rows alone


@dataclass(frozen=True)
class Case:
    """One thing to try: its name, what kind it is, and what runs the trial on it."""

    name: str
    kind: str  # serve, code, data, new rows, benign
    family: str
    run: Callable[[], Result]


def catalogue_cases(scenario: Scenario) -> Iterator[Case]:
    """Every fault of the product's own catalogue (`trial/prove/`) in a scenario."""
    model = profile(scenario)
    for mutant in mutants(model):
        yield Case(mutant.name, "serve", mutant.family, partial(_serve, scenario, mutant))
        if mutant.name in CODE:
            yield Case(mutant.name, "code", "code", partial(_code, scenario, mutant))
    for name, alter in (("underfit", _underfit), ("labels_misaligned", lambda _, target: np.roll(target, 1))):
        yield Case(name, "code", "code", partial(_altered, scenario, name, alter))
    for fault in DATA_FAULTS.values():
        yield Case(fault.name, "data", "whole table", partial(_data, scenario, model, fault, False))
        if fault.name not in WHOLE_TABLE_ONLY:
            yield Case(fault.name, "new rows", "new rows", partial(_data, scenario, model, fault, True))


def profile(scenario: Scenario) -> ModelProfile:
    """What decides which faults suit the model: columns by what shuffling them does to the baseline's scores."""
    recipe, scores = scenario.recipe, scenario.old_scores
    figures = sensitivity(scenario.queries, scores, scores)
    assert figures.old is not None
    strongest = np.argsort(-figures.old, kind="stable").tolist()
    order = [figures.members[k] for k in strongest if figures.old[k] > 1e-9]
    frame, inputs = scenario.baseline.fitted.frame(recipe.table.columns), recipe.inputs
    return profile_model(
        recipe.table.columns,
        order,
        {name: frame[name].to_numpy(float) for name in inputs.numbers},
        {name: frame[name].to_numpy(object) for name in inputs.strings},
        scores.rows,
    )


def _serve(scenario: Scenario, mutant: Mutant) -> Result:
    inject = partial(fault_transforms.apply, name=mutant.fault.name, parameters=mutant.fault.parameters)
    candidate, scoring = scenario.usual, scenario.scoring
    checks = run_trial(scenario, candidate, inject=inject)
    release = candidate.release(scoring)
    inject(release)
    scores = release.score_table(scenario.queries.rows)
    result = trial_result(
        scenario, checks, scores, related(scenario, blamed(scenario, mutant)), WORDS.get(mutant.name, ())
    )
    if result["outcome"] == "passed":
        expected, scores = (score(scenario.unseen_rows) for score in (candidate.fitted, release.score_table))
        result["equivalent"] = _same(expected, scores) and (
            not scoring.classifies or np.array_equal(scoring.decide(expected), release.decide_index(scores))
        )
    return result


def _same(before: Array, after: Array) -> bool:
    return before.shape == after.shape and bool(np.allclose(before, after, atol=1e-9, rtol=1e-9))


def blamed(scenario: Scenario, mutant: Mutant) -> tuple[str, ...]:
    """What a fault changes: the columns it names, or all inputs of a type."""
    if mutant.columns or fault_transforms.TRANSFORMS[mutant.fault.name][0] in ("scores", "labels"):
        return mutant.columns
    all_numbers = "statistics" in mutant.fault.parameters or mutant.name == "columns_reordered"
    return scenario.recipe.inputs.numbers if all_numbers else scenario.recipe.inputs.strings


def related(scenario: Scenario, columns: tuple[str, ...]) -> tuple[str, ...]:
    """A column with the inputs made of it, or an input with the columns it is made of: all name the same thing."""
    features = {f.name: f for f in scenario.recipe.features}
    names = set(columns)
    for _ in features:
        for feature in features.values():
            if feature.name in names:
                names.update(feature.reads)
    raw = set(names)
    for feature in features.values():
        if raw & set(feature.reads) and set(columns) & {c.name for c in scenario.recipe.columns}:
            names.add(feature.name)
    return tuple(sorted(names))


def trial_result(
    scenario: Scenario, checks: list[Any], scores: Array, names: tuple[str, ...], words: tuple[str, ...]
) -> Result:
    """What the trial made of a candidate, and whether its cause names one of the columns or uses one of the words."""
    outcome, cause = judge(checks, scenario.policy)
    bad = (Outcome.blocked, Outcome.waiting, Outcome.inconclusive)
    named = any(f"`{name}`" in cause for name in names) or any(word in cause for word in words)
    if not names and not words:
        named = bool(re.search(r"`\w+`", cause))
    truth = scenario.queries.truth
    assert truth is not None
    return {
        "outcome": outcome.value,
        "cause": cause,
        "named": named,
        "failed": sorted({f"{c.name}:{c.outcome.value}" for c in checks if c.outcome in bad}),
        "rivals": rivals(scenario.scoring, scenario.old_scores.rows, scores, truth),
        "equivalent": False,
    }


class _FaultyFrame:
    """Makes the pipeline's DataFrame by faulty code: the fault is in training and in serving alike."""

    def __init__(self, recipe: Recipe, mutant: Mutant) -> None:
        features = needed(recipe.features, recipe.inputs.names)
        self._framer = fitting.Framer(recipe.columns, features, recipe.inputs)
        self._stage, self._transform = fault_transforms.TRANSFORMS[mutant.fault.name]
        self._parameters = mutant.fault.parameters

    def __call__(self, columns: Columns) -> Any:
        p, inputs = self._parameters, self._framer.inputs
        if self._stage == "value":
            values = fault_transforms.transform_column(columns[p["column"]], self._transform, p)
            return self._framer({**columns, p["column"]: values})
        frame = self._framer(columns)
        numbers = frame[list(inputs.numbers)].to_numpy(dtype=float, copy=True)
        strings = frame[list(inputs.strings)].to_numpy(dtype=object, copy=True)
        return to_frame(inputs, *self._transform(numbers, strings, (list(inputs.numbers), list(inputs.strings)), p))


def _code(scenario: Scenario, mutant: Mutant) -> Result:
    def by_faulty_code(recipe: Recipe) -> Candidate:
        frame, rows = _FaultyFrame(recipe, mutant), recipe.split.train
        training = frame(recipe.table.columns).iloc[rows].reset_index(drop=True)
        with importable(recipe.project):
            pipeline = fitting.fit(recipe.project, training, recipe.table.target[rows])
        return Candidate(recipe, Fitted(pipeline, frame))

    return _code_result(scenario, by_faulty_code, related(scenario, blamed(scenario, mutant)), mutant.name)


def _altered(scenario: Scenario, name: str, alter: fitting.Alter) -> Result:
    def by_altered_code(recipe: Recipe) -> Candidate:
        altered = dataclasses.replace(recipe, alter=alter)
        return Candidate(altered, altered.fit())

    return _code_result(scenario, by_altered_code, (), name)


def _underfit(pipeline: Any, target: Array) -> Array:
    known = pipeline.get_params()
    weak = {"model__max_iter": 3} if "model__learning_rate" in known else {"model__alpha": 1e3}
    pipeline.set_params(**({"model__C": 1e-3} if "model__C" in known else weak))
    return target


def _code_result(
    scenario: Scenario, train: Callable[[Recipe], Candidate], names: tuple[str, ...], fault: str
) -> Result:
    # Serving adds nothing to what this training produced, so the installed wheel is assumed to be exact here.
    candidate, rebuilt = train(scenario.usual.recipe), train(scenario.recipe)
    checks = rebuild_suite(scenario, rebuilt) + total_suite(
        scenario, candidate, candidate.fitted, None, same_code=False
    )
    result = trial_result(scenario, checks, candidate.fitted(scenario.queries.rows), names, WORDS.get(fault, ()))
    if result["outcome"] == "passed":
        rows = scenario.unseen_rows
        result["equivalent"] = _same(scenario.baseline.fitted(rows), rebuilt.fitted(rows))
    return result


def _data(scenario: Scenario, model: ModelProfile, fault: DataFault, new_only: bool) -> Result:
    table = scenario.more(0)
    rows = np.arange(len(table.target)) >= (len(scenario.old_rows) if new_only else 0)
    location = dataclasses.replace(find_locations(model.order, table.columns, len(rows))[0], rows=rows)
    faulty = fault.change(table.columns, table.target, location, np.random.default_rng([scenario.seed, 11]))
    if faulty is None:
        return {"outcome": "not applicable"}
    faulty_table = changed(table, *faulty)
    if scenario.scoring.classifies and (
        set(faulty_table.classes) != set(scenario.scoring.classes)
        or min(np.unique(faulty_table.target.astype(str), return_counts=True)[1]) < 8
    ):
        return {"outcome": "not applicable"}
    candidate = scenario.train(faulty_table)
    checks = run_trial(scenario, candidate)
    names = _blamed_names(scenario, fault.name, location, table.columns, faulty[0])
    result = trial_result(
        scenario, checks, candidate.fitted(scenario.queries.rows), names, DATA_WORDS.get(fault.name, ())
    )
    if result["outcome"] == "passed":
        rows = scenario.unseen_rows
        result["equivalent"] = _same(candidate.fitted(rows), scenario.usual.fitted(rows))
    return result


def _blamed_names(
    scenario: Scenario, fault: str, location: FaultLocation, before: Columns, after: Columns
) -> tuple[str, ...]:
    match BLAMED.get(fault):
        case "target":
            return (scenario.recipe.project.target,)
        case "changed columns":
            return tuple(name for name, values in after.items() if values_differ(values, before[name]))
        case "number":
            column = location.number or location.category
        case "category":
            column = location.category
        case "group":
            column = location.group_column
        case _:
            column = None
    return related(scenario, (column,)) if column else ()


def timed(case: Case) -> Result:
    """Run a case."""
    clock = time.perf_counter()
    try:
        result = case.run()
    except SeatrialError as error:
        result = {"outcome": "error", "cause": error.message, "equivalent": False}
    return {
        "name": case.name,
        "kind": case.kind,
        "family": case.family,
        **result,
        "seconds": round(time.perf_counter() - clock, 3),
    }
