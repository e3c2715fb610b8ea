"""Predict a Spark DataFrame, or a folder of files with Spark: by `mapInArrow`, in the executors' own Python.

Spark does not keep the order of rows, so a key is required. It retries tasks that fail, apart from those of `local[2]`
(`local[2,4]` does), and takes one result of each.
"""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from seatrial.core.errors import UsageError
from seatrial.engines.input_files import GROUP, check_apart, grouped, input_files, input_folder
from seatrial.engines.output_manifest import Manifest, WritesParts, write_table
from seatrial.engines.output_parts import OnBadPartRows, PartTarget, WrittenPart, written_parts
from seatrial.engines.worker import BATCH, SITE, columns_to_send, key_columns, release_opener
from seatrial.model.bad_rows import OnBadRows

if TYPE_CHECKING:
    from seatrial.model.release import Release

ROWS_SETTING = "spark.sql.execution.arrow.maxRecordsPerBatch"


def predict(
    release: "Release", df: Any, *, key: str | Sequence[str], on_bad_rows: OnBadRows = "fail", site: str = SITE
) -> Any:
    """Return a DataFrame with the key's columns and the predictions of each row of `df`; Spark computes it when asked.

    `site` is the name of the bundle's archive, if the executors have no Seatrial (`--archives site.zip#site`). The
    session's number of rows in an Arrow batch is set to 65,536. Raises UsageError for a key that `df` does not have;
    a bad row under "fail" fails the job with its key.
    """
    from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema
    from pyspark.sql.types import StructType

    answers = release.output_schema(on_bad_rows=on_bad_rows)
    key = _checked(df, key, answers.names)
    by_name = {field.name: field for field in df.schema.fields}
    answered = from_arrow_schema(answers)
    schema, arrow = StructType([*(by_name[name] for name in key), *answered.fields]), to_arrow_schema(answered)
    open_release = release_opener(release, site, in_spark=True)

    def score(batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa

        for batch in open_release().predict_batches(batches, keep=key, on_bad_rows=on_bad_rows):
            kept = [batch.schema.field(name) for name in key]  # of the types that came, times with their zone
            yield batch.select([*key, *arrow.names]).cast(pa.schema([*kept, *arrow]))

    return df.select(*columns_to_send(release, df.columns, key)).mapInArrow(score, schema)


def write(
    release: "Release",
    df: Any,
    folder: str,
    *,
    key: str | Sequence[str],
    on_bad_rows: OnBadPartRows = "fail",
    max_bad: float | None = None,
    site: str = SITE,
) -> Manifest:
    """Predict `df` into a folder of Parquet files, complete when it has _SUCCESS; the executors write them.

    `folder` is a path or a URL that driver and executors reach. "quarantine" puts bad rows, with key, column, value
    and rule, into `_bad/`. More of them than `max_bad`, a share below 1 or a number, raise SeatrialError.
    """
    return write_table(
        release, folder, key, [((), df)], _writer(release, key, site), on_bad_rows=on_bad_rows, max_bad=max_bad
    )


def write_files(
    release: "Release",
    session: Any,
    files: str,
    folder: str,
    *,
    key: str | Sequence[str],
    on_bad_rows: OnBadPartRows = "fail",
    max_bad: float | None = None,
    resume: bool = False,
    group: int = GROUP,
    site: str = SITE,
) -> Manifest:
    """Predict the Parquet files in a folder as `write` does, `group` of them at a time.

    With `resume`, a job that was interrupted goes on behind the last group that it finished.
    """
    check_apart(files, folder)
    names, whole = input_files(files), input_folder(files)
    # Otherwise Spark takes the columns of one file, and leaves out what only others have.
    reader = session.read.option("mergeSchema", "true")
    if names != [whole]:  # for the columns in the names of folders: `day=2026-11-30`
        reader = reader.option("basePath", _spark_name(whole))
    tables = grouped(names, lambda some: reader.parquet(*map(_pattern, some)), group)
    done = _writer(release, key, site)
    return write_table(release, folder, key, tables, done, on_bad_rows=on_bad_rows, max_bad=max_bad, resume=resume)


def _pattern(name: str) -> str:
    """The pattern for one file: Spark reads names as patterns, and `part[1]*` may match others, twice."""
    return re.sub(r"([\\{}\[\]*?])", r"\\\1", _spark_name(name))


def _spark_name(name: str) -> str:
    """A path of this machine as Spark takes it, which may have another file system where none is named."""
    return name if "://" in name else f"file://{name}"


def _writer(release: "Release", key: str | Sequence[str], site: str) -> WritesParts:
    """Return a function that predicts a table with its tasks writing the parts, and returns those that Spark took."""
    open_release = release_opener(release, site, in_spark=True)

    def write_parts(df: Any, target: PartTarget) -> list[WrittenPart]:
        columns = _checked(df, key, release.output_schema(on_bad_rows="keep").names)
        where = (target.folder, target.on_bad_rows)  # the class cannot be imported where the function arrives

        def score(batches: Iterator[Any]) -> Iterator[Any]:
            from itertools import chain

            import pyarrow as pa

            if (first := next(batches, None)) is not None:  # not an empty partition
                opened = open_release()
                from seatrial.engines.output_parts import PartTarget, write_part

                part = write_part(opened, chain([first], batches), PartTarget(*where), columns)
                yield pa.RecordBatch.from_pydict({"part": [part.to_json()]})

        sent = df.select(*columns_to_send(release, df.columns, columns))
        return written_parts(row.part for row in sent.mapInArrow(score, "part string").collect())

    return write_parts


def _checked(df: Any, key: str | Sequence[str], answers: Sequence[str]) -> tuple[str, ...]:
    if not hasattr(df, "mapInArrow"):
        raise UsageError(
            f"A {type(df).__name__} is not a Spark DataFrame.", hint="For a table in memory call release.predict_table."
        )
    key = key_columns(key, df.columns, answers)
    if dotted := next((name for name in key if "." in name or "`" in name), None):
        raise UsageError(f"Spark cannot hand over a column called `{dotted}`.", hint="Rename it: no dots or backticks.")
    session = df.sparkSession
    rows = session.conf.get(ROWS_SETTING)
    if int(rows or 0) != BATCH:
        session.conf.set(ROWS_SETTING, str(BATCH))
    return key
