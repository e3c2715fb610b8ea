"""One job inside one engine: python engine_job.py ENGINE WAY PIPELINE INPUT OUTPUT, with a folder of Parquet as INPUT.

WAY is `copy`, the engine's own read and write of as many columns as a prediction writes; `handed`, a user function that
gets the columns of a prediction in Arrow (Dask: in pandas) and gives these back; `seatrial`; or `pandas`, scikit-learn
called with pandas in the engine's own user function, as it is commonly written, without any check.
"""

import sys
from pathlib import Path
from typing import Any

BATCH = 65_536
ANSWERS = {"prediction": "int64", "probability_0": "float64", "probability_1": "float64"}
COPIED = ["id", "pclass", "age", "fare"]  # as many columns, of the same types, as a prediction writes
PROCESSORS = 2


def scored(pipeline: str, frame: Any) -> Any:
    """Predict a pandas frame by scikit-learn, with its `id` first."""
    import pandas as pd
    from pandas_features import add_features, answers

    scores = fitted(pipeline).predict_proba(add_features(frame.drop(columns="id")))
    return pd.DataFrame({"id": frame["id"].to_numpy(), **answers(scores)})


def fitted(pipeline: str, kept: dict[str, Any] = {}) -> Any:  # noqa: B006 - one for each process
    """The fitted pipeline, loaded once in each process."""
    import joblib

    if pipeline not in kept:
        kept[pipeline] = joblib.load(pipeline)
    return kept[pipeline]


def release() -> Any:
    """The release, from the package that is on PYTHONPATH."""
    from titanic_model import release

    return release


def on_polars(way: str, pipeline: str, source: Path, output: Path) -> None:
    """Run in Polars' streaming engine."""
    import polars as pl

    from seatrial.engines.polars import predict

    frame = pl.scan_parquet(source / "*.parquet")
    if way == "copy":
        found = frame.select(COPIED)
    elif way == "seatrial":
        found = predict(release(), frame, key="id").select(["id", *ANSWERS])
    else:
        schema = {"id": pl.Int64, "prediction": pl.Int64, "probability_0": pl.Float64, "probability_1": pl.Float64}

        def score(part: Any) -> Any:
            return pl.from_pandas(scored(pipeline, part.to_pandas()))

        found = frame.map_batches(
            score if way == "pandas" else lambda part: pl.DataFrame(part.to_arrow().select(COPIED)),
            schema=schema if way == "pandas" else {name: frame.collect_schema()[name] for name in COPIED},
            streamable=True, predicate_pushdown=False, projection_pushdown=False, slice_pushdown=False,
        )  # fmt: skip
    output.mkdir()
    found.sink_parquet(output / "part-0.parquet")


def on_duckdb(way: str, pipeline: str, source: Path, output: Path) -> None:
    """Run behind DuckDB's Arrow stream; its own COPY is the copy."""
    import duckdb
    import pyarrow as pa
    import pyarrow.parquet as pq

    output.mkdir()
    rows = f"read_parquet('{source}/*.parquet')"
    target = output / "part-0.parquet"
    connection = duckdb.connect()
    connection.execute(f"SET threads = {PROCESSORS}")
    if way == "copy":
        connection.execute(f"COPY (SELECT {', '.join(COPIED)} FROM {rows}) TO '{target}' (FORMAT parquet)")
        return
    reader = connection.sql(f"SELECT * FROM {rows}").to_arrow_reader(BATCH)
    if way == "seatrial":
        opened = release()
        batches = (batch.select(["id", *ANSWERS]) for batch in opened.predict_batches(reader, keep=["id"]))
    elif way == "handed":
        batches = (batch.select(COPIED) for batch in reader)
    else:
        found = (scored(pipeline, batch.to_pandas()) for batch in reader)
        batches = (pa.RecordBatch.from_pandas(frame, preserve_index=False) for frame in found)
    first = next(batches)
    with pq.ParquetWriter(target, first.schema) as writer:
        writer.write_batch(first)
        for batch in batches:
            writer.write_batch(batch)


def on_dask(way: str, pipeline: str, source: Path, output: Path) -> None:
    """Run in Dask with two worker processes."""
    import dask
    import dask.dataframe as dd

    from seatrial.engines.dask import predict

    frame = dd.read_parquet(source, columns=COPIED if way == "copy" else None)
    if way == "seatrial":
        frame = predict(release(), frame, key="id")[["id", *ANSWERS]]
    elif way == "handed":
        frame = frame.map_partitions(lambda part: part[COPIED], meta=frame._meta[COPIED])
    elif way == "pandas":
        frame = frame.map_partitions(lambda part: scored(pipeline, part), meta={"id": "int64", **ANSWERS})
    with dask.config.set(scheduler="processes", num_workers=PROCESSORS):
        # Otherwise Dask reads a partition in one process, and sends it to another to be written.
        frame.to_parquet(output, write_index=False, compute=False).optimize().compute()


def on_spark(way: str, pipeline: str, source: Path, output: Path) -> None:
    """Run in Spark on this machine."""
    from pyspark.sql import SparkSession

    from seatrial.engines.spark import predict

    session = (
        SparkSession.builder.master(f"local[{PROCESSORS},4]").config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.memory", "2g").config("spark.sql.execution.arrow.maxRecordsPerBatch", BATCH)
        .getOrCreate()
    )  # fmt: skip
    rows = session.read.parquet(f"file://{source}")
    if way == "copy":
        found = rows.select(COPIED)
    elif way == "seatrial":
        found = predict(release(), rows, key="id").select("id", *ANSWERS)
    elif way == "handed":

        def hand_back(batches: Any) -> Any:
            for batch in batches:
                yield batch.select(COPIED)

        found = rows.mapInArrow(hand_back, rows.select(COPIED).schema)
    else:

        def score(frames: Any) -> Any:
            for frame in frames:
                yield scored(pipeline, frame)

        found = rows.mapInPandas(score, "id long, prediction long, probability_0 double, probability_1 double")
    found.write.parquet(f"file://{output}")
    session.stop()


def on_ray(way: str, pipeline: str, source: Path, output: Path) -> None:
    """Run in Ray on this machine: one actor, since another processor must be free to read."""
    import ray

    from seatrial.engines.ray import predict

    ray.init(
        num_cpus=PROCESSORS, object_store_memory=400_000_000, include_dashboard=False, log_to_driver=False,
        _node_ip_address="127.0.0.1",
    )  # fmt: skip
    rows = ray.data.read_parquet(str(source), columns=COPIED if way == "copy" else None)
    if way == "seatrial":
        rows = predict(release(), rows, key="id").select_columns(["id", *ANSWERS])
    elif way != "copy":

        class Scorer:
            def __call__(self, table: Any) -> Any:
                import pyarrow as pa

                if way == "handed":
                    return table.select(COPIED)
                return pa.Table.from_pandas(scored(pipeline, table.to_pandas()), preserve_index=False)

        pool = ray.data.ActorPoolStrategy(size=PROCESSORS - 1)
        rows = rows.map_batches(Scorer, batch_size=BATCH, batch_format="pyarrow", num_cpus=1, compute=pool)
    rows.write_parquet(str(output))
    ray.shutdown()


ENGINES = {"polars": on_polars, "duckdb": on_duckdb, "dask": on_dask, "spark": on_spark, "ray": on_ray}

if __name__ == "__main__":
    engine, way, pipeline, source, output = sys.argv[1:]
    ENGINES[engine](way, pipeline, Path(source), Path(output))
