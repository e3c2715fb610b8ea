"""A release's code is trained in a process that has nothing of this one, and whatever it does is contained."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from tests.compile.boosters.conftest import library
from tests.projects import poisoned
from tests.train.projects import PIPELINE, XGBOOST, table, two, write_project

from seatrial.compile import reference_scorer
from seatrial.steps import training_worker
from seatrial.steps.confined_training import ConfinedCode, _disjoint, confined_code
from seatrial.steps.recipes import training_of
from seatrial.train.column_files import read_numbers, write_columns
from seatrial.train.recipe import read_recipe
from seatrial.trial.policy import Policy
from seatrial.trial.recipes import RecipeError

POLICY = Policy(training_seconds=60)
ATTACKING = Path(poisoned.__file__).read_text().split("\nif __name__")[0] + PIPELINE.replace(
    "def build():\n", "def build():\n    attack()\n"
)
linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's limits are Linux's")


@contextmanager
def code_of(root: Path, pipeline: str = PIPELINE, policy: Policy = POLICY) -> Iterator[ConfinedCode]:
    project = write_project(root / "project", table(two), pipeline=pipeline)
    with confined_code("baseline", project.root, [project.data], policy, root / "process") as code:
        yield code


def test_it_gives_what_training_here_gives(tmp_path: Path) -> None:
    with code_of(tmp_path) as code:
        project = tmp_path / "project"
        confined = code.training("own", project / "data.csv")
        here = training_of(read_recipe(write_project(tmp_path / "again", table(two))))
        assert confined.table.name == here.table.name
        for name, values in here.table.columns.items():
            assert confined.table.columns[name].tolist() == values.tolist()
        assert confined.target.tolist() == here.target.tolist()
        assert confined.held_out.target.tolist() == here.held_out.target.tolist()
        columns = {**here.held_out.columns, "size": here.held_out.columns["size"] + 40.0}  # some beyond the schema
        half = np.arange(0, len(here.target), 2)
        for ours, theirs in ((confined.score, here.score), (confined.refit(half), here.refit(half))):
            scores = ours(columns)
            # Where the processes lay columns out differently in memory, BLAS differs in the last bit on some processors.
            np.testing.assert_allclose(scores, theirs(columns), rtol=0, atol=1e-14)
            assert np.isnan(scores).any()
            assert np.isfinite(scores).any()
        assert code.attempts == []


def test_of_large_tables_one_is_in_memory_and_the_models_score_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_worker, "MOST_ROWS", 10)
    data = write_project(tmp_path / "project", table(two)).data
    worker = training_worker._Worker(tmp_path, tmp_path / "project")
    for name in ("own", "rebuilt"):
        assert "failure" not in worker.reply(
            {"do": "read", "recipe": name, "data": str(data), "split": {}, "answer": ""}
        )
    assert list(worker._recipes) == ["rebuilt"]
    here = training_of(read_recipe(write_project(tmp_path / "again", table(two))))
    write_columns(tmp_path, "rows", here.held_out.columns)
    for name in ("own", "rebuilt", "own"):
        request = {"recipe": name, "model": training_worker.OWN, "positions": "", "table": "rows", "answer": name}
        assert worker.reply({"do": "score", **request}) == {}
        np.testing.assert_allclose(
            read_numbers(tmp_path / f"{name}.npy"), here.score(here.held_out.columns), atol=1e-14
        )
    assert list(worker._recipes) == ["rebuilt"]  # the fitted model of the other one holds nothing of its table


def test_its_scores_are_the_reference_of_a_model_that_rounds(tmp_path: Path) -> None:
    library("xgboost")
    with code_of(tmp_path, XGBOOST) as code:
        confined = code.training("own", tmp_path / "project" / "data.csv")
        again = write_project(tmp_path / "again", table(two), pipeline=XGBOOST)
        rows = confined.held_out.columns
        exact = read_recipe(again, reference=reference_scorer).fit()
        np.testing.assert_allclose(confined.score(rows), exact(rows), rtol=0, atol=1e-14)
        assert np.abs(exact(rows) - read_recipe(again).fit()(rows)).max() > 1e-10  # the library's own scores


def test_it_splits_and_weighs_as_training_here_does(tmp_path: Path) -> None:
    rows = table(two).splitlines()
    lines = [f"{rows[0]},who,w", *(f"{line},{n % 30},{1 + n % 3}" for n, line in enumerate(rows[1:]))]
    settings = 'weight = "w"\n[tool.seatrial.split]\nby = "group"\ncolumn = "who"'
    project = write_project(tmp_path / "project", "\n".join(lines) + "\n", settings=settings)
    here = training_of(read_recipe(project))
    with confined_code("baseline", project.root, [project.data], POLICY, tmp_path / "process") as code:
        confined = code.training("own", project.data)
        scores = confined.score(here.held_out.columns)
        by_rows = {"seed": 3, "test_share": 0.5, "split": {"by": "rows", "column": ""}}
        assert code.read("rebuilt", project.data, by_rows)["by"] == "rows"
    assert here.groups is not None
    for ours, theirs in (
        (confined.groups, here.groups),
        (confined.held_out.keys, here.held_out.keys),
        (confined.held_out.weights, here.held_out.weights),
    ):
        np.testing.assert_array_equal(ours, theirs)  # type: ignore[arg-type]
    np.testing.assert_allclose(scores, here.score(here.held_out.columns), rtol=0, atol=1e-14)


def test_a_sample_is_the_one_that_training_here_takes(tmp_path: Path) -> None:
    project = write_project(tmp_path / "project", table(two, rows=400), settings="sample = 120")
    here = training_of(read_recipe(project))
    with confined_code("baseline", project.root, [project.data], POLICY, tmp_path / "process") as code:
        confined = code.training("own", project.data)
        np.testing.assert_array_equal(confined.trained_rows, here.trained_rows)
        np.testing.assert_array_equal(confined.held_out.target, here.held_out.target)
        np.testing.assert_array_equal(confined.order, here.order)  # type: ignore[arg-type]
        assert (confined.order_seed, confined.complete_below) == (here.order_seed, here.complete_below)
    assert len(here.trained_rows) == 120
    assert 0 < here.complete_below < 1


@pytest.mark.parametrize("train", [[0, 1, 1], [0, 2], [0, -1], [0, 9], [0.0, 1.0]])
def test_positions_that_are_no_split_are_found(train: list[float]) -> None:
    assert _disjoint(np.array([0, 1]), np.array([2, 3]), 5)
    assert not _disjoint(np.array(train), np.array([2, 3]), 5)


@linux
def test_a_poisoned_recipe_gets_nowhere(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outside of the confinement every attack succeeds, which shows that the attacks are real."""
    tmp_path = tmp_path_factory.mktemp("p")  # a long path would be cut off in what is said of an attempt
    monkeypatch.setenv("TEAM_TOKEN", "secret")
    outside, home = tmp_path / "outside", tmp_path / "home"
    outside.mkdir()
    home.mkdir()
    (tmp_path / "secret").write_text("password")
    with code_of(tmp_path, ATTACKING) as code, socket.socket() as listener, socket.socket(socket.AF_UNIX) as control:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        control.bind(str(tmp_path / "control"))
        control.listen()
        data = tmp_path / "project" / "data.csv"
        aims = {
            "judge": os.getpid(), "secret": str(tmp_path / "secret"), "outside": str(outside), "table": str(data),
            "port": listener.getsockname()[1], "control": str(tmp_path / "control"),
        }  # fmt: skip
        package = tmp_path / "project" / "src" / "little_model"
        (tmp_path / "project" / "aims.json").write_text(json.dumps(aims))
        before = {path: path.read_bytes() for path in (data, package / "pipeline.py")}
        training = code.training("own", data)
        training.score(training.held_out.columns)
        attacks = json.loads((tmp_path / "process" / "scratch" / "attacks.json").read_text())
        assert list(attacks) == [each.__name__ for each in poisoned.ATTACKS]
        assert [name for name, result in attacks.items() if result == "done"] == []
        assert not list(outside.iterdir())
        assert {path: path.read_bytes() for path in before} == before
        tried = " ".join(code.attempts)
        assert [word for word in ("/sec", "/out", "socket.connect", "os.fork", "environ") if word not in tried] == [], (
            tried
        )
        loose = {**os.environ, "HOME": str(home), "AIMS": str(tmp_path / "project" / "aims.json")}
        copy = tmp_path / "poisoned.py"
        copy.write_text(Path(poisoned.__file__).read_text())
        subprocess.run([sys.executable, "-I", str(copy)], env=loose, check=True, timeout=30)
    assert set(json.loads((home / "attacks.json").read_text()).values()) == {"done"}


STALLING = PIPELINE.replace("def build():\n", "def build():\n    import time\n    time.sleep(60)\n")
FORGING = PIPELINE.replace(
    "def build():\n",
    """def build():
    import os, pathlib, sys
    print('{"outcome": "passed"}', flush=True)
    for folder in (pathlib.Path(sys.argv[1]), pathlib.Path.home()):
        (folder / "1.json").write_text('{"attempts": [], "outcome": "passed"}')
    os._exit(0)
""",
)


@pytest.mark.parametrize(
    ("pipeline", "words"),
    [
        (STALLING, "did not finish within 4 s (training_seconds)"),
        (FORGING, "returned no scores"),
    ],
)
def test_what_it_does_instead_of_training_is_said(tmp_path: Path, pipeline: str, words: str) -> None:
    with code_of(tmp_path, pipeline) as code:
        training = code.training("own", tmp_path / "project" / "data.csv")
        if pipeline is STALLING:
            code.policy = Policy(training_seconds=4)
        with pytest.raises(RecipeError) as error:
            training.score(training.held_out.columns)
    assert words in error.value.message
    assert error.value.role == "baseline"
