"""One training: table in, run out. Fits, measures, compiles, and writes the wheel's artifacts and the report."""

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.core.errors import CompileError, Problem, SeatrialError
from seatrial.core.files import replacing, require_writable, restrict, sha256, temporary_for, to_json, write_atomic
from seatrial.core.progress import Progress, silent
from seatrial.core.project import ProjectSettings, importable
from seatrial.model.decision import DecisionRule
from seatrial.model.engines import GRAPH_FILE, NATIVE_FILE, Compiled, GraphEngine
from seatrial.model.features import Array, Columns, add_features
from seatrial.model.inputs import stack_columns
from seatrial.model.metadata import Metadata
from seatrial.model.row_hash import reference_key
from seatrial.model.schema import row_name
from seatrial.pages.embed import embed
from seatrial.train import profile
from seatrial.train.artifacts import EngineFile, artifact_files, release_metadata
from seatrial.train.baselines import fit_simple_models, rows_to_fit
from seatrial.train.determinism import check_determinism
from seatrial.train.evaluation import Evaluation, evaluate, permutation_importance
from seatrial.train.fit_memory import require_memory_to_fit
from seatrial.train.fitted_elsewhere import FittedElsewhere
from seatrial.train.history.held_out import HELD_OUT_FILE, held_out_file
from seatrial.train.history.run_records import RUN_FILE
from seatrial.train.hold_out import doubts_about_split
from seatrial.train.native import store_native
from seatrial.train.own_decision import adopt_threshold, check_own_decision
from seatrial.train.pipeline_parameters import described
from seatrial.train.plausibility import doubts_about
from seatrial.train.recipe import Fitted, Recipe, ReferenceScorer, no_reference, read_recipe
from seatrial.train.reference_rows import take
from seatrial.train.report import render_report

MOST_DECISIONS = 200_000  # rows for which the pipeline is asked for a label as well
COPIED = 2**24  # bytes of a table at a time
PAGES = (("All runs, trials and releases", "../index.html"),)  # `seatrial.steps.overview` writes it
# A fitted pipeline in, an exact graph out, or CompileError with the reason: `seatrial.compile.compile_release`.
Compiler = Callable[..., Compiled]


@dataclass(frozen=True, repr=False)
class Run:
    """The result of one training: its folder, what it wrote, and what to report to the user."""

    id: str
    folder: Path
    report: Path
    metadata: Metadata
    evaluation: Evaluation
    dropped: tuple[Problem, ...]
    rows_read: int
    native_reason: str

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The metrics on held-out rows as rows of a table: `pandas.DataFrame(run.metrics)`."""
        return [asdict(metric) for metric in self.evaluation.metrics]

    def __repr__(self) -> str:
        return f"<Run {self.id} of {self.metadata.name}>"

    def _repr_html_(self) -> str:
        return embed(self.report.read_text(encoding="utf-8"))


def train(
    project: ProjectSettings,
    compiler: Compiler,
    *,
    reference: ReferenceScorer = no_reference,
    drop_bad_rows: bool = False,
    fetched: Mapping[str, str] | None = None,
    elsewhere: FittedElsewhere | None = None,
    progress: Progress = silent,
) -> Run:
    """Train the project's pipeline on its table and write the run.

    Of a table that was `fetched`, the run's record says from where; the release is the same as from a file.
    `reference` is asked how to score with the fitted pipeline, wherever the release's scores are concerned.
    `elsewhere` is a model that was fitted elsewhere, in place of the one that the project's pipeline would give.
    The same table, code and versions give the same artifacts, byte for byte. Nothing is written unless every step
    succeeds. Raises SeatrialError (DataError with the places where rows break the schema).
    """
    from threadpoolctl import threadpool_limits

    # One thread by default: on a machine with more cores, sums in another order would give other bytes.
    if project.reference == "hashed":
        reference_key()  # a missing one is reported before minutes of training
    with importable(project), threadpool_limits(project.threads or os.cpu_count()):
        recipe = read_recipe(project, drop_bad_rows=drop_bad_rows, reference=reference, progress=progress)
        require_writable(project.runs, project.artifacts.parent)
        fitted, seconds = _fit(recipe, elsewhere, progress)
        rule = adopt_threshold(decision_rule(recipe), fitted.pipeline, project)
        evaluation = _evaluate(recipe, fitted, rule, progress)
        held_out, table = recipe.held_out, recipe.table
        shown = evaluation.take(recipe.measured.kept)
        part = np.linspace(0, len(shown.labels) - 1, min(len(shown.labels), MOST_DECISIONS), dtype=int)
        check_own_decision(rule, fitted.pipeline, fitted.frame(take(held_out, part)), shown.scores[part])
        if elsewhere is None:
            progress("fitting again: does it give the same model?")
            check_determinism(recipe, fitted, seconds)
        progress("compiling")
        engine = _engine(recipe, fitted, compiler, rule, progress)
        scorer = _scorer(recipe, fitted, engine)
        importance = permutation_importance(shown, held_out, scorer, seed=project.seed, progress=progress)
        doubts = doubts_about(shown, importance, held_out, scorer, seed=project.seed)
        doubts |= doubts_about_split(recipe.split)
        if elsewhere and elsewhere.doubt:
            doubts["fitted elsewhere"] = elsewhere.doubt
        columns, target = recipe.columns, project.target
        fingerprint = profile.fingerprint(table.sha256, table.columns, columns, table.target, target, table.task)
        if recipe.split.measured:
            fingerprint = replace(fingerprint, rows=table.rows_read - len({bad.row for bad in table.dropped}))
        metadata = release_metadata(recipe, fitted, evaluation, doubts, importance, engine, fingerprint)
        metadata = replace(metadata, fitted=elsewhere.record if elsewhere else {})
        artifacts = artifact_files(recipe, fitted, metadata, engine)
        progress("writing the report")
        name = row_name(recipe.checker.schema)
        page = render_report(
            metadata,
            project.version,
            evaluation,
            importance,
            fingerprint,
            shown,
            held_out,
            columns,
            name,
            costs=project.costs,
            pages=PAGES,
        )
        record = {"version": project.version, "parameters": described(fitted.pipeline), **asdict(metadata)}
        record |= {"fetched": dict(fetched)} if fetched else {}
        folder = _write(project, table.sha256, artifacts, page, record, held_out_file(recipe, shown))
    return Run(
        folder.name,
        folder,
        folder / "report.html",
        metadata,
        evaluation,
        table.dropped,
        table.rows_read,
        engine.native_reason,
    )


def _fit(recipe: Recipe, elsewhere: FittedElsewhere | None, progress: Progress) -> tuple[Fitted, float]:
    """Fit the project's pipeline, or take what was fitted elsewhere; and the seconds that it took."""
    if elsewhere is not None:
        return recipe.take_fitted(elsewhere), 0.0
    require_memory_to_fit(recipe)
    progress(f"fitting on {len(recipe.split.train):,} rows")
    started = time.monotonic()
    fitted = recipe.fit()
    return fitted, time.monotonic() - started


def _evaluate(recipe: Recipe, fitted: Fitted, rule: DecisionRule, progress: Progress) -> Evaluation:
    """Measure the model and two simple ones on all held-out rows, which are read once."""
    project, rows, train = recipe.project, recipe.measured, recipe.split.train
    target, weights = recipe.table.target[train], recipe.weights_of(train)
    progress("comparing it with simple models")
    part = rows_to_fit(len(train), len(recipe.inputs.names), project.seed)
    frame = fitted.frame(take(recipe.table.columns, train[part]))
    simple = fit_simple_models(rule, rows.labels, frame, target[part], None if weights is None else weights[part])
    progress(f"evaluating on {len(rows.labels):,} held-out rows")

    def by(model: Callable[[Any], Array]) -> Callable[[Columns], Array]:
        return lambda columns: model(fitted.frame(columns))

    scores, *others = rows.scored(fitted, by(simple.single), by(simple.linear))
    evaluation = evaluate(
        rule,
        y_true=rows.labels,
        scores=scores,
        y_train=target,
        seed=project.seed,
        weights=rows.weights,
        train_weights=weights,
        groups=rows.groups,
    )
    return evaluation.beside(simple.column, *others)


def decision_rule(recipe: Recipe) -> DecisionRule:
    """Return the rule of the project's settings; by default, the last label in sort order is positive."""
    project, table = recipe.project, recipe.table
    positive = 1
    if table.task == "binary" and project.positive is not None:
        labels = list(map(str, table.classes))
        if str(project.positive) not in labels:
            raise SeatrialError(
                f"[tool.seatrial] positive = {project.positive!r} is not a label of `{project.target}`.",
                hint=f"Its labels are {', '.join(labels)}.",
            )
        positive = labels.index(str(project.positive))
    return DecisionRule(table.task, table.classes, positive, project.threshold)


def _engine(recipe: Recipe, fitted: Fitted, compiler: Compiler, rule: DecisionRule, progress: Progress) -> EngineFile:
    """Compile the pipeline, or keep it as it is where it cannot be compiled exactly."""
    try:
        compiled = compiler(
            fitted.pipeline,
            inputs=recipe.inputs,
            table=recipe.table.columns,
            columns=recipe.columns,
            to_frame=fitted.frame,
            allowed=recipe.checker.allowed,
            rule=rule,
            seed=recipe.project.seed,
            progress=progress,
        )
    except CompileError as error:
        native = store_native(fitted.pipeline, fitted.frame(recipe.held_out), error.message)
        return EngineFile(NATIVE_FILE, native, {"reason": error.message}, error.message)
    return EngineFile(GRAPH_FILE, compiled.graph, asdict(compiled.proof))


def _scorer(recipe: Recipe, fitted: Fitted, engine: EngineFile) -> Callable[[Columns], Array]:
    """The compiled graph, which was proven equal and is many times faster; or the pipeline, where there is none."""
    if engine.file != GRAPH_FILE:
        return fitted
    graph = GraphEngine(engine.content, threads=recipe.project.threads)
    return lambda table: graph(*stack_columns(recipe.inputs, add_features(table, recipe.features, recipe.columns)))


def _write(
    project: ProjectSettings,
    table_digest: str,
    artifacts: dict[str, bytes],
    page: str,
    record: Mapping[str, Any],
    held_out: bytes,
) -> Path:
    if sha256(project.data) != table_digest:  # `seatrial refresh` waits; a person or another program does not
        raise SeatrialError(
            f"{project.data.name} was changed while the model was trained on it.",
            hint="Nothing was written. Train again.",
        )
    made = run_id({name: hashlib.sha256(content).digest() for name, content in artifacts.items()})
    folder, table = project.runs / made, project.data
    # The report, the scores and the artifacts are about rows, so they are as private as the table.
    write_atomic(folder / "report.html", page, like=table)
    write_atomic(folder / HELD_OUT_FILE, held_out, like=table)
    write_atomic(folder / RUN_FILE, to_json({"id": made, **record}), like=table)
    _replace_folder(project.artifacts, artifacts, like=table)
    _keep_table(project, table_digest)
    return folder


def _keep_table(project: ProjectSettings, digest: str) -> None:
    """Keep the table: the next trial trains this release again on it, even after the project's table has changed."""
    kept = project.kept_table(digest)
    if not kept.is_file() or sha256(kept) != digest:
        with project.data.open("rb") as source, replacing(kept, like=project.data) as copy:
            shutil.copyfileobj(source, copy, COPIED)
    restrict(kept, project.data)


def run_id(digests: Mapping[str, bytes]) -> str:
    """The id of the run that wrote these artifacts, given the SHA-256 of each by its file name."""
    total = hashlib.sha256()
    for name in sorted(digests):
        total.update(name.encode() + digests[name])
    return total.hexdigest()[:12]


def _replace_folder(folder: Path, files: dict[str, bytes], *, like: Path) -> None:
    """Swap a folder's whole content, so that a wheel is never built from parts of two trainings."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh, old = temporary_for(folder), temporary_for(folder)
    try:
        for name, content in files.items():
            write_atomic(fresh / name, content, like=like)
        if folder.exists():
            folder.replace(old)
        fresh.replace(folder)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
