"""What engines need on their workers: a key, the release, and the library versions of its bundle."""

import json
import pickle
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import cloudpickle
import pytest
from tests.engines.passengers import KEY

from seatrial.core.errors import SeatrialError, UsageError
from seatrial.engines.worker import (
    BUNDLE_FILE,
    check_versions,
    columns_to_send,
    error_of_engine,
    error_of_worker,
    key_columns,
    release_opener,
)

NAMES = ["pclass", "name", KEY]


@pytest.mark.parametrize(
    ("key", "message", "hint"),
    [
        ((), "No key is given", 'key="passenger_id"'),
        ("", "No key is given", 'key="passenger_id"'),
        ("passenger", "no column `passenger`", "Did you mean `passenger_id`?"),
        ("zzz", "no column `zzz`", "Its columns are: pclass, name, passenger_id."),
        ("name", "also a column of the predictions", "Rename it"),
        ((KEY, KEY), "names a column twice", "once"),
    ],
)
def test_a_key_that_names_no_row_is_refused(key, message, hint):
    with pytest.raises(UsageError, match=message) as refused:
        key_columns(key, NAMES, ["name", "prediction"])
    assert hint in refused.value.hint


def test_a_key_is_one_column_or_several():
    assert key_columns(KEY, NAMES, ["prediction"]) == (KEY,)
    assert key_columns([KEY, "name"], NAMES, ["prediction"]) == (KEY, "name")


def test_only_the_key_and_the_schema_s_columns_are_sent(titanic):
    sent = columns_to_send(titanic, ["x", "age", KEY, "pclass", "survived"], (KEY,))
    assert sent == ["age", KEY, "pclass"]


def made_for(site: Path, **versions: str) -> Path:
    site.mkdir(exist_ok=True)
    document = {"release": "titanic-model 0.1.0", "versions": {name: [each] for name, each in versions.items()}}
    (site / BUNDLE_FILE).write_text(json.dumps(document))
    return site


def test_the_versions_of_a_bundle_are_compared_with_those_of_the_worker(tmp_path: Path):
    numpy = version("numpy")
    for fits in (f"=={numpy}", ">=1.9", f">={numpy}"):
        check_versions(made_for(tmp_path, numpy=fits))
    with pytest.raises(SeatrialError, match=rf"numpy==1\.0 \(installed: {numpy}\)") as refused:
        check_versions(made_for(tmp_path, numpy="==1.0"))
    assert "requirements.txt" in refused.value.hint
    with pytest.raises(SeatrialError, match=rf"numpy>=99\.1 \(installed: {numpy}\), nowhere>=1 \(not installed\)"):
        check_versions(made_for(tmp_path, numpy=">=99.1", nowhere=">=1"))
    two = {"release": "titanic-model 0.1.0", "versions": {"numpy": ["==1.0", f"=={numpy}"]}}
    (tmp_path / BUNDLE_FILE).write_text(json.dumps(two))
    check_versions(tmp_path)


def test_a_release_that_was_sent_is_the_same(titanic):
    opened = pickle.loads(pickle.dumps(titanic))
    assert release_opener(titanic)() is release_opener(titanic)()
    assert opened.predict([opened.metadata.typical]) == titanic.predict([titanic.metadata.typical])


def test_a_worker_without_seatrial_says_what_is_missing(tmp_path: Path, titanic):
    (tmp_path / "opener").write_bytes(cloudpickle.dumps(release_opener(titanic)))
    code = "import pickle, pathlib; pickle.loads(pathlib.Path('opener').read_bytes())()"
    bare = [
        sys.executable,
        "-I",
        "-S",
        "-c",
        f"import sys; sys.path.append({Path(cloudpickle.__file__).parents[1].as_posix()!r}); {code}",
    ]
    done = subprocess.run(bare, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "There is no seatrial in" in done.stderr.splitlines()[-1]


def test_a_task_s_error_is_found_in_what_an_engine_prints():
    printed = (
        "An exception was thrown from the Python worker.\nTraceback (most recent call last):\n"
        '  File "/x/worker.py", line 7, in main\nseatrial.core.errors.DataError: The table: 1 of 40 rows break the schema.\n'
        "  passenger_id 7: age '-5.0': must be at least 0\n\n\tat org.apache.spark.api.python.BasePythonRunner\n"
    )
    found = error_of_worker(RuntimeError(printed))
    assert found is not None
    assert found.message.splitlines() == [
        "A task failed: The table: 1 of 40 rows break the schema.",
        "  passenger_id 7: age '-5.0': must be at least 0",
    ]
    assert "quarantine" in found.hint
    other = error_of_worker(RuntimeError("x\nseatrial.core.errors.SeatrialError: titanic-model cannot run on here.\n"))
    assert other is not None
    assert other.hint == "See the worker's log."
    assert error_of_worker(RuntimeError("seatrial is not the cause")) is None


def engine_error(library: str, text: str) -> Exception:
    return type("EngineError", (Exception,), {"__module__": library})(text)


JAVA = (
    "An error occurred while calling o53.collect.\n: org.apache.spark.SparkException: Job aborted\n\tat org.apache.X\n"
    "Caused by: java.io.IOException: No space left on device\n\tat java.base/Y\n"
)
PYTHON = (
    "Job aborted\nCaused by: org.apache.spark.api.python.PythonException: Traceback (most recent call last):\n"
    "  File \"worker.py\", line 3, in main\nModuleNotFoundError: No module named 'titanic_model'\n\n\tat org.apache.X\n"
)


@pytest.mark.parametrize(
    ("library", "text", "message"),
    [
        ("py4j.protocol", JAVA, "Spark failed: java.io.IOException: No space left on device"),
        ("pyspark.errors.exceptions", PYTHON, "Spark failed: ModuleNotFoundError: No module named 'titanic_model'"),
        ("pyspark.errors", "[PATH_NOT_FOUND] No path: /x.\n\nJVM stacktrace:\n", "Spark failed: [PATH_NOT_FOUND] No path: /x."),
        ("ray.exceptions", "", "Ray failed: EngineError"),
        ("ray.exceptions", f"The actor died: {'x' * 1000}", f"Ray failed: The actor died: {'x' * 484}"),
    ],
)  # fmt: skip
def test_an_engine_s_error_is_its_cause(library: str, text: str, message: str):
    found = error_of_engine(engine_error(library, text))
    assert found is not None
    assert found.message == message
    assert "resume the job" in found.hint


def test_errors_of_others_stay_as_they_are():
    assert error_of_engine(ValueError("org.apache.spark")) is None
    assert error_of_engine(KeyboardInterrupt()) is None
