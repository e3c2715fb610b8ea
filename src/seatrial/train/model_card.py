"""The model card: what a release is for and how good it is, in Markdown, for people who will not read JSON.

After Mitchell et al. 2019, "Model Cards for Model Reporting": what, from which data, how good, with which limits.
"""

from collections.abc import Sequence

from seatrial.model.metadata import Metadata
from seatrial.model.schema import Column
from seatrial.pages.words import short


def model_card(metadata: Metadata, columns: Sequence[Column], version: str) -> str:
    """Write the card. Every figure in it comes from the training itself."""
    parts = [
        f"# {metadata.name} {version}",
        metadata.description,
        "## What it predicts",
        _prediction(metadata),
        "## How good it is",
        f"Measured on {metadata.split['test_rows']:,} rows held out of training, with 95 % bootstrap intervals; "
        "beside it, what a predictor reaches that knows the target's distribution and nothing else.",
        _metrics(metadata),
        "## What it was trained on",
        _data(metadata),
        "## What it asks for",
        _columns(columns),
        "## How it runs",
        _engine(metadata),
        "## Limits",
        "It has learned from these rows and knows nothing of others: it says how such rows turned out, not why. "
        "Values outside the ranges above are refused rather than guessed at.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _prediction(metadata: Metadata) -> str:
    if metadata.task == "regression":
        return f"`{metadata.target}`, a number."
    labels = ", ".join(
        f"`{label}`" + (f" ({metadata.label(label)})" if str(label) in metadata.labels else "")
        for label in metadata.classes
    )
    rule = (
        f"; `{metadata.positive}` from a probability of {metadata.threshold:g} on" if metadata.task == "binary" else ""
    )
    return f"`{metadata.target}`, one of {labels}{rule}, with a probability for each."


def _metrics(metadata: Metadata) -> str:
    lines = ["| metric | value | 95 % interval | trivial baseline |", "| --- | --- | --- | --- |"]
    for metric in metadata.metrics.values():
        interval = "" if metric["low"] is None else f"{short(metric['low'])} to {short(metric['high'])}"
        baseline = "" if metric["baseline"] is None else short(metric["baseline"])
        lines.append(f"| {metric['label']} | {short(metric['value'])} | {interval} | {baseline} |")
    return "\n".join(lines)


def _data(metadata: Metadata) -> str:
    split = metadata.split
    count = split["dropped_rows"]
    broke = f"{count:,} rows broke the schema and were" if count > 1 else "One row broke the schema and was"
    dropped = f" {broke} left out." if count else ""
    return (
        f"`{metadata.data['file']}`, SHA-256 `{metadata.data['sha256'][:16]}…`: {split['train_rows']:,} rows to train "
        f"on and {split['test_rows']:,} held out, drawn with seed {split['seed']}.{dropped}"
    )


def _columns(columns: Sequence[Column]) -> str:
    lines = ["| column | values | may be missing | meaning |", "| --- | --- | --- | --- |"]
    for column in columns:
        meaning = ". ".join(part.rstrip(".") for part in (column.title, column.description) if part).replace("|", "\\|")
        lines.append(f"| `{column.name}` | {_values(column)} | {'yes' if column.nullable else 'no'} | {meaning} |")
    return "\n".join(lines)


def _values(column: Column) -> str:
    if column.categories:
        return ", ".join(f"`{value}`" for value in column.categories)
    low = "" if column.minimum is None else f" from {column.minimum:g}"
    high = "" if column.maximum is None else f" to {column.maximum:g}"
    return f"{column.kind}{low}{high}" + (f", {column.unit}" if column.unit else "")


def _engine(metadata: Metadata) -> str:
    if metadata.engine == "native":
        return f"With scikit-learn itself, since it cannot be compiled exactly: {metadata.proof.get('reason', '')}"
    proof = metadata.proof
    rows = proof["rows_table"] + proof["rows_generated"]
    return (
        f"As one compiled graph in double precision. On {rows:,} rows it differs from scikit-learn by at most "
        f"{proof['largest_difference']:.1e}, and in no label."
    )
