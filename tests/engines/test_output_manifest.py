"""A folder of parts: complete or marked as unfinished, each row once, and resumed by input files."""

import json
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest
from tests.engines.passengers import KEY, bad_parts, by_id, good_parts, passengers, write_passengers

from seatrial.core.errors import SeatrialError, UsageError
from seatrial.engines.input_files import grouped, input_files
from seatrial.engines.output_manifest import Manifest, _Output, write_table
from seatrial.engines.output_parts import ATTEMPTS, WrittenPart, write_part
from seatrial.model.output_folder import MANIFEST
from seatrial.model.pickling import fingerprint


class Engine:
    """Stands for an engine: two tasks for each table, after one that was killed when its file was whole."""

    def __init__(self, release, fails_at: int = -1) -> None:
        self.release, self.fails_at, self.tables = release, fails_at, 0

    def __call__(self, table, target):
        if self.tables == self.fails_at:
            raise KeyboardInterrupt
        self.tables += 1
        write_part(self.release, table.slice(0, 5).to_batches(), target, (KEY,))  # its result was lost
        half = table.num_rows // 2
        tasks = (table.slice(0, half), table.slice(half))
        return [write_part(self.release, task.to_batches(), target, (KEY,)) for task in tasks]


def run(release, folder: Path, rows, *, policy="fail", max_bad=None, resume=False, engine=None):
    tables = rows if isinstance(rows, list) else [((), rows)]
    engine = engine or Engine(release)
    return write_table(release, str(folder), KEY, tables, engine, on_bad_rows=policy, max_bad=max_bad, resume=resume)


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_each_row_is_there_once_though_a_task_ran_twice(titanic, tmp_path: Path):
    done = run(titanic, tmp_path / "out", passengers(40))
    assert by_id(good_parts(tmp_path / "out")) == by_id(titanic.predict_table(passengers(40), keep=[KEY]))
    document = json.loads((tmp_path / "out" / MANIFEST).read_text())
    assert (document["rows_in"], document["good"], document["bad"]) == (40, 40, 0)
    assert (document["release"], document["sha256"]) == ("titanic-model 0.1.0", fingerprint(titanic.artifacts))
    assert document["options"] == {"on_bad_rows": "fail", "key": [KEY]}
    assert files_in(tmp_path / "out") == {"_SUCCESS", MANIFEST, *(part.file for part in done.parts)}


def test_bad_rows_in_quarantine_are_beside_the_good_ones(titanic, tmp_path: Path):
    done = run(titanic, tmp_path / "out", passengers(40, bad=(1, 30)), policy="quarantine", max_bad=0.05)
    assert (done.rows_in, done.bad) == (40, 2)
    assert set(by_id(good_parts(tmp_path / "out"))) == set(range(40)) - {1, 30}
    assert sorted(bad_parts(tmp_path / "out")[KEY].to_pylist()) == [1, 30]


@pytest.mark.parametrize(("max_bad", "allowed"), [(2, True), (1, False), (0.05, True), (0.04, False), (0, False)])
def test_more_bad_rows_than_allowed_leave_nothing(titanic, tmp_path: Path, max_bad: float, allowed: bool):
    table = passengers(40, bad=(1, 30))
    if allowed:
        assert run(titanic, tmp_path / "out", table, policy="drop", max_bad=max_bad).bad == 2
        return
    with pytest.raises(SeatrialError, match="2 of 40 rows break the schema, more than max_bad allows"):
        run(titanic, tmp_path / "out", table, policy="drop", max_bad=max_bad)
    assert files_in(tmp_path / "out") == set()


@pytest.mark.parametrize("resume", [False, True])
def test_a_share_of_bad_rows_is_one_of_all_groups_together(titanic, tmp_path: Path, resume: bool):
    tables = [(("a",), passengers(20, bad=(1,))), (("b",), passengers(80))]
    assert run(titanic, tmp_path / "out", tables, policy="drop", max_bad=0.01, resume=resume).bad == 1
    for _ in range(1 + resume):  # the second time, no group is left to be predicted
        with pytest.raises(SeatrialError, match="1 of 100 rows break the schema"):
            run(titanic, tmp_path / "less", tables, policy="drop", max_bad=0.009, resume=resume)
    assert not (tmp_path / "less" / "_SUCCESS").exists()
    assert bool(files_in(tmp_path / "less")) is resume


def test_a_number_of_bad_rows_fails_at_the_group_that_exceeds_it(titanic, tmp_path: Path):
    engine = Engine(titanic)
    tables = [(("a",), passengers(20, bad=(1, 2))), (("b",), passengers(80))]
    with pytest.raises(SeatrialError, match="2 of 20 rows"):
        run(titanic, tmp_path / "out", tables, policy="drop", max_bad=1, engine=engine)
    assert engine.tables == 1


def test_files_that_came_meanwhile_do_not_double_rows(titanic, tmp_path: Path):
    begun = [(("a", "c"), passengers(4)), (("d",), passengers(4))]
    with pytest.raises(KeyboardInterrupt):
        run(titanic, tmp_path / "out", begun, resume=True, engine=Engine(titanic, fails_at=1))
    before = files_in(tmp_path / "out")
    with pytest.raises(SeatrialError, match="a is predicted already, and not all files of its group") as refused:
        run(titanic, tmp_path / "out", [(("a", "b"), passengers(4)), (("c", "d"), passengers(4))], resume=True)
    assert "the same input files" in refused.value.hint
    assert files_in(tmp_path / "out") == before


def test_a_file_that_is_gone_does_not_keep_its_predictions_unnoticed(titanic, tmp_path: Path):
    begun = [(("a",), passengers(4)), (("b",), passengers(4))]
    with pytest.raises(KeyboardInterrupt):
        run(titanic, tmp_path / "out", begun, resume=True, engine=Engine(titanic, fails_at=1))
    with pytest.raises(SeatrialError, match="has the predictions of a, which is not among the input files"):
        run(titanic, tmp_path / "out", begun[1:], resume=True)
    assert not (tmp_path / "out" / "_SUCCESS").exists()


def test_a_job_that_fails_leaves_nothing(titanic, tmp_path: Path):
    with pytest.raises(SeatrialError, match="30"):
        run(titanic, tmp_path / "out", passengers(40, bad=(30,)))
    assert files_in(tmp_path / "out") == set()


def test_a_task_s_error_is_told_without_the_engine_s_pages(titanic, tmp_path: Path):
    def fails(table, target):
        raise RuntimeError(
            "Job aborted\nseatrial.core.errors.DataError: 1 of 4 rows break the schema.\n\tat org.apache"
        )

    with pytest.raises(SeatrialError, match=r"^A task failed: 1 of 4 rows break the schema\.$"):
        run(titanic, tmp_path / "out", passengers(4), engine=fails)
    assert files_in(tmp_path / "out") == set()


def test_an_engine_s_own_error_is_told_by_its_cause(titanic, tmp_path: Path):
    class Py4JJavaError(Exception):
        __module__ = "py4j.protocol"

    def fails(table, target):
        raise Py4JJavaError("An error occurred while calling o5.collect.\nCaused by: java.io.IOException: No space\n")

    with pytest.raises(SeatrialError, match=r"^Spark failed: java\.io\.IOException: No space$") as refused:
        run(titanic, tmp_path / "out", passengers(4), engine=fails)
    assert isinstance(refused.value.__cause__, Py4JJavaError)


def test_an_interrupted_job_goes_on_where_it_was(titanic, tmp_path: Path):
    folder = write_passengers(tmp_path / "in", 60, files=6)

    def tables():
        return list(grouped(input_files(str(folder)), pq.read_table, size=2))

    def by_files():
        return [(names, pq.read_table(names)) for names, _ in tables()]

    first = Engine(titanic, fails_at=2)
    with pytest.raises(KeyboardInterrupt):
        run(titanic, tmp_path / "out", by_files(), resume=True, engine=first)
    assert not (tmp_path / "out" / "_SUCCESS").exists()
    with pytest.raises(SeatrialError, match="is not empty") as refused:
        run(titanic, tmp_path / "out", by_files())
    assert "resume" in refused.value.hint
    (tmp_path / "out" / ATTEMPTS).mkdir()
    (tmp_path / "out" / ATTEMPTS / "part-late.parquet").write_bytes(b"half")
    (tmp_path / "out" / f"part-{'a' * 32}.parquet").write_bytes(b"whole")
    second = Engine(titanic)
    done = run(titanic, tmp_path / "out", by_files(), resume=True, engine=second)
    assert (first.tables, second.tables) == (2, 1)
    assert [Path(name).name for name in done.inputs] == [f"in-{number:03}.parquet" for number in range(6)]
    assert by_id(good_parts(tmp_path / "out")) == by_id(titanic.predict_table(passengers(60), keep=[KEY]))
    assert files_in(tmp_path / "out") == {"_SUCCESS", MANIFEST, *done.files}


def test_a_job_does_not_go_on_where_an_input_file_has_changed(titanic, tmp_path: Path):
    folder = write_passengers(tmp_path / "in", 40, files=2)

    def by_files():
        return [([name], pq.read_table(name)) for name in input_files(str(folder))]

    with pytest.raises(KeyboardInterrupt):
        run(titanic, tmp_path / "out", by_files(), resume=True, engine=Engine(titanic, fails_at=1))
    before = files_in(tmp_path / "out")
    changed = folder / "in-000.parquet"
    pq.write_table(passengers(20, bad=(3,)), changed)
    with pytest.raises(
        SeatrialError, match=r"in-000\.parquet has changed since it was predicted into .*out"
    ) as refused:
        run(titanic, tmp_path / "out", by_files(), resume=True)
    assert "another folder" in refused.value.hint
    assert files_in(tmp_path / "out") == before


def test_a_folder_of_a_release_that_did_not_note_states_is_gone_on_with(titanic, tmp_path: Path):
    folder = write_passengers(tmp_path / "in", 40, files=2)
    tables = [([name], pq.read_table(name)) for name in input_files(str(folder))]
    with pytest.raises(KeyboardInterrupt):
        run(titanic, tmp_path / "out", tables, resume=True, engine=Engine(titanic, fails_at=1))
    manifest = tmp_path / "out" / MANIFEST
    document = json.loads(manifest.read_text())
    assert [*document.pop("states")] == [str(folder / "in-000.parquet")]
    manifest.write_text(json.dumps(document))
    assert run(titanic, tmp_path / "out", tables, resume=True).rows_in == 40


def test_a_folder_with_something_else_is_refused(titanic, tmp_path: Path):
    run(titanic, tmp_path / "out", passengers(4))
    with pytest.raises(SeatrialError, match="is complete already"):
        run(titanic, tmp_path / "out", passengers(4), resume=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    for resume, message in ((False, "is not empty"), (True, "files of something else")):
        with pytest.raises(SeatrialError, match=message):
            run(titanic, tmp_path / "mine", passengers(4), resume=resume)
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"
    with pytest.raises(SeatrialError, match=r"notes\.txt is a file"):
        run(titanic, tmp_path / "mine" / "notes.txt", passengers(4))


@pytest.mark.parametrize("name", ["part-1.parquet", "part-00000-5d1c3b5e-c000.snappy.parquet", "_bad/part-0.parquet"])
def test_parts_of_others_are_not_deleted(titanic, tmp_path: Path, name: str):
    (file := tmp_path / "table" / name).parent.mkdir(parents=True)
    file.write_bytes(b"theirs")
    with pytest.raises(SeatrialError, match="files of something else"):
        run(titanic, tmp_path / "table", passengers(4), resume=True)
    assert file.read_bytes() == b"theirs"


def test_a_job_with_another_policy_does_not_go_on(titanic, tmp_path: Path):
    with pytest.raises(KeyboardInterrupt):
        run(
            titanic,
            tmp_path / "out",
            [(("a",), passengers(4)), (("b",), passengers(4))],
            resume=True,
            engine=Engine(titanic, 1),
        )
    with pytest.raises(
        SeatrialError, match=r"begun with titanic-model 0.1.0 .*on_bad_rows fail.*this job has .*on_bad_rows drop"
    ):
        run(titanic, tmp_path / "out", passengers(4), policy="drop", resume=True)
    (tmp_path / "out" / MANIFEST).write_text("{}")
    with pytest.raises(SeatrialError, match="is damaged"):
        run(titanic, tmp_path / "out", passengers(4), resume=True)


def test_wrong_policies_and_limits_are_usage_errors(titanic, tmp_path: Path):
    with pytest.raises(UsageError, match="'ignore'") as refused:
        run(titanic, tmp_path / "out", passengers(4), policy="ignore")
    assert "quarantine" in refused.value.hint
    with pytest.raises(UsageError, match="max_bad is -1"):
        run(titanic, tmp_path / "out", passengers(4), max_bad=-1)
    with pytest.raises(UsageError, match="no input files"):
        list(grouped([], pq.read_table))


def test_workers_get_the_whole_path_of_a_folder(titanic, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    places = []
    engine = Engine(titanic)
    for name in ("out", "file:out2"):
        run(titanic, name, passengers(4), engine=lambda table, target: places.append(target) or engine(table, target))
    assert [target.folder for target in places] == [str(tmp_path / "out"), str(tmp_path / "file:out2")]


def test_a_folder_that_is_another_on_the_workers_is_reported(titanic, tmp_path: Path):
    part = WrittenPart("part-elsewhere.parquet", None, 4, 4, 0)
    with pytest.raises(SeatrialError, match=r"part-elsewhere\.parquet to .*, and it is not there") as refused:
        run(titanic, tmp_path / "out", passengers(4), engine=lambda *_: [part])
    assert "all workers reach" in refused.value.hint


def test_messages_about_the_output_have_no_secrets(monkeypatch):
    file, folder = SimpleNamespace(path="bucket/out/x.txt", type=2), SimpleNamespace(type=3)
    system = SimpleNamespace(type_name="s3", get_file_info=lambda at: folder if at == "bucket/out" else [file])
    monkeypatch.setattr("seatrial.engines.output_manifest.file_system", lambda _: (system, "bucket/out"))
    with pytest.raises(SeatrialError, match="s3://bucket/out is not empty") as refused:
        _Output("s3://me:pass@bucket/out").begin(Manifest("m 1", "0", {}), resume=False)
    assert "pass" not in f"{refused.value.message} {refused.value.hint}"
