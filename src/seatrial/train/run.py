"""One training: table in, run out. Fits, measures, compiles, and writes what the wheel will ship and the report."""

import hashlib
import importlib
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from seatrial.core.errors import CompileError, Problem, SeatrialError
from seatrial.core.files import to_json, write_atomic
from seatrial.core.project import ProjectSettings, importable
from seatrial.model.engines import GRAPH_FILE, NATIVE_FILE, TRUSTED_TYPES
from seatrial.model.features import Columns, features_in, needed
from seatrial.model.metadata import METADATA_FILE, Metadata
from seatrial.model.release import CARD_FILE
from seatrial.model.schema import row_name, schema_in
from seatrial.model.table_validation import TableChecker
from seatrial.pages.embed import embed
from seatrial.train import fitting, profile, reference_rows, report
from seatrial.train.evaluation import Evaluation, evaluate, permutation_importance
from seatrial.train.golden_rows import golden_rows
from seatrial.train.model_card import model_card
from seatrial.train.native import dump_native
from seatrial.train.provenance import environment, git_state
from seatrial.train.training_table import TrainingTable, read_training_table

Progress = Callable[[str], None]


class Compiled(Protocol):
    """What a compiler gives back."""

    @property
    def graph(self) -> bytes:
        """The graph, serialized."""

    @property
    def proof(self) -> Any:
        """The proof, a frozen dataclass."""


# A fitted pipeline in, an exact graph out, or CompileError with the reason: `seatrial.compile.compile_release`.
Compiler = Callable[..., Compiled]


@dataclass(frozen=True, repr=False)
class Run:
    """One training's result: its folder, what it wrote, and what people should be told."""

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
    project: ProjectSettings, compiler: Compiler, *, drop_bad_rows: bool = False, progress: Progress = lambda _: None
) -> Run:
    """Train the project's pipeline on its table and write the run.

    The same table, code and versions give the same artifacts, byte for byte. Nothing is written unless all of it
    succeeded. Raises SeatrialError (DataError with the places where rows break the schema).
    """
    from threadpoolctl import threadpool_limits

    # One thread by default: sums in another order would be other bytes on a machine with more cores.
    with importable(project), threadpool_limits(project.threads or os.cpu_count()):
        return _train(project, compiler, drop_bad_rows, progress)


def _train(project: ProjectSettings, compiler: Compiler, drop_bad_rows: bool, progress: Progress) -> Run:
    schema = schema_in(importlib.import_module(f"{project.package}.schema"))
    checker = TableChecker(schema)
    columns = checker.columns
    features = features_in(importlib.import_module(f"{project.package}.features"), columns)
    table = read_training_table(project, checker, drop_bad_rows=drop_bad_rows, progress=progress)
    split = fitting.split(table, project)
    held_out = reference_rows.take(table.columns, split.test)

    progress(f"fitting on {len(split.train):,} rows")
    every = fitting.every_input(columns, features)
    frame = fitting.Framer(columns, features, every)(reference_rows.take(table.columns, split.train))
    pipeline = fitting.fit(project, frame, table.target[split.train])
    inputs = fitting.used_inputs(pipeline, frame, every)
    framer = fitting.Framer(columns, needed(features, inputs.names), inputs)
    positive = _positive(project, table)

    progress(f"measuring on {len(split.test):,} held-out rows")
    labels = table.target[split.test]
    evaluation = evaluate(
        task=table.task,
        classes=table.classes,
        positive=positive,
        threshold=project.threshold,
        y_true=labels,
        scores=fitting.scores_of(pipeline, framer(held_out)),
        y_train=table.target[split.train],
        seed=project.seed,
    )
    progress("measuring what each column is worth")
    importance = permutation_importance(
        evaluation,
        held_out,
        labels,
        lambda part: fitting.scores_of(pipeline, framer(part)),
        seed=project.seed,
    )

    progress("compiling")
    graph, proof, reason = b"", {}, ""
    try:
        compiled = compiler(
            pipeline,
            inputs=inputs,
            table=table.columns,
            columns=columns,
            to_frame=framer,
            allowed=checker.allowed,
            task=table.task,
            threshold=project.threshold,
            positive=None if positive is None else table.classes.index(positive),
            seed=project.seed,
            progress=progress,
        )
        graph, proof = compiled.graph, asdict(compiled.proof)
    except CompileError as error:
        reason = error.message
        proof = {"reason": reason}
    native = dump_native(pipeline) if reason else b""
    if native:
        _check_native(native, reason)

    fingerprint = profile.fingerprint(table.sha256, table.columns, columns, table.target, project.target, table.task)
    fitted_on = framer(reference_rows.take(table.columns, split.train))
    typical = reference_rows.typical_row(
        columns,
        reference_rows.take(table.columns, split.train),
        fitted_on[list(inputs.numbers)].to_numpy(dtype=float),
        fitted_on[list(inputs.strings)].to_numpy(dtype=object),
    )
    typical = _as_json(schema, typical)
    golden = golden_rows(
        columns,
        schema,
        held_out,
        reference_rows.row_at(columns, held_out, 0),
        lambda part: fitting.scores_of(pipeline, framer(part)),
        project.seed,
    )
    metadata = Metadata(
        name=project.name,
        description=project.description,
        task=table.task,
        target=project.target,
        engine="native" if reason else "onnx",
        inputs=inputs,
        typical=typical,
        example=reference_rows.example_row(columns, schema, typical),
        classes=table.classes,
        labels=project.labels,
        positive=positive,
        threshold=project.threshold,
        headline=evaluation.headline,
        metrics={m.name: asdict(m) for m in evaluation.metrics},
        data={"file": project.data.name, **asdict(fingerprint)},
        split={
            "train_rows": len(split.train),
            "test_rows": len(split.test),
            "dropped_rows": len({p.row for p in table.dropped}),
            "seed": split.seed,
            "stratified": split.stratified,
            "cuts": split.cuts,
        },
        proof=proof,
        environment=environment(),
        git=git_state(project.root),
    )
    golden_document = {
        "rows": [_as_json(schema, row) for row in golden],
        "scores": fitting.scores_of(pipeline, framer(_as_columns(checker, golden))).tolist(),
    }
    artifacts: dict[str, bytes] = {
        (NATIVE_FILE if reason else GRAPH_FILE): native or graph,
        METADATA_FILE: metadata.to_json().encode(),
        CARD_FILE: model_card(metadata, columns, project.version).encode(),
        "schema.json": to_json(schema.model_json_schema()).encode(),
        "golden.json": to_json(golden_document).encode(),
        "reference.csv": reference_rows.reference_csv(columns, held_out, project.target, labels, project.seed).encode(),
    }
    progress("writing the report")
    page = report.render_report(
        report.RunReport(
            metadata=metadata,
            version=project.version,
            evaluation=evaluation,
            importance=importance,
            fingerprint=fingerprint,
            held_out=held_out,
            columns=columns,
            row_name=row_name(schema),
        )
    )
    run_id = _identity(artifacts)
    folder = project.runs / run_id
    write_atomic(folder / "report.html", page)
    write_atomic(folder / "run.json", to_json({"id": run_id, "version": project.version, **asdict(metadata)}))
    _replace_folder(project.artifacts, artifacts)
    _keep_table(project, table.sha256)
    return Run(run_id, folder, folder / "report.html", metadata, evaluation, table.dropped, table.rows_read, reason)


def _positive(project: ProjectSettings, table: TrainingTable) -> Any:
    """The label that counts as yes: the configured one, or the last in order, as 1 of 0 and 1."""
    if table.task != "binary":
        return None
    if project.positive is None:
        return table.classes[-1]
    for label in table.classes:
        if str(label) == str(project.positive):
            return label
    raise SeatrialError(
        f"[tool.seatrial] positive = {project.positive!r} is no label of `{project.target}`.",
        hint=f"Its labels are {', '.join(map(str, table.classes))}.",
    )


def _as_json(schema: Any, row: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = schema.model_validate(row).model_dump(mode="json")
    return document


def _as_columns(checker: TableChecker, given: list[dict[str, Any]]) -> Columns:
    columns, problems = checker.check({c.name: [row[c.name] for row in given] for c in checker.columns})
    assert not problems, problems
    return columns


def _check_native(native: bytes, reason: str) -> None:
    from skops.io import get_untrusted_types

    foreign = sorted(set(get_untrusted_types(data=native)) - set(TRUSTED_TYPES))
    if foreign:
        raise SeatrialError(
            f"The pipeline can neither be compiled ({reason}) nor kept safely: it holds {', '.join(foreign)}.",
            hint="Use scikit-learn's own estimators; what is your own belongs into a feature function.",
        )


def _identity(artifacts: dict[str, bytes]) -> str:
    total = hashlib.sha256()
    for name in sorted(artifacts):
        total.update(name.encode() + hashlib.sha256(artifacts[name]).digest())
    return total.hexdigest()[:12]


def _replace_folder(folder: Path, files: dict[str, bytes]) -> None:
    """Swap a folder's whole content, so that a wheel is never built from half of two trainings."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".artifacts-"))
    try:
        for name, content in files.items():
            write_atomic(fresh / name, content)
        fresh.chmod(0o755)
        old = folder.with_name(".artifacts-old")
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.replace(old)
        fresh.replace(folder)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _keep_table(project: ProjectSettings, digest: str) -> None:
    """Keep the table that was trained on: the next trial trains this release again, when the table has changed."""
    kept = project.kept_table(digest)
    if not kept.is_file():
        write_atomic(kept, project.data.read_bytes())
