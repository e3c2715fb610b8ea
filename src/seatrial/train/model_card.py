"""The model card, in Markdown: what a release predicts, from what data, how well, and its limits.

After Mitchell et al. 2019, "Model Cards for Model Reporting".
"""

from collections.abc import Iterator, Sequence
from typing import Any

from seatrial.core.quoting import markdown, markdown_cell_code, markdown_code
from seatrial.model.carried_rows import carried_rows
from seatrial.model.intervals import prediction_intervals
from seatrial.model.metadata import Metadata
from seatrial.model.row_split import split_words
from seatrial.model.schema import Column
from seatrial.pages.words import between, percent, plain, short

MOST_LISTED = 60  # categories of a column
MOST_MISSED = 8  # classes


def model_card(metadata: Metadata, columns: Sequence[Column], version: str) -> str:
    """Write the card. Every number in it comes from the training itself."""
    parts = [
        f"# {markdown(metadata.name)} {markdown(version)}",
        markdown(metadata.description),
        "## What it predicts",
        _prediction(metadata),
        "## Performance",
        f"Measured on {metadata.split['test_rows']:,} held-out rows, with 95 % bootstrap intervals. The trivial "
        "baseline knows only the distribution of the target."
        + (f" The best single column is {markdown_code(metadata.best_column)}." if metadata.best_column else ""),
        _metrics(metadata),
        _error_range(metadata),
        *_coverage(metadata),
        markdown(never_predicted(metadata)),
        *(f"**Doubtful.** {markdown(doubt)}" for doubt in metadata.doubts.values()),
        "## Training data",
        _data(metadata),
        markdown(fitted_words(metadata)),
        markdown(str(carried_rows(metadata.carries))),
        "## Input columns",
        _columns(columns),
        "## How it runs",
        markdown(how_it_runs(metadata)),
        "## Limits",
        ("" if metadata.fitted else "The model has learned from these rows only. ")
        + "It predicts outcomes of similar rows, and does not explain their causes. Values outside the ranges above "
        "are rejected; a value inside them that no training row had is predicted, with a warning.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _prediction(metadata: Metadata) -> str:
    if metadata.task == "regression":
        return f"{markdown_code(metadata.target)}, a number" + (
            f", in {markdown(metadata.unit)}." if metadata.unit else "."
        )
    labels = ", ".join(
        markdown_code(str(label)) + (f" ({markdown(metadata.label(label))})" if str(label) in metadata.labels else "")
        for label in metadata.classes
    )
    rule = ""
    if metadata.task == "binary":
        rule = f"; {markdown_code(str(metadata.positive))} if its probability is at least {metadata.threshold:g}"
    return f"{markdown_code(metadata.target)}, one of {labels}{rule}. Each class gets a probability."


def _metrics(metadata: Metadata) -> str:
    lines = [
        "| metric | value | 95 % interval | trivial baseline | best single column | plain linear model |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for metric in metadata.metrics.values():
        interval = "" if metric["low"] is None else f"{short(metric['low'])} to {short(metric['high'])}"
        others = (metric.get(name) for name in ("baseline", "single", "linear"))
        texts = " | ".join("" if value is None else short(value) for value in others)
        lines.append(f"| {markdown(metric['label'])} | {short(metric['value'])} | {interval} | {texts} |")
    return "\n".join(lines)


def _error_range(metadata: Metadata) -> str:
    """Say how close the predictions of a regression are to the truth, by the size of the prediction."""
    known = prediction_intervals(metadata).shown_range
    if not known:
        return ""
    lines = ["| predictions from | true value, less the prediction |", "| --- | --- |"]
    for group in known["groups"]:
        begins = "the smallest" if group["above"] is None else plain(group["above"])
        lines.append(f"| {begins} | {plain(group['low'])} to {plain(group['high'])} |")
    about = f"For {percent(known['share'])} of the held-out rows, the true value was so close to the prediction:"
    return "\n\n".join([about, "\n".join(lines)])


def _coverage(metadata: Metadata) -> Iterator[str]:
    """Say how often prediction intervals or sets were right, and how large they are."""
    if not (lines := coverage_lines(metadata)):
        return
    size = "mean width" if metadata.task == "regression" else "mean number of classes"
    rows = [f"| {' | '.join(map(markdown, line))} |" for line in lines]
    yield coverage_words(metadata)
    yield "\n".join([f"| level | right | 95 % interval | {size} |", "| --- | --- | --- | --- |", *rows])


def coverage_words(metadata: Metadata) -> str:
    """Say what a prediction interval or set is, and how it was measured; for the card and the report."""
    coverage = metadata.intervals.get("coverage")
    if not coverage:
        return ""
    regression, rows = metadata.task == "regression", next(iter(coverage.values()))["rows"]
    what = "interval contains the true value" if regression else "set contains the true class"
    return (
        f"A prediction {what} with a probability of at least its level, for rows like these. Measured on {rows:,} of "
        "the held-out rows, with numbers from the others; the release has the numbers from all of them."
    )


def coverage_lines(metadata: Metadata) -> list[tuple[str, str, str, str]]:
    """Return level, measured coverage, its 95 % interval and the mean size of each level, as texts."""
    unit = f" {metadata.unit}" if metadata.unit else ""
    return [
        (percent(float(level)), percent(one["share"]), between(one["low"], one["high"]), f"{plain(one['size'])}{unit}")
        for level, one in metadata.intervals.get("coverage", {}).items()
    ]


def beside_the_model(metadata: Metadata) -> str:
    """Say what two simple models reach on the same rows; for the card and the terminal."""
    headline = metadata.metrics.get(metadata.headline, {})
    known = ((f"the best single column, {metadata.best_column}", "single"), ("a plain linear model", "linear"))
    texts = [f"{short(headline[name])} for {whose}" for whose, name in known if headline.get(name) is not None]
    return f"{headline['label']} of simple models on the same rows: {'; '.join(texts)}." if texts else ""


def never_predicted(metadata: Metadata) -> str:
    """Name the classes that are never predicted; for the card, the report and the terminal."""
    missed, count = [metadata.label(value) for value in metadata.never_predicted], len(metadata.classes)
    if not missed:
        return ""
    shown = ", ".join(f"“{name}”" for name in missed[:MOST_MISSED])
    more = f" and {len(missed) - MOST_MISSED} more" if len(missed) > MOST_MISSED else ""
    verb = "is" if len(missed) == 1 else "are"
    return f"{len(missed)} of {count} classes {verb} never predicted on the held-out rows: {shown}{more}."


def _data(metadata: Metadata) -> str:
    split = metadata.split
    count = split["dropped_rows"]
    broke = f"{count:,} rows broke the schema and were" if count > 1 else "One row broke the schema and was"
    dropped = f" {broke} left out." if count else ""
    return (
        f"{markdown_code(metadata.data['file'])}, SHA-256 `{metadata.data['sha256'][:16]}…`: "
        f"{split['train_rows']:,} rows for training and {split['test_rows']:,} held out, "
        f"{split_words(split, markdown_code)}.{dropped}"
    )


def fitted_words(metadata: Metadata) -> str:
    """Say that a model was fitted elsewhere, and what is known of that; for the card and the report."""
    made = metadata.fitted
    if not made:
        return ""
    known = (
        "It is declared that it was fitted on none of them."
        if made["unseen"]
        else "On which rows it was fitted is not known."
    )
    return (
        f"The model was fitted elsewhere: {made['class']} in {made['file']}, SHA-256 {made['sha256'][:16]}…. "
        f"The table's rows only measured it. {known}"
    )


def _columns(columns: Sequence[Column]) -> str:
    lines = ["| column | values | may be missing | meaning |", "| --- | --- | --- | --- |"]
    for column in columns:
        meaning = ". ".join(part.rstrip(".") for part in (column.title, column.description) if part)
        name, missing = markdown_cell_code(column.name), "yes" if column.nullable else "no"
        lines.append(f"| {name} | {_values(column)} | {missing} | {markdown(meaning)} |")
    return "\n".join(lines)


def _values(column: Column) -> str:
    if column.categories:
        listed = ", ".join(markdown_cell_code(str(value)) for value in column.categories[:MOST_LISTED])
        more = len(column.categories) - MOST_LISTED
        return listed + (f" and {more} more" if more > 0 else "") + (", or another" if column.open else "")
    low = "" if column.minimum is None else f" from {column.minimum:g}"
    high = "" if column.maximum is None else f" to {column.maximum:g}"
    return f"{column.kind}{low}{high}" + (f", {markdown(column.unit)}" if column.unit else "")


def how_it_runs(metadata: Metadata) -> str:
    """Say whether the release is compiled, and how that was proved; for the card, the report and the terminal."""
    proof = metadata.proof
    if metadata.engine == "native":
        return f"Not compiled: {proof.get('reason', '')} The release runs natively, with scikit-learn."
    rows, largest = proof["rows_table"] + proof["rows_generated"], f"{proof['largest_difference']:.1e}"
    if metadata.task == "regression":
        text = f"Compiled exactly: on {rows:,} rows the largest relative difference is {largest}."
    else:
        text = (
            f"Compiled exactly: on {rows:,} rows the largest difference in probability is {largest}, "
            f"{proof['labels_differ']} labels differ, {proof['ties']} ties."
        )
    return f"{text} {_library(proof)}".rstrip()


def _library(proof: dict[str, Any]) -> str:
    """Say what is proven of a library's boosted trees; "" for scikit-learn's models."""
    if not proof.get("statement"):
        return ""
    text = f"{proof['statement']} {proof['paths']:,} paths through trees were compared."
    if not proof["library_difference"]:
        return text
    decided = f", which decides {proof['library_labels']:,} labels" if proof["library_labels"] else ""
    return f"{text} The library's rounding is at most {proof['library_difference']:.1e}{decided}."
