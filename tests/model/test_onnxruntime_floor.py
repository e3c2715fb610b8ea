"""The oldest onnxruntime that is allowed computes what scikit-learn computes; older ones are refused everywhere."""

import json
import os
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from packaging.requirements import Requirement
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.tree import DecisionTreeClassifier
from tests.conftest import ROOT

from seatrial.compile.converter import compile_pipeline
from seatrial.compile.reference import reference_of
from seatrial.core.errors import SeatrialError
from seatrial.core.model_libraries import installed_libraries
from seatrial.core.onnxruntime_floor import OLDEST, require_onnxruntime
from seatrial.model.inputs import Inputs
from seatrial.template.codegen.model_code import CLASSES
from seatrial.wheels.installer import create, install, python_in, resolve
from seatrial.wheels.lockfile import read_lockfile

WRONG = "1.22.1"
COLUMNS = ["a", "b", "c"]
SCORE = """
import json, sys
from pathlib import Path
import numpy as np
import seatrial.model.engines as engines
from seatrial.core import onnxruntime_floor
if sys.argv[2] == "unchecked":
    onnxruntime_floor.require_onnxruntime = lambda version: None
folder = Path(sys.argv[1])
rows = np.load(folder / "rows.npy")
worst = {}
for graph in sorted(folder.glob("*.onnx")):
    scores = engines.GraphEngine(graph)(rows, np.empty((len(rows), 0), dtype=object))
    worst[graph.stem] = float(np.abs(scores - np.load(graph.with_suffix(".npy"))).max())
print(json.dumps(worst))
"""


@pytest.mark.parametrize("version", ["1.20.0", "1.23.2", "1.24.3", "1.24", "0.9"])
def test_an_older_version_is_refused_with_what_to_do(version: str) -> None:
    with pytest.raises(SeatrialError, match=f"^onnxruntime {version} scores .*{OLDEST}") as error:
        require_onnxruntime(version)
    assert error.value.hint == f'pip install "onnxruntime>={OLDEST}"'


@pytest.mark.parametrize("version", [OLDEST, "1.24.10", "1.32.0", "2.0", "1.33.0.dev20261101"])
def test_newer_versions_are_allowed(version: str) -> None:
    require_onnxruntime(version)


def test_a_lockfile_with_an_older_version_is_refused() -> None:
    with pytest.raises(SeatrialError, match=r"^requirements.txt: onnxruntime 1.23.2 scores"):
        read_lockfile(f"onnxruntime==1.23.2 --hash=sha256:{'0' * 64}\n", "requirements.txt")
    assert read_lockfile(f"onnxruntime=={OLDEST} --hash=sha256:{'0' * 64}\n", "requirements.txt").requirements


def test_the_package_requires_the_same_version() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    (line,) = [line for line in project["dependencies"] if Requirement(line).name == "onnxruntime"]
    assert str(Requirement(line).specifier) == f">={OLDEST}"


def boosted(name: str, seed: int) -> Any:
    """A small model of a library, every other one alone and every other one in a vote."""
    quiet = {
        "lightgbm": {"n_estimators": 3 + seed % 4, "num_leaves": 2 + seed % 5, "n_jobs": 1, "verbose": -1},
        "xgboost": {"n_estimators": 3 + seed % 4, "max_depth": 1 + seed % 4, "n_jobs": 1},
        "catboost": {
            "iterations": 3 + seed % 4, "depth": 1 + seed % 4, "thread_count": 1, "verbose": 0,
            "allow_writing_files": False,
        },
    }  # fmt: skip
    model = getattr(import_module(name), f"{CLASSES[name][1]}Classifier")(**quiet[name], random_state=seed)
    return VotingClassifier([(name, model)], voting="soft") if seed % 2 else model


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small tree models as graphs, thirty of each of scikit-learn's and ten of each library's, and their scores."""
    folder = tmp_path_factory.mktemp("graphs")
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(500, 3)).round(2)
    np.save(folder / "rows.npy", rows)
    for seed in range(30):
        x = generator.normal(size=(80 + 20 * seed, 3)).round(2)
        y = (x[:, 0] * x[:, 1] + generator.normal(size=len(x)) > 0.3).astype(int)
        for model in (
            *(boosted(name, seed) for name in installed_libraries() if seed % 3 == 0),
            DecisionTreeClassifier(max_depth=2 + seed % 7, random_state=seed),
            RandomForestClassifier(3 + seed % 5, max_depth=2 + seed % 4, random_state=seed),
            HistGradientBoostingClassifier(max_iter=3 + seed % 4, min_samples_leaf=5, random_state=seed),
        ):
            model.fit(pd.DataFrame(x, columns=COLUMNS), y)
            inner = model.estimators[0][1] if isinstance(model, VotingClassifier) else model
            name = f"{type(inner).__name__}-{seed}"
            (folder / f"{name}.onnx").write_bytes(compile_pipeline(model, Inputs(tuple(COLUMNS), ())))
            np.save(folder / f"{name}.npy", reference_of(model).scores(pd.DataFrame(rows, columns=COLUMNS)))
    return folder


def differences(python: Path, graphs: Path, *, checked: bool) -> subprocess.CompletedProcess[str]:
    """Score all graphs in another environment; prints the largest difference of each."""
    return subprocess.run(
        [str(python), "-c", SCORE, str(graphs), "checked" if checked else "unchecked"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )


def environment(folder: Path, onnxruntime: str) -> Path:
    create(folder)
    found = resolve(folder, [f"onnxruntime=={onnxruntime}", "numpy>=2", "pydantic"])
    install(folder, list(found.values()))
    return python_in(folder)


@pytest.mark.slow
def test_the_oldest_version_computes_what_scikit_learn_computes(graphs: Path, tmp_path: Path) -> None:
    completed = differences(environment(tmp_path / "oldest", OLDEST), graphs, checked=True)
    assert completed.returncode == 0, completed.stderr
    worst = json.loads(completed.stdout)
    assert len(worst) == 90 + 10 * len(installed_libraries())
    assert max(worst.values()) < 1e-12


@pytest.mark.slow
def test_the_versions_before_are_wrong_and_refused(graphs: Path, tmp_path: Path) -> None:
    """If this fails because nothing differs, these graphs would not notice the fault in the oldest version either."""
    python = environment(tmp_path / "wrong", WRONG)
    unchecked = differences(python, graphs, checked=False)
    assert unchecked.returncode == 0, unchecked.stderr
    assert sum(value > 1e-6 for value in json.loads(unchecked.stdout).values()) > 5
    refused = differences(python, graphs, checked=True)
    assert refused.returncode == 1
    assert f"onnxruntime {WRONG} scores some models wrongly" in refused.stderr
