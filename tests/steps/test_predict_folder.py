"""A folder of parts: resumed after kill -9 at any moment, in several processes, it has the bytes of one whole run."""

import json
import multiprocessing
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from tests.soak import turns

from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings, find_project
from seatrial.steps.predict import predict


@pytest.fixture(scope="module")
def project(titanic_project: Path) -> ProjectSettings:
    return find_project(titanic_project)


@pytest.fixture
def inputs(project: ProjectSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three files, the second of which has two bad rows."""
    passengers = pd.read_csv(project.data).drop(columns=["survived", "boat", "body", "home_dest"])
    passengers.loc[[45, 50], "age"] = -1.0
    monkeypatch.chdir(tmp_path)
    for number in range(3):
        passengers.iloc[number * 40 : number * 40 + 40].to_parquet(f"{number}.parquet", index=False)
    return [f"{number}.parquet" for number in range(3)]


def content(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_run_that_is_killed_anywhere_and_resumed_gives_the_same_bytes(
    project: ProjectSettings, inputs: list[str], tmp_path: Path
) -> None:
    script = Path(__file__).with_name("killed_runs.py")
    command = [sys.executable, str(script), str(project.root), str(tmp_path), str(turns(1, 8)), *inputs]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["operations"] > 20
    assert result["points"] >= 4
    assert result["files"] == 6  # three parts, the bad rows of one, the manifest, the marker
    assert result["differing"] == {}


def test_several_processes_write_the_same_bytes_as_one(project: ProjectSettings, inputs: list[str]) -> None:
    alone = predict(project, inputs, Path("alone"), on_bad_rows="quarantine")
    together = predict(project, inputs, Path("together"), on_bad_rows="quarantine", processes=2)
    assert content(Path("alone")) == content(Path("together"))
    assert (alone.rows, alone.bad_rows, together.rows, together.bad_rows) == (118, 2, 118, 2)
    manifest = json.loads(Path("alone/_seatrial.json").read_text())
    assert (manifest["rows_in"], manifest["good"], manifest["bad"]) == (120, 118, 2)
    assert manifest["release"] == "titanic-model 0.1.0"


def test_each_file_has_a_part_with_its_rows_in_their_order(project: ProjectSettings, inputs: list[str]) -> None:
    predict(project, inputs, Path("out"), on_bad_rows="keep", key=["ticket", "name"])
    for number, name in enumerate(inputs):
        part = pq.read_table(f"out/part-{number:05}.parquet")
        assert part["name"].to_pylist() == pq.read_table(name)["name"].to_pylist()
        assert part["prediction"].null_count == (2 if number == 1 else 0)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_run_that_fails_leaves_nothing(project: ProjectSettings, inputs: list[str], processes: int) -> None:
    with pytest.raises(SeatrialError, match=r"1.parquet: 2 of 40 rows break the schema"):
        predict(project, inputs, Path("out"), processes=processes)
    assert not Path("out").exists()


def test_a_run_whose_process_was_killed_goes_on_behind_what_it_had_done(
    project: ProjectSettings, inputs: list[str]
) -> None:
    files = [str(shutil.copy(inputs[0], f"copy{number:02}.parquet")) for number in range(12)]

    def kill(text: str) -> None:
        if text.startswith("predicted 1 of"):
            for child in multiprocessing.active_children():
                child.kill()

    with pytest.raises(SeatrialError, match="A process that predicted was killed"):
        predict(project, files, Path("out"), processes=2, progress=kill)
    assert not Path("out/_SUCCESS").exists()
    rest = predict(project, files, Path("out"), resume=True)
    assert 1 <= rest.resumed < 12
    predict(project, files, Path("whole"))
    assert content(Path("out")) == content(Path("whole"))


def test_other_reading_rules_cannot_go_on_with_a_run(
    project: ProjectSettings, inputs: list[str], tmp_path: Path
) -> None:
    copied = tmp_path / "project"
    shutil.copytree(project.root, copied, ignore=shutil.ignore_patterns(".*", "runs", "dist"))
    own = find_project(copied)
    predict(own, inputs, Path("out"), on_bad_rows="drop")
    Path("out/part-00001.parquet").unlink()
    rules = copied / "reading.toml"
    rules.write_text(rules.read_text().replace("missing = [", 'missing = ["male", ', 1))
    with pytest.raises(SeatrialError, match=r"begun with reading\.toml \w{16}, and this run has \w{16}"):
        predict(own, inputs, Path("out"), on_bad_rows="drop", resume=True)


def test_too_many_bad_rows_in_all_files_leave_nothing(project: ProjectSettings, inputs: list[str]) -> None:
    predict(project, inputs, Path("enough"), on_bad_rows="drop", max_bad="2")
    with pytest.raises(SeatrialError, match=r"2 of 120 rows break the schema, more than --max-bad 1\.5%"):
        predict(project, inputs, Path("out"), on_bad_rows="drop", max_bad="1.5%")
    assert not Path("out").exists()


def test_a_file_of_bad_rows_only_has_a_part_without_rows(project: ProjectSettings, inputs: list[str]) -> None:
    pq.read_table(inputs[1]).to_pandas().assign(age=-1.0).to_parquet(inputs[0], index=False)
    predict(project, inputs, Path("out"), on_bad_rows="quarantine")
    first, second = (pq.read_table(f"out/part-0000{n}.parquet") for n in (0, 1))
    assert (len(first), len(second)) == (0, 38)
    assert first.schema == second.schema
    assert len(pq.read_table("out/_bad/part-00000.parquet")) == 40


def test_another_training_is_another_release(project: ProjectSettings, inputs: list[str]) -> None:
    predict(project, inputs, Path("out"), on_bad_rows="drop")
    manifest = json.loads(Path("out/_seatrial.json").read_text())
    Path("out/_seatrial.json").write_text(json.dumps({**manifest, "sha256": "0" * 64}))
    with pytest.raises(SeatrialError, match="begun with another build of it"):
        predict(project, inputs, Path("out"), on_bad_rows="drop", resume=True)


@pytest.mark.parametrize("processes", [0, 1000])
def test_a_strange_number_of_processes_is_refused(project: ProjectSettings, inputs: list[str], processes: int) -> None:
    with pytest.raises(SeatrialError, match="processes are not possible"):
        predict(project, inputs, Path("out"), processes=processes)
