"""The Python API: a project from a data frame, its settings, its progress, and what an interrupt leaves behind."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from tests.template.commands import GIT, git, write_table

from seatrial import Project, SeatrialError
from seatrial.core.access_keys import KEYS_FILE
from seatrial.core.errors import DataError

KINDS = {
    "pandas": pd.read_csv,
    "polars": pl.read_csv,
    "Arrow": lambda path: pa.Table.from_pandas(pd.read_csv(path), preserve_index=False),
    "a path": Path,
}


@pytest.fixture(autouse=True)
def _git(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GIT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_table(tmp_path_factory.mktemp("table") / "customers.csv")


def new(folder: Path, data: object, **options: object) -> Project:
    return Project.new("churn", data, "left", into=folder, model="logistic", progress=False, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_a_project_from_a_frame_equals_one_from_its_file(kind: str, table: Path, tmp_path: Path):
    project = new(tmp_path, KINDS[kind](table), leave_out=["age"], kinds={"plan": "text"}, deploy=["docker"])
    assert repr(project) == f"<Project churn-model==0.1.0 in {tmp_path / 'churn'}>"
    schema = (tmp_path / "churn" / "src" / "churn_model" / "schema.py").read_text()
    assert "plan: str" in schema
    assert "    spent: float" in schema
    assert "    age:" not in schema
    assert (tmp_path / "churn" / "deploy" / "docker" / "Dockerfile").is_file()
    written = pd.read_csv(project.settings.data)
    pd.testing.assert_frame_equal(written, pd.read_csv(table), check_dtype=False)
    assert git("status", "--porcelain", cwd=tmp_path / "churn") == ""


def test_columns_of_several_types_are_read_as_their_text_is_from_a_file(table: Path, tmp_path: Path):
    frame = pd.read_csv(table).assign(mixed=lambda f: [n if n % 2 else f"no {n % 3}" for n in range(len(f))])
    frame.to_csv(tmp_path / "mixed.csv", index=False)
    of_frame = new(tmp_path / "frame", frame, git=False).settings
    of_file = new(tmp_path / "file", tmp_path / "mixed.csv", git=False).settings
    assert of_frame.data.read_text() == of_file.data.read_text()
    assert pd.read_csv(of_frame.data)["mixed"].tolist()[1::2] == list(range(1, len(frame), 2))
    assert not (of_frame.root / ".git").exists()


def test_refresh_replaces_the_table_with_a_newer_frame(table: Path, tmp_path: Path):
    project = new(tmp_path, pd.read_csv(table))
    frame = pl.read_csv(write_table(tmp_path / "more.csv", 150))
    refreshed = project.refresh(frame)
    assert (refreshed.rows, refreshed.before, refreshed.new, refreshed.gone) == (150, 120, 30, 0)
    before = project.settings.data.read_bytes()
    with pytest.raises(DataError):
        project.refresh(frame.with_columns(age=pl.lit(-1)))
    with pytest.raises(SeatrialError, match="has no column `plan`"):
        project.refresh(frame.drop("plan"))
    assert project.settings.data.read_bytes() == before


def test_settings_are_read_when_they_are_needed(table: Path, tmp_path: Path):
    project = new(tmp_path, table)
    assert project.bump("minor") == "0.2.0"
    assert project.settings.requirement == "churn-model==0.2.0"
    assert Project(tmp_path / "churn", index=str(tmp_path)).settings.index.folder == tmp_path
    assert project.releases() == []
    assert project.deployments() == []


def test_progress_goes_to_a_function_is_printed_or_is_off(table: Path, tmp_path: Path, capsys, monkeypatch):
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)  # another test may have loaded it in this process
    steps: list[str] = []
    Project.new("one", table, "left", into=tmp_path, model="logistic", progress=steps.append)
    assert steps[0] == "reading the table"
    assert "creating the project" in steps
    Project.new("two", table, "left", into=tmp_path, model="logistic", progress=False)
    assert capsys.readouterr() == ("", "")
    Project.new("three", table, "left", into=tmp_path, model="logistic")
    assert "✓ creating the project" in capsys.readouterr().err


@pytest.mark.parametrize("at", ["reading the table", "creating the project", "committing it"])
def test_an_interrupt_leaves_nothing_behind(table: Path, tmp_path: Path, at: str):
    def interrupt(step: str) -> None:
        if step == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Project.new("churn", table, "left", into=tmp_path, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([{"x": 1}], "A list is not a table"),
        (pd.Series([1, 2]), "A pandas.Series is not a table"),
        (pd.DataFrame({"left": []}), "The DataFrame has 0 rows and 1 columns"),
    ],
)
def test_data_that_is_not_a_table_is_rejected(tmp_path: Path, data: object, message: str):
    with pytest.raises(SeatrialError, match=message):
        new(tmp_path, data)


def test_an_existing_folder_is_not_changed(table: Path, tmp_path: Path):
    (tmp_path / "churn").mkdir()
    (tmp_path / "churn" / "mine.txt").write_text("mine")
    with pytest.raises(SeatrialError) as raised:
        new(tmp_path, table)
    assert "seatrial adopt" in raised.value.hint
    assert [path.name for path in (tmp_path / "churn").iterdir()] == ["mine.txt"]


def test_a_notebook_shows_an_errors_message_and_hint_only(tmp_path: Path):
    with pytest.raises(SeatrialError) as raised:
        Project(tmp_path)
    error = raised.value
    assert error._render_traceback_() == [f"SeatrialError: {error.message}", f"hint: {error.hint}"]
    assert SeatrialError("alone")._render_traceback_() == ["SeatrialError: alone"]


def test_the_api_loads_nothing_heavy_before_it_is_used():
    code = "import sys; from seatrial import Project, load; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"pandas", "sklearn", "pyarrow", "copier", "rich", "httpx", "IPython"}


def test_a_served_project_is_locked_by_its_own_keys_unless_it_is_to_be_open(table: Path, tmp_path: Path, monkeypatch):
    project = new(tmp_path, table)
    started: list[tuple[str, ...]] = []

    @contextmanager
    def serve(*_: object, options: tuple[str, ...], **__: object) -> Iterator[None]:
        started.append(options)
        yield

    monkeypatch.setattr("seatrial.steps.serve.prepare_release", lambda *_: None)
    monkeypatch.setattr("seatrial.steps.serve.wait_until_ready", lambda *_: "http://127.0.0.1:1")
    monkeypatch.setattr("seatrial.steps.serve.serve", serve)
    keys = project.settings.root / KEYS_FILE
    for open_ in (False, True):
        with project.serve(port=0, open_=open_):
            pass
        keys.parent.mkdir(exist_ok=True)
        keys.write_text("{}")
    with project.serve(port=0):
        pass
    assert [str(keys) in options for options in started] == [False, False, True]
    assert ["--open" in options for options in started] == [False, True, False]
