"""A folder of parts goes on only with the same release, options and inputs, and says which of them is another."""

from dataclasses import replace
from pathlib import Path

import pytest

from seatrial.core.errors import SeatrialError
from seatrial.model.output_folder import FolderJob, OutputFolder, PartRecord
from seatrial.model.table_inputs import TableInput

JOB = FolderJob("titanic-model 0.1.0", "a" * 64, {"key": ["ticket"], "keep": False})


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[TableInput]:
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "b.csv", "c.csv"):
        Path(name).write_text("x\n1\n")
    return [TableInput(Path(name), name) for name in ("a.csv", "b.csv")]


def begin(
    inputs: list[TableInput], *, job: FolderJob = JOB, resume: bool = False, suffix: str = ".csv"
) -> OutputFolder:
    return OutputFolder(Path("out"), job, inputs, suffix, resume=resume)


def write(folder: OutputFolder, number: int) -> None:
    folder.part(number).write_text("y\n1\n")
    folder.record(number, PartRecord(folder.part(number).name, None, 1, 1, 0, 0))


def test_what_is_recorded_stays_done(inputs: list[TableInput]) -> None:
    write(begin(inputs), 0)
    again = begin(inputs, resume=True)
    assert list(again.done) == [0]
    write(again, 1)
    again.finish()
    assert sorted(file.name for file in Path("out").iterdir()) == [
        *("_SUCCESS", "_seatrial.json", "part-00000.csv", "part-00001.csv"),
    ]
    complete = begin(inputs, resume=True)
    assert list(complete.done) == [0, 1]


def test_a_part_without_a_record_is_made_again(inputs: list[TableInput]) -> None:
    begin(inputs).part(0).write_text("half of")
    assert begin(inputs, resume=True).done == {}


def test_a_part_that_was_removed_is_made_again_and_the_folder_is_not_complete_meanwhile(
    inputs: list[TableInput],
) -> None:
    folder = begin(inputs)
    write(folder, 0)
    write(folder, 1)
    folder.finish()
    folder.part(1).unlink()
    assert list(begin(inputs, resume=True).done) == [0]
    assert not Path("out/_SUCCESS").exists()


def test_rows_that_are_lost_are_noticed(inputs: list[TableInput]) -> None:
    with pytest.raises(SeatrialError, match=r"a.csv: 3 rows came, and 2 were answered"):
        begin(inputs).record(0, PartRecord("part-00000.csv", None, rows_in=3, good=1, bad=1, warned=0))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"job": replace(JOB, release="titanic-model 0.2.0")}, r"begun with titanic-model 0.1.0, and this is .* 0.2.0"),
        ({"job": replace(JOB, sha256="b" * 64)}, "begun with another build of it"),
        ({"job": replace(JOB, options={"key": [], "keep": False})}, "begun with key ticket, and this run has none"),
        ({"suffix": ".parquet"}, r"begun with format .csv, and this run has .parquet"),
        ({"resume": False}, "out is not empty"),
    ],
)
def test_another_run_does_not_go_on_with_it(inputs: list[TableInput], changed: dict[str, object], message: str) -> None:
    write(begin(inputs), 0)
    with pytest.raises(SeatrialError, match=message):
        begin(inputs, **{"resume": True, **changed})  # type: ignore[arg-type]


def test_other_inputs_are_refused(inputs: list[TableInput]) -> None:
    write(begin(inputs), 0)
    with pytest.raises(SeatrialError, match=r"not those that out was begun with: c.csv is new"):
        begin([*inputs, TableInput(Path("c.csv"), "c.csv")], resume=True)
    with pytest.raises(SeatrialError, match="their order is another"):
        begin(inputs[::-1], resume=True)
    Path("b.csv").write_text("x\n22\n")
    with pytest.raises(SeatrialError, match=r"b.csv has changed since out was begun"):
        begin(inputs, resume=True)


def test_a_folder_of_something_else_stays_as_it_is(inputs: list[TableInput]) -> None:
    Path("out").mkdir()
    Path("out/photo.jpg").write_text("x")
    for resume in (False, True):
        with pytest.raises(SeatrialError, match=r"is not empty|has files of something else"):
            begin(inputs, resume=resume)
    Path("file").write_text("x")
    with pytest.raises(SeatrialError, match="file is a file"):
        OutputFolder(Path("file"), JOB, inputs, ".csv", resume=False)
    assert [file.name for file in Path("out").iterdir()] == ["photo.jpg"]


def test_a_damaged_manifest_is_reported(inputs: list[TableInput]) -> None:
    begin(inputs)
    Path("out/_seatrial.json").write_text('{"release": 1}')
    with pytest.raises(SeatrialError, match=r"_seatrial.json is damaged"):
        begin(inputs, resume=True)
