"""A release on a real Spark: a standalone master with two workers, whose Python has no Seatrial and no network."""

import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from tests.engines.clusters import SparkCluster, bare_python, kill_one, running, wait_until
from tests.engines.passengers import KEY, bad_parts, by_id, good_parts, passengers, write_passengers

from seatrial.steps.job import write_job

pytest.importorskip("pyspark", reason="`make soak` installs it")
pytestmark = [pytest.mark.soak, pytest.mark.slow]
ONE_EACH = {"spark.sql.files.maxPartitionBytes": "100k", "spark.sql.files.openCostInBytes": "100k"}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkCluster]:
    folder = tmp_path_factory.mktemp("spark")
    with running(SparkCluster(folder, bare_python(folder / "bare"))) as cluster:
        yield cluster


@pytest.fixture
def job(tmp_path: Path) -> Path:
    return write_job("spark", "titanic_model", tmp_path / "spark_job.py")


def done(process: "subprocess.Popen[str]", seconds: float = 240) -> "subprocess.CompletedProcess[str]":
    try:
        out, err = process.communicate(timeout=seconds)
    finally:
        process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def archive(site: Path) -> tuple[str, str]:
    return "--archives", f"{site}#site"


def test_a_shipped_release_gives_the_predictions_of_this_machine(cluster, job, site_zip, tmp_path: Path, titanic):
    files = write_passengers(tmp_path / "in", 2_000, files=4)
    ran = done(cluster.submit(*archive(site_zip), job, files, tmp_path / "out", "--key", KEY, **ONE_EACH))
    assert ran.returncode == 0, ran.stderr
    assert "2000 rows predicted, 0 bad rows" in ran.stdout
    expected = by_id(titanic.predict_table(passengers(2_000), keep=[KEY]))
    assert by_id(good_parts(tmp_path / "out")) == expected


def test_executors_and_python_workers_may_be_killed(cluster, job, site_zip, tmp_path: Path, titanic):
    files = write_passengers(tmp_path / "in", 480_000, files=24)
    process = cluster.submit(*archive(site_zip), job, files, tmp_path / "out", "--key", KEY, **ONE_EACH)
    killed = []
    for words, parts in (("pyspark.daemon", 2), ("CoarseGrainedExecutorBackend", 6)):
        wait_until(
            lambda n=parts: len(list((tmp_path / "out").rglob("part-*"))) >= n or process.poll() is not None, "no part"
        )
        assert process.poll() is None, process.communicate()
        killed.append(kill_one(cluster.processes[1], words))
    ran = done(process)
    assert ran.returncode == 0, ran.stderr
    assert len(killed) == 2
    assert by_id(good_parts(tmp_path / "out")) == by_id(titanic.predict_table(passengers(480_000), keep=[KEY]))


def test_bad_rows_fail_the_job_or_go_into_quarantine(cluster, job, site_zip, tmp_path: Path):
    files, bad = write_passengers(tmp_path / "in", 400, files=2, bad=(7, 333)), {7, 333}
    ran = {
        policy: done(
            cluster.submit(
                *archive(site_zip), job, files, tmp_path / policy, "--key", KEY, "--on-bad-rows", policy, **ONE_EACH
            )
        )
        for policy in ("fail", "quarantine")
    }
    assert ran["fail"].returncode != 0
    assert KEY in ran["fail"].stderr
    assert "age" in ran["fail"].stderr
    assert not [path for path in (tmp_path / "fail").rglob("*") if path.is_file()]
    assert ran["quarantine"].returncode == 0, ran["quarantine"].stderr
    assert "398 rows predicted, 2 bad rows" in ran["quarantine"].stdout
    assert set(by_id(good_parts(tmp_path / "quarantine"))) == set(range(400)) - bad
    assert set(bad_parts(tmp_path / "quarantine")[KEY].to_pylist()) == bad


def test_a_job_whose_driver_was_killed_is_resumed(cluster, job, site_zip, tmp_path: Path, titanic):
    files = write_passengers(tmp_path / "in", 60_000, files=6)
    job.write_text(job.read_text().replace("resume=options.resume", "resume=options.resume, group=2"))
    words = (*archive(site_zip), job, files, tmp_path / "out", "--key", KEY, "--resume")
    process = cluster.submit(*words, **ONE_EACH)
    wait_until(lambda: list((tmp_path / "out").glob("part-*")) or process.poll() is not None, "no group is complete")
    kill_one(process, "spark_job.py")
    done(process)
    assert not (tmp_path / "out" / "_SUCCESS").exists()
    before = {path.name for path in (tmp_path / "out").glob("part-*")}
    ran = done(cluster.submit(*words, **ONE_EACH))
    assert ran.returncode == 0, ran.stderr
    assert before & {path.name for path in (tmp_path / "out").glob("part-*")}
    assert by_id(good_parts(tmp_path / "out")) == by_id(titanic.predict_table(passengers(60_000), keep=[KEY]))


def test_executors_with_other_libraries_are_refused(cluster, job, site_zip, tmp_path: Path):
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(site_zip) as source, zipfile.ZipFile(other, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, content.replace(b">=2.0", b">=99") if name == "bundle.json" else content)
    files = write_passengers(tmp_path / "in", 40, files=1)
    ran = done(cluster.submit(*archive(other), job, files, tmp_path / "out", "--key", KEY))
    assert ran.returncode != 0
    assert "its bundle needs numpy>=99 (installed: " in ran.stderr


def test_a_frame_is_predicted_in_a_notebook_s_session(titanic, titanic_project, tmp_path: Path, monkeypatch: Any):
    import sys

    from pyspark.sql import SparkSession

    from seatrial.engines import spark

    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    monkeypatch.setenv("PYTHONPATH", str(titanic_project / "src"))
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    settings = {"spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    builder = SparkSession.builder.master("local-cluster[2,1,1024]").config("spark.executor.memory", "512m")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    try:
        df = session.read.parquet(str(write_passengers(tmp_path / "in", 300, files=3, bad=(5,))))
        for policy in ("drop", "keep"):
            found = spark.predict(titanic, df, key=KEY, on_bad_rows=policy).toArrow()
            expected = titanic.predict_table(passengers(300, bad=(5,)), keep=[KEY], on_bad_rows=policy)
            assert by_id(found) == by_id(expected)
            assert found.column_names == expected.column_names
        assert session.conf.get(spark.ROWS_SETTING) == "65536"
        manifest = spark.write(titanic, df, str(tmp_path / "out"), key=KEY, on_bad_rows="quarantine")
        assert (manifest.rows_in, manifest.bad) == (300, 1)
        assert set(by_id(good_parts(tmp_path / "out"))) == set(range(300)) - {5}
        timed = df.where("age > 0").selectExpr("*", "timestamp'2026-11-30 12:00:00' at")
        assert spark.predict(titanic, timed, key=[KEY, "at"]).toArrow()["at"][0].as_py().year == 2026
        table = passengers(60)
        for place, (sex, lacking) in enumerate((("female", ["age"]), ("male", []))):
            part = table.filter(pc.equal(table["sex"], sex)).drop_columns(["sex", *lacking])
            (folder := tmp_path / "all [1]" / f"sex={sex}").mkdir(parents=True)
            pq.write_table(part, folder / f"{place}*.parquet")
        manifest = spark.write_files(titanic, session, str(tmp_path / "all [1]"), str(tmp_path / "some"), key=KEY)
        assert manifest.rows_in == 60
        pairs = zip(table["sex"].to_pylist(), table["age"].to_pylist(), strict=True)
        ages = pa.array([None if sex == "female" else age for sex, age in pairs], pa.float64())
        expected = titanic.predict_table(table.set_column(table.column_names.index("age"), "age", ages), keep=[KEY])
        found = good_parts(tmp_path / "some")
        assert found.sort_by(KEY)["probability_1"].to_pylist() == pytest.approx(expected["probability_1"].to_pylist())
    finally:
        session.stop()
