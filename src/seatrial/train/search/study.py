"""Searches the parameters of a recipe by cross-validation on its training rows (Optuna: Akiba et al. 2019).

A study is a SQLite file: it goes on where it ended, whether by its limits, by Ctrl-C or by a power cut.
"""

import hashlib
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.core.files import restrict, to_json
from seatrial.core.progress import Progress, silent
from seatrial.model.decision import DecisionRule
from seatrial.pages.words import short
from seatrial.train.metrics import Measure
from seatrial.train.pipeline_parameters import described, described_value
from seatrial.train.recipe import Recipe
from seatrial.train.search.fold_scores import FoldScorer, WrongParameterError
from seatrial.train.search.spaces import Space, space_of

STUDY_FILE = "study.db"
FEWEST_COMPLETE = 5  # trials, before one is stopped early because its first folds are worse than the median
MOST_FAILED = 5  # trials in a row, before the search stops with their error
State = Literal["complete", "stopped early", "failed"]


@dataclass(frozen=True)
class TriedValues:
    """Values of parameters with the score of each fold; `suggested` are Optuna's, which `space` may have changed."""

    number: int
    state: State
    values: dict[str, Any]
    scores: tuple[float, ...]
    suggested: dict[str, Any]
    note: str = ""

    @property
    def mean(self) -> float:
        """The mean over the folds that were scored; NaN if there are none."""
        return float(np.mean(self.scores)) if self.scores else float("nan")


@dataclass(frozen=True)
class SearchLimits:
    """What ends a search: new trials, and minutes."""

    trials: int
    minutes: float


@dataclass(frozen=True)
class SearchResult:
    """A study: what pipeline.py has now (`current`), all trials, the best complete one, and importance by parameter."""

    id: str
    folder: Path
    measure: Measure
    folds: int
    rows: int
    current: TriedValues
    trials: tuple[TriedValues, ...]
    best: TriedValues | None
    importance: dict[str, float]
    logarithmic: frozenset[str]
    interrupted: bool

    @property
    def gains(self) -> tuple[float, ...]:
        """By how much the best trial is better than pipeline.py as it is, fold by fold; positive is better."""
        if self.best is None:
            return ()
        sign = 1 if self.measure.higher_is_better else -1
        return tuple(sign * (new - old) for new, old in zip(self.best.scores, self.current.scores, strict=True))

    @property
    def better(self) -> bool:
        """Whether the best trial has a better mean than pipeline.py as it is."""
        return bool(self.gains) and float(np.mean(self.gains)) > 0


def search(
    recipe: Recipe, rule: DecisionRule, limits: SearchLimits, *, folds: int, folder: Path, progress: Progress = silent
) -> SearchResult:
    """Try values until a limit is reached or Ctrl-C is pressed, in the study of `folder` that fits the recipe.

    Held-out rows are not in the recipe that is searched (`Recipe.without_held_out`). Raises SeatrialError where the
    project has no search space, or where no values can be fitted.
    """
    from threadpoolctl import threadpool_limits

    scorer = FoldScorer(recipe.without_held_out(), rule, folds, recipe.split.train)
    space = space_of(recipe.project, scorer.pipeline)
    study_id = _identity(scorer, space)
    with threadpool_limits(recipe.project.threads or None), _quiet():
        study = _open(folder / study_id, scorer.measure, recipe.project.seed, recipe.project.data)
        current = _current(study, scorer, space, progress)
        interrupted = _run(study, scorer, space, limits, progress)
        return _result(study, scorer, folder / study_id, current, interrupted)


def _identity(scorer: FoldScorer, space: Space) -> str:
    """The id of all searches whose scores can be compared: the same rows, folds, weights, code and space."""
    project = scorer.recipe.project
    package = project.source / project.package
    searched = set(_probe(space))
    parts = {
        "table": scorer.recipe.table.sha256,
        "rows": hashlib.sha256(scorer.rows.tobytes()).hexdigest(),
        "settings": [project.target, project.weight, project.split.model_dump(), scorer.rule.positive],
        "seed": project.seed,
        "folds": [hashlib.sha256(fold.scored.tobytes()).hexdigest() for fold in scorer.folds],
        "space": space.definition,
        "code": [(package / f"{name}.py").read_text("utf-8") for name in ("schema", "features")],
        "pipeline": {name: value for name, value in described(scorer.pipeline).items() if name not in searched},
    }
    return hashlib.sha256(to_json(parts).encode()).hexdigest()[:12]


def _probe(space: Space) -> dict[str, Any]:
    """Some values of a space, for their names."""
    import optuna

    with _quiet():
        return space.values(optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask())


@contextmanager
def _quiet() -> Iterator[None]:
    """Warnings of a fit that did not converge, a hundred times over, and Optuna's own lines are not shown."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            optuna.logging.set_verbosity(before)


def _open(folder: Path, measure: Measure, seed: int, table: Path) -> Any:
    import optuna
    from sqlalchemy import URL

    folder.mkdir(parents=True, exist_ok=True)
    url = URL.create("sqlite", database=str(folder / STUDY_FILE)).render_as_string(hide_password=False)
    try:
        study = optuna.create_study(
            storage=url,
            study_name="search",
            direction="maximize" if measure.higher_is_better else "minimize",
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=FEWEST_COMPLETE, n_warmup_steps=1),
        )
        restrict(folder / STUDY_FILE, table)
    except Exception as error:
        raise SeatrialError(
            f"{folder / STUDY_FILE} cannot be opened: {str(error).splitlines()[0]}",
            hint="Delete this file to begin the search again.",
        ) from error
    for left in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):  # of a killed search
        study.tell(left.number, state=optuna.trial.TrialState.FAIL)
    # Another seed after each interruption: the same one would draw the same first values again.
    study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.get_trials(deepcopy=False)))
    return study


def _current(study: Any, scorer: FoldScorer, space: Space, progress: Progress) -> TriedValues:
    """The values that pipeline.py has now, scored once."""
    has = scorer.pipeline.get_params(deep=True)
    values = {name: has[name] for name in _probe(space) if name in has}
    key = f"current {described_value(list(values.values()))}"
    scores = study.user_attrs.get(key)
    if scores is None:
        progress("scoring pipeline.py as it is")
        scores = list(scorer.scores({}))
        study.set_user_attr(key, scores)
    return TriedValues(-1, "complete", values, tuple(scores), {})


def _run(study: Any, scorer: FoldScorer, space: Space, limits: SearchLimits, progress: Progress) -> bool:
    """Run trials; returns whether Ctrl-C ended them, be it within a trial or between two.

    The trial that Ctrl-C ends is marked as failed when the study is opened again.
    """
    try:
        _run_trials(study, scorer, space, limits, progress)
    except KeyboardInterrupt:
        return True
    return False


def _run_trials(study: Any, scorer: FoldScorer, space: Space, limits: SearchLimits, progress: Progress) -> None:
    import optuna

    until = time.monotonic() + limits.minutes * 60
    failed: list[SeatrialError] = []
    for number in range(1, limits.trials + 1):
        if time.monotonic() >= until:
            break
        progress(f"trying {number} of {limits.trials}{_best_so_far(study, scorer.measure)}")
        trial = study.ask()
        try:
            _try(study, trial, scorer, space, until)
        except WrongParameterError:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            raise
        except SeatrialError as error:
            trial.set_user_attr("note", error.message)
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            failed.append(error)
            if len(failed) == MOST_FAILED:
                raise SeatrialError(
                    f"{MOST_FAILED} trials in a row failed: {error.message}", hint=error.hint
                ) from error
            continue
        failed.clear()


def _try(study: Any, trial: Any, scorer: FoldScorer, space: Space, until: float) -> None:
    import optuna

    state = optuna.trial.TrialState
    values = space.values(trial)
    trial.set_user_attr("values", repr(values))
    scores: list[float] = []
    for step, score in enumerate(scorer.scores(values)):
        scores.append(score)
        trial.set_user_attr("scores", scores)
        trial.report(float(np.mean(scores)), step)
        more = len(scores) < len(scorer.folds)
        if more and time.monotonic() >= until:
            trial.set_user_attr("note", "the time was over")
            study.tell(trial, state=state.FAIL)
            return
        if more and trial.should_prune():
            study.tell(trial, state=state.PRUNED)
            return
    study.tell(trial, float(np.mean(scores)))


def _best_so_far(study: Any, measure: Measure) -> str:
    import optuna

    complete = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    return f", best so far {short(study.best_value)} {measure.label}" if complete else ""


def _result(study: Any, scorer: FoldScorer, folder: Path, current: TriedValues, interrupted: bool) -> SearchResult:
    trials = tuple(_tried(trial) for trial in study.get_trials(deepcopy=False))
    complete = [trial for trial in trials if trial.state == "complete"]
    sign = 1 if scorer.measure.higher_is_better else -1
    distributions = {n: d for trial in study.get_trials(deepcopy=False) for n, d in trial.distributions.items()}
    return SearchResult(
        id=folder.name,
        folder=folder,
        measure=scorer.measure,
        folds=len(scorer.folds),
        rows=scorer.recipe.table.rows,
        current=current,
        trials=trials,
        best=max(complete, key=lambda trial: sign * trial.mean, default=None),
        importance=_importance(study, complete),
        logarithmic=frozenset(name for name, each in distributions.items() if getattr(each, "log", False)),
        interrupted=interrupted,
    )


def _tried(trial: Any) -> TriedValues:
    from ast import literal_eval

    states: dict[str, State] = {"COMPLETE": "complete", "PRUNED": "stopped early"}
    kept = trial.user_attrs
    return TriedValues(
        trial.number,
        states.get(trial.state.name, "failed"),
        literal_eval(kept.get("values", "{}")),
        tuple(kept.get("scores", ())),
        dict(trial.params),
        kept.get("note", ""),
    )


def _importance(study: Any, complete: list[TriedValues]) -> dict[str, float]:
    """How much of the differences between trials each parameter explains; shares that sum to 1."""
    import optuna

    if len(complete) < FEWEST_COMPLETE or len({trial.mean for trial in complete}) < 2:
        return {}
    try:
        found = optuna.importance.get_param_importances(study)
    except (ValueError, RuntimeError):  # as where no parameter was in every trial
        return {}
    return {name: float(share) for name, share in found.items()}
