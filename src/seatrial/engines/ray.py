"""Predict a Ray Dataset, or a folder of files with Ray: by a pool of actors, each of which loads the release once.

Ray does not keep the order of rows, so a key is required. Actors that take all processors leave none for the tasks that
read, and the job waits for ever: the pool is always smaller than the cluster.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seatrial.core.errors import SeatrialError, UsageError
from seatrial.engines.input_files import GROUP, check_apart, grouped, input_files
from seatrial.engines.output_manifest import Manifest, WritesParts, write_table
from seatrial.engines.output_parts import OnBadPartRows, PartTarget, WrittenPart, written_parts
from seatrial.engines.worker import BATCH, SITE, columns_to_send, key_columns, release_opener
from seatrial.model.bad_rows import OnBadRows

if TYPE_CHECKING:
    from seatrial.model.release import Release


def predict(
    release: "Release",
    dataset: Any,
    *,
    key: str | Sequence[str],
    on_bad_rows: OnBadRows = "fail",
    actors: int | None = None,
    site: str = SITE,
) -> Any:
    """Return a Dataset with the key's columns and the predictions of each row; Ray computes it when asked.

    `actors` is the size of the pool, one processor each; default: all processors but one. `site` is the bundle's folder
    in the job's working directory, if the workers have no Seatrial. Raises UsageError for a key that the dataset does
    not have, and SeatrialError for a cluster without room; a bad row under "fail" fails the job with its key.
    """
    key = _checked(dataset, key, release.output_schema(on_bad_rows=on_bad_rows).names)

    def answer(opened: Any, table: Any) -> Any:
        return opened.predict_table(table, keep=key, on_bad_rows=on_bad_rows)

    return _in_actors(release, dataset, key, answer, actors, site)


def write(
    release: "Release",
    dataset: Any,
    folder: str,
    *,
    key: str | Sequence[str],
    on_bad_rows: OnBadPartRows = "fail",
    max_bad: float | None = None,
    actors: int | None = None,
    site: str = SITE,
) -> Manifest:
    """Predict a Dataset into a folder of Parquet files, complete when it has _SUCCESS; the actors write them.

    `folder` is a path or a URL that driver and workers reach. "quarantine" puts bad rows, their key, column, value and
    rule, into `_bad/`. More of them than `max_bad`, a share below 1 or a number, raise SeatrialError.
    """
    done = _writer(release, key, actors, site)
    return write_table(release, folder, key, [((), dataset)], done, on_bad_rows=on_bad_rows, max_bad=max_bad)


def write_files(
    release: "Release",
    files: str,
    folder: str,
    *,
    key: str | Sequence[str],
    on_bad_rows: OnBadPartRows = "fail",
    max_bad: float | None = None,
    resume: bool = False,
    group: int = GROUP,
    actors: int | None = None,
    site: str = SITE,
) -> Manifest:
    """Predict the Parquet files in a folder as `write` does, `group` of them at a time.

    With `resume`, a job that was interrupted goes on behind the last group that it finished.
    """
    import ray.data

    check_apart(files, folder)
    tables = grouped(input_files(files), ray.data.read_parquet, group)
    done = _writer(release, key, actors, site)
    return write_table(release, folder, key, tables, done, on_bad_rows=on_bad_rows, max_bad=max_bad, resume=resume)


def _writer(release: "Release", key: str | Sequence[str], actors: int | None, site: str) -> WritesParts:
    """Return a function that predicts a table with its tasks writing the parts, and returns those that Ray took."""

    def write_parts(dataset: Any, target: PartTarget) -> list[WrittenPart]:
        columns = _checked(dataset, key, release.output_schema(on_bad_rows="keep").names)
        where = (target.folder, target.on_bad_rows)  # the class cannot be imported where the function arrives

        def answer(opened: Any, table: Any) -> Any:
            import pyarrow as pa

            from seatrial.engines.output_parts import PartTarget, write_part

            part = write_part(opened, table.to_batches(max_chunksize=BATCH), PartTarget(*where), columns)
            return pa.table({"part": [part.to_json()]})

        reported = _in_actors(release, dataset, columns, answer, actors, site)
        return written_parts(row["part"] for row in reported.iter_rows())

    return write_parts


def _in_actors(
    release: "Release",
    dataset: Any,
    key: tuple[str, ...],
    answer: Any,
    actors: int | None,
    site: str,
) -> Any:
    import ray.data

    size = pool_size(ray.cluster_resources().get("CPU", 0), actors)
    open_release = release_opener(release, site)

    class Scorer:  # nested, so that Ray sends it as its code: a worker may have no Seatrial yet
        def __init__(self) -> None:
            self.release = open_release()

        def __call__(self, table: Any) -> Any:
            return answer(self.release, table)

    return dataset.select_columns(columns_to_send(release, dataset.columns(), key)).map_batches(
        Scorer,
        batch_size=None,  # whole blocks, which need no copy: a release divides them itself
        batch_format="pyarrow",
        num_cpus=1,
        compute=ray.data.ActorPoolStrategy(size=size),
    )


def pool_size(processors: float, actors: int | None) -> int:
    """How many actors may run on a cluster with so many processors; raises SeatrialError where there is no room."""
    if processors < 2:
        raise SeatrialError(
            f"The Ray cluster has {processors:g} processors: an actor takes one, and none is left for reading.",
            hint="Add a node, or start Ray with at least 2: ray.init(num_cpus=2).",
        )
    largest = int(processors) - 1
    if actors is None:
        return largest
    if not 1 <= actors <= largest:
        raise UsageError(
            f"{actors} actors do not fit: the Ray cluster has {processors:g} processors, and one must stay free for "
            "reading.",
            hint=f"Use 1 to {largest} actors.",
        )
    return actors


def check_context(errored_blocks: int, environment: dict[str, Any]) -> None:
    """Raise SeatrialError for settings of a job with which rows get lost, or strangers' code could get in.

    `errored_blocks` is Ray's `max_errored_blocks`, `environment` the job's runtime environment.
    """
    if errored_blocks:
        raise SeatrialError(
            f"Ray's max_errored_blocks is {errored_blocks}: it leaves out blocks that fail, and says nothing.",
            hint="Set ray.data.DataContext.get_current().max_errored_blocks = 0, and use on_bad_rows for bad rows.",
        )
    wheels = [str(each) for each in environment.get("py_modules") or () if str(each).endswith(".whl")]
    if wheels:
        raise SeatrialError(
            f"Ray's py_modules has {wheels[0]}: Ray installs it with pip from PyPI, where the names of your wheels may "
            "be somebody else's.",
            hint="Ship the bundle in working_dir instead: see `seatrial bundle --help`.",
        )


def _checked(dataset: Any, key: str | Sequence[str], answers: Sequence[str]) -> tuple[str, ...]:
    import ray
    import ray.data

    if not isinstance(dataset, ray.data.Dataset):
        raise UsageError(
            f"A {type(dataset).__name__} is not a Ray Dataset.",
            hint="Make one with ray.data.from_arrow(...), or call release.predict_table.",
        )
    environment = dict(ray.get_runtime_context().runtime_env or {})
    check_context(ray.data.DataContext.get_current().max_errored_blocks, environment)
    return key_columns(key, dataset.columns() or (), answers)
