"""A release on a real Ray: two nodes of two processors, whose Python has no Seatrial and no network."""

import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engines.clusters import RayCluster, bare_python, kill_one, running, wait_until
from tests.engines.passengers import KEY, bad_parts, by_id, good_parts, passengers, write_passengers

from seatrial.steps.job import write_job

pytest.importorskip("ray", reason="`make soak` installs it")
pytestmark = [pytest.mark.soak, pytest.mark.slow]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    folder = tmp_path_factory.mktemp("ray")
    with running(RayCluster(folder, bare_python(folder / "bare"))) as cluster:
        yield cluster


@pytest.fixture
def job(tmp_path: Path, site_zip: Path) -> Path:
    """A job's folder as the first lines of its file say: the job, and the bundle, unpacked into site/."""
    folder = tmp_path / "job"
    with zipfile.ZipFile(site_zip) as archive:
        archive.extractall(folder / "site")
    return write_job("ray", "titanic_model", folder / "ray_job.py")


def done(process: "subprocess.Popen[str]", seconds: float = 240) -> "subprocess.CompletedProcess[str]":
    try:
        out, err = process.communicate(timeout=seconds)
    finally:
        process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def test_a_shipped_release_gives_the_predictions_of_this_machine(cluster, job, tmp_path: Path, titanic):
    files = write_passengers(tmp_path / "in", 2_000, files=4)
    ran = done(cluster.run(job, files, tmp_path / "out", "--key", KEY, working_dir=job.parent))
    assert ran.returncode == 0, ran.stderr
    assert "2000 rows predicted, 0 bad rows" in ran.stdout
    assert by_id(good_parts(tmp_path / "out")) == by_id(titanic.predict_table(passengers(2_000), keep=[KEY]))


def test_bad_rows_fail_the_job_or_go_into_quarantine(cluster, job, tmp_path: Path):
    files, bad = write_passengers(tmp_path / "in", 400, files=2, bad=(7, 333)), {7, 333}
    ran = {
        policy: done(
            cluster.run(job, files, tmp_path / policy, "--key", KEY, "--on-bad-rows", policy, working_dir=job.parent)
        )
        for policy in ("fail", "quarantine")
    }
    assert ran["fail"].returncode != 0
    assert KEY in ran["fail"].stderr
    assert "age" in ran["fail"].stderr
    assert not [path for path in (tmp_path / "fail").rglob("*") if path.is_file()]
    assert ran["quarantine"].returncode == 0, ran["quarantine"].stderr
    assert set(by_id(good_parts(tmp_path / "quarantine"))) == set(range(400)) - bad
    assert set(bad_parts(tmp_path / "quarantine")[KEY].to_pylist()) == bad


def test_a_job_whose_driver_was_killed_is_resumed(cluster, job, tmp_path: Path, titanic):
    files = write_passengers(tmp_path / "in", 60_000, files=6)
    job.write_text(job.read_text().replace("resume=options.resume", "resume=options.resume, group=2"))
    words = (job, files, tmp_path / "out", "--key", KEY, "--resume")
    process = cluster.run(*words, working_dir=job.parent)
    wait_until(lambda: list((tmp_path / "out").glob("part-*")) or process.poll() is not None, "no group is complete")
    process.kill()
    done(process)
    assert not (tmp_path / "out" / "_SUCCESS").exists()
    before = {path.name for path in (tmp_path / "out").glob("part-*")}
    ran = done(cluster.run(*words, working_dir=job.parent))
    assert ran.returncode == 0, ran.stderr
    assert before & {path.name for path in (tmp_path / "out").glob("part-*")}
    assert by_id(good_parts(tmp_path / "out")) == by_id(titanic.predict_table(passengers(60_000), keep=[KEY]))


GUARDS = """
import sys
sys.path.insert(0, "site")
import ray.data
from seatrial import Release
from seatrial.core.errors import SeatrialError
from seatrial.engines import ray as engine

release, dataset = Release("titanic_model"), ray.data.read_parquet(sys.argv[1])
for options in ({"key": "passenger"}, {"key": "passenger_id", "actors": 99}, {"key": "passenger_id"}):
    try:
        rows = engine.predict(release, dataset, **options).take_all()
        print(sorted(row["passenger_id"] for row in rows) == list(range(40)))
    except SeatrialError as error:
        print(error)
    if "actors" in options:
        ray.data.DataContext.get_current().max_errored_blocks = 1
        try:
            engine.predict(release, dataset, key="passenger_id")
        except SeatrialError as error:
            print(error)
        ray.data.DataContext.get_current().max_errored_blocks = 0
"""


def test_a_dataset_is_predicted_within_the_cluster_s_room(cluster, job, tmp_path: Path):
    job.write_text(GUARDS)
    files = write_passengers(tmp_path / "in", 40, files=2)
    ran = done(cluster.run(job, files, working_dir=job.parent))
    assert ran.returncode == 0, ran.stderr
    missing, crowded, errored, predicted = ran.stdout.splitlines()[-4:]
    assert "no column `passenger`" in missing
    assert "99 actors do not fit" in crowded
    assert "max_errored_blocks is 1" in errored
    assert predicted == "True"


def test_an_actor_and_a_node_may_be_killed(cluster, job, tmp_path: Path, titanic):
    files = write_passengers(tmp_path / "in", 480_000, files=24)
    process = cluster.run(job, files, tmp_path / "out", "--key", KEY, working_dir=job.parent)
    wait_until(lambda: list((tmp_path / "out").rglob("part-*")) or process.poll() is not None, "no part")
    assert process.poll() is None, process.communicate()
    kill_one(cluster.processes[0], "ray::MapWorker")
    kill_one(cluster.processes[0], "raylet/raylet", without="--head")
    ran = done(process)
    assert ran.returncode == 0, ran.stderr
    assert by_id(good_parts(tmp_path / "out")) == by_id(titanic.predict_table(passengers(480_000), keep=[KEY]))
