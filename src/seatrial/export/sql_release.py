"""A release as one SELECT: its features, its graph and its decision, over the columns of a table."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.core.errors import SeatrialError
from seatrial.export.expressions import Expression, ExpressionKind, Expressions, Untranslatable
from seatrial.export.function_expressions import feature_expressions
from seatrial.export.graph_expressions import score_expressions
from seatrial.export.python_values import Value
from seatrial.export.schema_rules import bad_column, unless_bad
from seatrial.export.sql import Output, select
from seatrial.export.sql_operators import Dialect
from seatrial.model.engines import GRAPH_FILE
from seatrial.model.release import Release
from seatrial.model.schema import Column
from seatrial.model.word_counts import METADATA_KEY


@dataclass(frozen=True)
class SqlModel:
    """The SELECT of a release, and the columns of the table that it reads."""

    text: str
    reads: tuple[str, ...]
    keep: tuple[str, ...]


def release_as_sql(release: Release, *, table: str, keep: Sequence[str], dialect: Dialect) -> SqlModel:
    """Translate a release. Raises SeatrialError naming what has no translation."""
    require_graph(release)
    pool = Expressions()
    comment = f"{release.name} {release.version}, written by `seatrial export sql --dialect {dialect}`."
    try:
        outputs = _outputs(release, pool)
        _require_own_names(keep, [output.name for output in outputs])
        text = select(outputs, table=table, keep=keep, dialect=dialect, comment=comment)
    except Untranslatable as refused:
        raise SeatrialError(
            f"{release.name} cannot be exported as SQL: {refused}.",
            hint="docs/exports.md lists what is translated.",
        ) from None
    reads = tuple(column.name for column in release.columns if column.name in release.used_columns)
    return SqlModel(text, reads, tuple(keep))


def _require_own_names(keep: Sequence[str], made: Sequence[str]) -> None:
    """Raise SeatrialError where a kept column would have the name of another one; most databases ignore case."""
    taken = {name.lower() for name in made}
    for name in keep:
        if name.lower() in taken:
            raise SeatrialError(
                f"Two columns of the SELECT would be called {name}.",
                hint="Name the columns to keep by --keep, each once; a view of the table can give one another name.",
            )
        taken.add(name.lower())


def require_graph(release: Release) -> None:
    """Raise SeatrialError for a release that does not consist of a graph alone."""
    if release.metadata.engine != "onnx":
        raise SeatrialError(
            f"{release.name} runs natively: there is no graph that could be translated.",
            hint="`seatrial train` says why; choose an estimator that compiles.",
        )
    import onnx

    graph = onnx.load(release.artifacts / GRAPH_FILE)
    if METADATA_KEY in {each.key for each in graph.metadata_props}:
        raise SeatrialError(
            f"{release.name} counts the words of texts in Python, which has no translation.",
            hint="Leave the vectorizer out of the pipeline, or predict with the release itself.",
        )


def engine_inputs(release: Release, pool: Expressions) -> dict[str, Expression]:
    """The inputs of a release's graph by their names: its columns and its features."""
    columns = _columns(release, pool)
    features = feature_expressions(release.features, columns, pool)
    wanted = release.metadata.inputs.names
    return {name: engine_input(value, pool) for name, value in (columns | features).items() if name in wanted}


def _columns(release: Release, pool: Expressions) -> dict[str, Value]:
    return {column.name: column_value(column, pool) for column in release.columns if column.kind != "other"}


def _outputs(release: Release, pool: Expressions) -> list[Output]:
    inputs, columns = release.metadata.inputs, _columns(release, pool)
    values = engine_inputs(release, pool)
    graph = (release.artifacts / GRAPH_FILE).read_bytes()
    scores = score_expressions(graph, inputs, values, pool)
    found = {"prediction": scores[0] if release.metadata.task == "regression" else _known(release, scores, pool)}
    found |= {f"probability_{label}": score for label, score in zip(release.metadata.classes, scores, strict=False)}
    read = [
        (column, columns[column.name].expression) for column in release.columns if column.name in release.used_columns
    ]
    bad = bad_column(read, pool)
    checked = [Output(name, unless_bad(bad, value, pool)) for name, value in found.items()]
    return [*checked, Output("bad_column", bad)]


def column_value(column: Column, pool: Expressions) -> Value:
    """A column as a feature function receives it."""
    kind: ExpressionKind = "boolean" if column.kind == "boolean" else "number" if column.numeric else "text"
    made = pool.column(column.name, kind, nullable=column.nullable)
    return Value(made, whole=kind != "text" and column.kind != "number")


def engine_input(value: Value, pool: Expressions) -> Expression:
    """A value as the graph takes it: a missing text is an empty one, and a truth value a number."""
    found = value.expression
    if found.kind == "text":
        return pool.case(pool.is_null(found), pool.text(""), found)
    return pool.as_number(found)


def _known(release: Release, scores: Sequence[Expression], pool: Expressions) -> Expression:
    """The label; missing where a score is, as after a division by zero: no comparison with it holds."""
    decided = _decision(release, scores, pool)
    for score in scores:
        nothing = pool.make("untyped null", kind=decided.kind, nullable=True)
        decided = pool.case(pool.is_null(score), nothing, decided)
    return decided


def _decision(release: Release, scores: Sequence[Expression], pool: Expressions) -> Expression:
    """The label: by the threshold for two classes, else the first of the most probable ones."""
    rule = release.decision
    labels = [_label(label, pool) for label in rule.classes]
    if rule.task == "binary":
        reached = pool.compare(">=", scores[rule.positive], pool.number(rule.threshold))
        return pool.case(reached, labels[rule.positive], labels[1 - rule.positive])
    decided = labels[-1]
    for place in range(len(scores) - 2, -1, -1):
        best = pool.boolean(True)
        for other in scores[place + 1 :]:
            best = pool.both(best, pool.compare(">=", scores[place], other))
        decided = pool.case(best, labels[place], decided)
    return decided


def _label(label: object, pool: Expressions) -> Expression:
    if isinstance(label, bool):
        return pool.boolean(label)
    if isinstance(label, int | float) and math.isfinite(label):
        return pool.make("label", kind="number", nullable=False, value=label)
    return pool.text(str(label))
