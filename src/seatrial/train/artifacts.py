"""The files that a wheel carries: the engine, release.json, the model card, the schema, golden and reference rows."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.core.files import to_json
from seatrial.model.carried_rows import CarriedRows
from seatrial.model.engines import NATIVE_FILE
from seatrial.model.metadata import METADATA_FILE, SBOM_FILE, Metadata
from seatrial.model.release_parts import CARD_FILE
from seatrial.model.unseen import seen_in
from seatrial.train import made_up_rows, reference_rows
from seatrial.train.array_proof import proven_on_arrays
from seatrial.train.evaluation import Evaluation, Importance
from seatrial.train.golden_rows import golden_rows
from seatrial.train.interval_calibration import calibrate
from seatrial.train.memorized_rows import memorizing
from seatrial.train.model_card import model_card
from seatrial.train.own_decision import threshold_by
from seatrial.train.profile import Fingerprint
from seatrial.train.provenance import environment, git_state
from seatrial.train.recipe import Fitted, Recipe
from seatrial.train.sbom import sbom


@dataclass(frozen=True)
class EngineFile:
    """What computes a release's scores: the content of its file, and the proof or the reason why it is native."""

    file: str
    content: bytes
    proof: dict[str, Any]
    native_reason: str = ""


def release_metadata(
    recipe: Recipe,
    fitted: Fitted,
    evaluation: Evaluation,
    doubts: dict[str, str],
    importance: Sequence[Importance],
    engine: EngineFile,
    fingerprint: Fingerprint,
) -> Metadata:
    """Collect the metadata of a release."""
    project, table, split, inputs = recipe.project, recipe.table, recipe.split, recipe.inputs
    training, measured = recipe.training_rows, recipe.measured
    made_up = recipe.columns, recipe.checker.schema, recipe.table.columns
    known = made_up_rows.common_values(recipe.columns, recipe.table.columns, fingerprint.columns)
    typical = made_up_rows.typical_row(*made_up, known, seed=project.seed)
    return Metadata(
        name=project.name,
        description=project.description,
        task=table.task,
        target=project.target,
        engine="native" if engine.file == NATIVE_FILE else "onnx",
        inputs=inputs,
        typical=typical,
        example=made_up_rows.example_row(*made_up, known, seed=project.seed, other_than=typical),
        classes=table.classes,
        labels=project.labels,
        positive=evaluation.positive if table.task == "binary" else None,
        threshold=evaluation.rule.threshold,
        threshold_by=threshold_by(fitted.pipeline, table.task),
        headline=evaluation.headline,
        metrics={m.name: asdict(m) for m in evaluation.metrics},
        best_column=evaluation.best_column,
        doubts=doubts,
        # The same inputs must give the same bytes, on a slow machine too.
        importance={one.column: float(f"{one.mean:.4g}") for one in importance if not one.hurried},
        unit=project.unit if table.task == "regression" else "",
        intervals=calibrate(
            evaluation, recipe.held_out, seed=project.seed, groups=measured.groups, order=measured.order
        ),
        never_predicted=evaluation.never_predicted,
        data={"file": project.data.name, **asdict(fingerprint)},
        seen=seen_in(recipe.columns, training, inputs.strings),
        split={
            "train_rows": len(split.train),
            "test_rows": split.held_out,
            "dropped_rows": len({p.row for p in table.dropped}),
            **split.record,
            **({"weight": project.weight} if project.weight else {}),
        },
        proof=engine.proof,
        environment=environment(fitted.pipeline),
        git=git_state(project.root),
        carries=asdict(_carried(recipe, fitted)),
        array_features=proven_on_arrays(recipe.features, recipe.columns, training),
    )


def _carried(recipe: Recipe, fitted: Fitted) -> CarriedRows:
    project, rows = recipe.project, min(len(recipe.split.test), reference_rows.REFERENCE_ROWS)
    return CarriedRows(
        project.reference,
        0 if project.reference == "none" else rows,
        project.table_in_sdist,
        tuple(made_up_rows.copied(recipe.columns, recipe.table.columns)),
        memorizing(fitted.pipeline, len(recipe.split.train)),
    )


def artifact_files(recipe: Recipe, fitted: Fitted, metadata: Metadata, engine: EngineFile) -> dict[str, bytes]:
    """Return the content of each file by its name."""
    project, columns, schema, held_out = recipe.project, recipe.columns, recipe.checker.schema, recipe.held_out
    labels = recipe.table.target[recipe.split.test]
    rows, whole = held_out, recipe.table.columns
    if project.reference != "full":
        rows = made_up_rows.made_up_table(columns, whole, seed=project.seed)
    golden = golden_rows(columns, schema, rows, reference_rows.row_at(columns, rows, 0), fitted, project.seed)
    if not golden:
        raise SeatrialError(made_up_rows.NO_EXAMPLE, hint='Set reference = "full" in [tool.seatrial.release].')
    checked, problems = recipe.checker.check({c.name: [row[c.name] for row in golden] for c in columns})
    assert not problems, problems
    golden_document = {"rows": [_as_json(recipe, row) for row in golden], "scores": fitted(checked).tolist()}
    reference = {
        "full": lambda: reference_rows.reference_csv(
            columns, held_out, project.target, labels, project.seed, recipe.carried_with(recipe.split.test)
        ),
        "hashed": lambda: reference_rows.reference_hashes(columns, held_out, labels, project.seed),
    }.get(project.reference)
    carried = CarriedRows(project.reference)
    return {
        engine.file: engine.content,
        METADATA_FILE: metadata.to_json().encode(),
        CARD_FILE: model_card(metadata, columns, project.version).encode(),
        SBOM_FILE: sbom(
            project.name,
            project.version,
            "native" if engine.file == NATIVE_FILE else "",
            (engine.file, hashlib.sha256(engine.content).hexdigest()),
            (project.data.name, recipe.table.sha256),
        ),
        "schema.json": to_json(schema.model_json_schema()).encode(),
        "golden.json": to_json(golden_document).encode(),
        **({carried.file: reference().encode()} if reference else {}),
    }


def _as_json(recipe: Recipe, row: reference_rows.Row) -> reference_rows.Row:
    return recipe.checker.schema.model_validate(row).model_dump(mode="json")
