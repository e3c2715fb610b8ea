"""What every engine needs on its workers: the release, which may come in a bundle, in the right library versions.

A function that an engine pickles by reference must be importable on the worker, before anything can be done about that.
So `release_opener` returns a nested function, which cloudpickle sends as its code: it makes the bundle importable
first, and only then imports Seatrial.
"""

import difflib
import json
import pickle
import re
import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seatrial.core.errors import SeatrialError, UsageError
from seatrial.model.arrow_sources import names_of

if TYPE_CHECKING:
    from seatrial.model.release import Release

BATCH = 65_536  # rows in a call: with 10,000, Spark's default, a row takes 1.6 times as long
BUNDLE_FILE = "bundle.json"  # in a bundle: the release, and the library versions that it needs
ENGINES = {"py4j": "Spark", "pyspark": "Spark", "ray": "Ray"}  # by the library of an error
PYTHON_ERROR = re.compile(r"^(?!org\.|java\.)(\w[\w.]*(?:Error|Exception|Exit): \S.*)$", re.MULTILINE)  # of a traceback
JAVA_CAUSE = re.compile(r"^Caused by: (\S.*)$", re.MULTILINE)
CAUSE_SHOWN = 500  # characters
WORKER_ERROR = re.compile(r"\bseatrial\.core\.errors\.(\w+): (.+(?:\n  \S.*)*)")  # with its indented lines
SITE = "site"  # the name under which a bundle reaches the workers: `--archives site.zip#site`


def key_columns(key: str | Sequence[str], names: Sequence[str], answers: Iterable[str]) -> tuple[str, ...]:
    """Check which columns of a table name its rows, and return their names.

    `names` are the table's columns, `answers` those of the predictions. Raises UsageError where no key is given: these
    engines do not keep the order of rows, so a prediction without its key belongs to nobody.
    """
    key = names_of(key)
    if not key or not all(key):
        raise UsageError(
            "No key is given, and this engine does not keep the order of the rows.",
            hint='Name the columns that identify a row: key="passenger_id".',
        )
    for name in key:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            hint = f"Did you mean `{near[0]}`?" if near else f"Its columns are: {', '.join(names[:30])}."
            raise UsageError(f"The table has no column `{name}` to be the key.", hint=hint)
    if taken := sorted(set(key) & set(answers)):
        raise UsageError(f"The key `{taken[0]}` is also a column of the predictions.", hint="Rename it in the table.")
    if len(set(key)) < len(key):
        raise UsageError("The key names a column twice.", hint="Name each column once.")
    return key


def columns_to_send(release: "Release", names: Sequence[str], key: Sequence[str]) -> list[str]:
    """The columns of a table that the workers need: the key and the schema's, in the table's order."""
    needed = {*key, *(column.name for column in release.columns)}
    return [name for name in names if name in needed]


def release_opener(release: "Release", site: str = SITE, *, in_spark: bool = False) -> "Callable[[], Release]":
    """Return a function that gives the same release on a worker, each time the same object.

    The worker has Seatrial and the release's package installed, or a bundle: unpacked into the folder `site` among
    Spark's files or in the working directory.
    """
    pickled = pickle.dumps(release)

    def open_release() -> Any:
        import sys
        from pathlib import Path

        places = [Path(site)]
        if in_spark:
            from pyspark import SparkFiles

            places.insert(0, Path(SparkFiles.getRootDirectory(), site))
        found = next((str(place.resolve()) for place in places if (place / "bundle.json").is_file()), None)
        if found and found not in sys.path:
            sys.path.insert(0, found)
        try:
            from seatrial.engines.worker import open_pickled
        except ModuleNotFoundError as error:
            where = f"the bundle in {found}" if found else "this worker"
            raise RuntimeError(
                f"There is no {error.name} in {where}. Ship the bundle that `seatrial bundle` makes, and install its "
                "requirements.txt into the cluster's image."
            ) from None
        return open_pickled(pickled, found)

    return open_release


def open_pickled(pickled: bytes, site: str | None) -> "Release":
    """Load a release, once in each process, with the library versions of its bundle if it came in one."""
    if site:
        check_versions(Path(site))
    release: Release = pickle.loads(pickled)  # noqa: S301 - what the driver of the same job has pickled
    return release


def error_of_worker(error: BaseException) -> SeatrialError | None:
    """What a worker's task has raised, out of the pages that an engine makes of it; None for what is not ours."""
    found = WORKER_ERROR.search(str(error))
    if not found:
        return None
    bad_rows = found[1] == "DataError"
    hint = (
        "Fix the rows, or say what becomes of them: drop, keep or quarantine." if bad_rows else "See the worker's log."
    )
    return SeatrialError(f"A task failed: {found[2]}", hint=hint)


def error_of_engine(error: BaseException) -> SeatrialError | None:
    """The cause of what Spark or Ray raise, out of the pages that they make of it; None for an error of others."""
    engine = ENGINES.get(type(error).__module__.partition(".")[0])
    if engine is None:
        return None
    text = str(error)
    raised = PYTHON_ERROR.findall(text) or JAVA_CAUSE.findall(text)
    lines = [line for each in text.splitlines() if (line := each.strip(": \t"))] or [type(error).__name__]
    return SeatrialError(
        f"{engine} failed: {(raised or lines[:1])[-1][:CAUSE_SHOWN]}",
        hint="Fix the cause, which the logs of driver and workers describe, and resume the job.",
    )


def check_versions(site: Path) -> None:
    """Raise SeatrialError unless this machine has the library versions that the bundle in `site` was made for."""
    bundle = json.loads((site / BUNDLE_FILE).read_text("utf-8"))
    wrong = []
    for name, specifiers in bundle["versions"].items():
        wanted = f"{name}{' or '.join(specifiers)}"
        try:
            installed = version(name)
        except PackageNotFoundError:
            wrong.append(f"{wanted} (not installed)")
            continue
        if not any(_matches(installed, specifier) for specifier in specifiers):
            wrong.append(f"{wanted} (installed: {installed})")
    if wrong:
        raise SeatrialError(
            f"{bundle['release']} cannot run on {socket.gethostname()}, Python {sys.version.split()[0]}: its bundle "
            f"needs {', '.join(wrong)}.",
            hint="Install the requirements.txt next to the bundle into the cluster's image, or, where the image cannot "
            "change, make the bundle with `seatrial bundle --versions compatible`.",
        )


def _matches(installed: str, specifier: str) -> bool:
    """Whether a version meets `==1.2.3` or `>=1.2`; there may be no library here that can read more than that."""
    wanted = specifier[2:]
    return installed == wanted if specifier.startswith("==") else _numbers(installed) >= _numbers(wanted)


def _numbers(text: str) -> list[int]:
    return [int(number) for number in re.match(r"[\d.]*", text)[0].split(".") if number]  # type: ignore[index]
