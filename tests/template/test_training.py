"""Generated projects train, compile exactly, and accept every row of their own table."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.compile.boosters.conftest import library
from tests.template.projects import examined, refused_rows, render, source_of

from seatrial.core.errors import SeatrialError
from seatrial.core.model_libraries import MODEL_LIBRARIES, installed_libraries
from seatrial.core.project import find_project, importable
from seatrial.model import Release
from seatrial.steps.new import create_project
from seatrial.template.codegen.model_code import MODELS, Model
from seatrial.template.creation import Options
from seatrial.template.inference.examination import examine
from seatrial.template.inference.model_choice import choose_model
from seatrial.template.project_name import project_name
from seatrial.template.records import Examination, Overrides


def everything(task: str, rows: int = 400) -> Examination:
    """A table with columns of every kind."""
    import pyarrow as pa

    draw = np.random.default_rng(3)
    size = draw.normal(50, 15, rows)
    words = ["late", "paid", "refund", "angry", "fine", "waiting", "delivered", "broken"]
    flag = draw.random(rows) < 0.4
    signal = size / 15 + 2 * flag + draw.normal(0, 1, rows)
    labels: Any = {
        "binary": np.where(signal > 4, "yes", "no"),
        "multiclass": np.array(["low", "middle", "high"])[np.clip(signal // 2.2, 0, 2).astype(int)],
        "regression": signal * 10,
    }[task]
    source = source_of(
        number=pa.array(size, mask=draw.random(rows) < 0.1),
        count=draw.integers(0, 30, rows),
        flag=flag,
        colour=pa.array(draw.choice(["red", "green", "blue"], rows), mask=draw.random(rows) < 0.2),
        city=draw.choice([f"city {n}" for n in range(90)], rows),
        note=pa.array([" ".join(draw.choice(words, 5)) for _ in range(rows)], mask=draw.random(rows) < 0.1),
        day=pa.array(draw.integers(18000, 19000, rows).astype("datetime64[D]"), mask=draw.random(rows) < 0.1),
        at=pa.array(draw.integers(1_600_000_000, 1_650_000_000, rows), pa.timestamp("s")),
        label=labels,
    )
    return examine(source, "label")


def trains(examination: Examination, root: Path, model: Model) -> Any:
    from seatrial.compile import compile_release, reference_scorer
    from seatrial.train.run import train

    if model in MODEL_LIBRARIES:
        library(model)
    project = render(root, examination, model)
    assert refused_rows(project) == []
    run = train(project, compile_release, reference=reference_scorer)
    assert run.native_reason == ""
    assert run.metadata.engine == "onnx"
    assert run.metadata.task == examination.target.task
    assert len(run.dropped) == 0
    requirement = 'dev = ["seatrial[all' + (f",{model}]" if model in MODEL_LIBRARIES else "]")
    assert requirement in (project.root / "pyproject.toml").read_text()
    with importable(project):
        assert len(Release(project.package).predict([run.metadata.example, run.metadata.typical])) == 2
    return run


FEW = [("binary", "logistic"), ("regression", "boosting")]
OTHERS = [(t, m) for t in ("binary", "multiclass", "regression") for m in MODELS if (t, m) not in FEW]


@pytest.mark.parametrize(("task", "model"), [*FEW, *(pytest.param(*o, marks=pytest.mark.soak) for o in OTHERS)])
def test_a_table_with_everything_trains_and_compiles(task: str, model: Model, tmp_path: Path) -> None:
    run = trains(everything(task), tmp_path, model)
    assert run.metadata.metrics[run.metadata.headline]["value"] > 0.4
    assert {"day_year", "day_days", "at_hour", "note_words", "note_contains_refund"} <= set(run.metadata.inputs.numbers)
    assert set(run.metadata.inputs.strings) == {"colour", "city"}


def test_a_release_needs_no_library_of_its_training(tmp_path: Path) -> None:
    trains(everything("binary", 120), tmp_path, "lightgbm")
    code = """
import json, sys
sys.modules |= dict.fromkeys(["lightgbm", "xgboost", "catboost", "sklearn", "pandas", "skops", "onnx"])
from seatrial.model import Release
release = Release("little_model")
answer = release.predict([release.metadata.example])[0]["prediction"]
print(json.dumps([release.metadata.engine, sorted(release.metadata.environment), answer]))
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path / "src")
    assert done.returncode == 0, done.stderr
    engine, versions, answer = json.loads(done.stdout)
    assert (engine, answer in ("yes", "no")) == ("onnx", True)
    assert "lightgbm" in versions
    assert not {"xgboost", "catboost"} & set(versions)


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "diabetes"])
def test_tables_of_scikit_learn_train_and_compile(name: str, tmp_path: Path) -> None:
    run = trains(examined(f"sklearn:{name}"), tmp_path, "logistic")
    assert run.metadata.metrics[run.metadata.headline]["value"] > (0.4 if name == "diabetes" else 0.85)
    if name == "iris":
        assert run.metadata.classes == ("setosa", "versicolor", "virginica")


def test_twenty_rows_and_three_columns_train(tmp_path: Path) -> None:
    path = tmp_path / "few.csv"
    path.write_text(
        "a,b,y\n" + "".join(f"{n * 7 % 20},{'xyx'[n % 3]},{'no' if n * 7 % 20 < 9 else 'yes'}\n" for n in range(20))
    )
    trains(examined(path, "y"), tmp_path / "project", "logistic")


def test_a_parquet_file_with_a_target_of_true_and_false_trains(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = range(60)
    late = [(n * 7 % 60 > 25) != (n % 5 == 0) for n in rows]
    pq.write_table(pa.table({"size": [n * 7 % 60 for n in rows], "late": late}), tmp_path / "t.parquet")
    run = trains(examined(tmp_path / "t.parquet", "late"), tmp_path / "project", "logistic")
    assert run.metadata.classes == ("false", "true")


@pytest.mark.soak
def test_generated_code_passes_ruff_and_mypy(tmp_path: Path) -> None:
    """Also with many names that are long and full of quotes."""
    import pyarrow as pa

    names = [f"the \"{n}\" of a 'long' list\\of names" for n in range(30)]
    long = "a_name_of_a_column_that_goes_on_for_all_of_the_sixty_letters"
    odd = examine(
        source_of(
            **{
                "größe in €": list(range(60)),
                "kind": [names[n % 30] for n in range(60)],
                "Kind": [names[n % 29] for n in range(60)],
                long: [None if n == 9 else f"refund of {n} of the things" for n in range(60)],
                f"{long[:50]}_at": pa.array([None, *(n * 5_000_000_000 for n in range(59))], pa.timestamp("us", "UTC")),
                "y": [n % 2 for n in range(60)],
            }
        ),
        "y",
    )
    (tmp_path / "code").mkdir()
    for number, examination in enumerate([everything("binary"), everything("regression", 1200), odd]):
        for model in MODELS:
            project = render(tmp_path / f"{number}-{model}", examination, model)
            shutil.copytree(project.source / project.package, tmp_path / "code" / f"project_{number}_{model}")
        assert refused_rows(project) == []
    rules = "E,F,W,I,B,UP,N,SIM,RET,PTH,RUF,D1"
    for command in (
        ["ruff", "format", "--check", "--diff", "--isolated", "--line-length", "120", "."],
        ["ruff", "check", "--select", rules, "--isolated", "--line-length", "120", "code"],
        ["mypy", "--config-file", str(project.root / "pyproject.toml"), "code"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,  # where seatrial is a third-party package
        )
        assert done.returncode == 0, done.stdout


@pytest.fixture
def only_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatrial.template.codegen.model_code.installed_libraries", tuple)


@pytest.mark.usefixtures("only_scikit_learn")
def test_auto_reports_all_scores_and_prefers_the_simpler_model() -> None:
    linear = choose_model(everything("regression", 150), seconds=120)
    assert linear.model == "logistic"
    assert [(t.model, len(t.scores)) for t in linear.scores] == [("logistic", 5), ("boosting", 5), ("forest", 5)]
    assert linear.measure == "root mean squared error"
    draw = np.random.default_rng(0)
    a, b = draw.normal(size=300), draw.normal(size=300)
    crossed = choose_model(examine(source_of(a=a, b=b, y=np.where(a * b > 0, "same", "other")), "y"), seconds=120)
    assert crossed.model in ("boosting", "forest")
    assert next(t for t in crossed.scores if t.model == "logistic").mean < 0.7


def test_auto_considers_the_libraries_that_are_installed() -> None:
    choice = choose_model(everything("binary", 120), seconds=120)
    assert [tried.model for tried in choice.scores] == ["logistic", "boosting", "forest", *installed_libraries()]
    assert all(len(tried.scores) == 5 for tried in choice.scores)


@pytest.mark.usefixtures("only_scikit_learn")
def test_auto_stops_at_its_time_limit() -> None:
    choice = choose_model(everything("binary"), seconds=0.0001)
    assert choice.model == "logistic"
    assert [t.note for t in choice.scores][1:] == ["stopped after 0 of 5 folds by the time limit"] * 2


def test_a_model_whose_library_is_missing_makes_no_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xgboost", None)
    options = Options(project_name("little"), "xgboost")
    with pytest.raises(SeatrialError, match="xgboost is not installed") as caught:
        create_project(tmp_path / "little", everything("binary", 60), options)
    assert caught.value.hint == 'pip install "seatrial[xgboost]"'
    assert not list(tmp_path.iterdir())


def test_overrides_change_decisions(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,size,level,y\n" + "".join(f"{n},{n * 7 % 13},{n % 3},{n % 4}\n" for n in range(60)))
    overrides = Overrides(task="regression", keep=("id",), leave_out=("size",), kinds={"level": "category"})
    examination = examined(path, "y", overrides)
    assert [(c.name, c.kind, c.left_out) for c in examination.columns] == [
        ("id", "integer", ""),
        ("size", "integer", "as requested"),
        ("level", "category", ""),
    ]
    trains(examination, tmp_path / "project", "boosting")
    project = find_project(tmp_path / "project")
    assert (project.target, project.task, project.positive) == ("y", "regression", None)
