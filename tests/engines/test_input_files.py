"""The input files of an engine's job: those that are read, and what is noticed about them."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.engines.passengers import write_passengers

from seatrial.core.errors import SeatrialError
from seatrial.engines.input_files import check_apart, input_files, states_of


def test_input_files_are_those_that_are_not_hidden(tmp_path: Path):
    folder = write_passengers(tmp_path / "in", 4, files=2)
    write_passengers(folder / "more", 2, files=1)
    for name in ("_bad/x.parquet", ".hidden.parquet", "readme.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("x")
    names = [Path(name).relative_to(folder).as_posix() for name in input_files(str(folder))]
    assert names == ["in-000.parquet", "in-001.parquet", "more/in-000.parquet"]
    assert input_files(str(folder / "in-000.parquet")) == [str(folder / "in-000.parquet")]
    assert input_files(str(tmp_path / "nowhere")) == []


def test_input_files_of_different_partitions_are_refused(tmp_path: Path):
    for day in (1, 2):
        write_passengers(tmp_path / f"day={day}", 2, files=1)
    assert len(input_files(str(tmp_path))) == 2
    write_passengers(tmp_path / "new", 2, files=1)
    with pytest.raises(SeatrialError, match=r"day=1/in-000\.parquet has day, and new/in-000\.parquet has none"):
        input_files(str(tmp_path))


@pytest.mark.parametrize(
    ("url", "root", "name"),
    [
        ("hdfs://name-node:8020/in/", "/in", "hdfs://name-node:8020/in/a.parquet"),
        ("abfss://box@acc.dfs.core.windows.net/in", "box/in", "abfss://box@acc.dfs.core.windows.net/in/a.parquet"),
        ("s3://me:pass@bucket/in?region=x", "bucket/in", "s3://bucket/in/a.parquet"),
    ],
)
def test_engines_get_urls_with_the_server_and_without_secrets(url: str, root: str, name: str, monkeypatch):
    file, folder = (SimpleNamespace(path=f"{root}{each}", type=kind) for each, kind in (("/a.parquet", 2), ("", 3)))
    system = SimpleNamespace(type_name="remote", get_file_info=lambda at: folder if at == root else [file])
    monkeypatch.setattr("seatrial.engines.input_files.file_system", lambda _: (system, root))
    assert input_files(url) == [name]


def test_a_file_s_state_is_another_when_its_size_or_its_time_is(tmp_path: Path):
    names = [str(tmp_path / name) for name in ("a", "b", "folder", "gone")]
    for name in names[:2]:
        Path(name).write_text("x")
    Path(names[2]).mkdir()
    first = states_of(names)
    assert [*first] == names[:2]
    assert states_of(names) == first
    os.utime(names[0], ns=(1, 1))
    Path(names[1]).write_text("xx")
    assert all(states_of(names)[name] != first[name] for name in names[:2])
    assert states_of([]) == {}


@pytest.mark.parametrize(
    ("source", "output"),
    [("in", "in/out"), ("in", "in"), ("in/", "./in/deep/out"), ("s3://bucket/in", "s3://bucket/in/out")],
)
def test_predictions_among_the_input_files_are_refused(tmp_path: Path, monkeypatch, source: str, output: str):
    monkeypatch.chdir(tmp_path)
    _without_network(monkeypatch)
    with pytest.raises(
        SeatrialError, match=r"is in the folder of input files .*: the next job would read it"
    ) as refused:
        check_apart(source, output)
    assert "outside" in refused.value.hint


@pytest.mark.parametrize(
    ("source", "output"),
    [("in", "out"), ("in", "in-out"), ("in", "in/_out"), ("in/out", "in"), ("s3://bucket/in", "s3://other/in/out")],
)
def test_predictions_elsewhere_are_not(tmp_path: Path, monkeypatch, source: str, output: str):
    monkeypatch.chdir(tmp_path)
    _without_network(monkeypatch)
    check_apart(source, output)


def _without_network(monkeypatch):
    s3 = SimpleNamespace(type_name="s3")
    monkeypatch.setattr("seatrial.engines.output_parts.object_files", lambda url: (s3, url.removeprefix("s3://")))
