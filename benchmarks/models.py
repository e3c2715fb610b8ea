"""The measured models: the reference project with one of three pipelines, trained, released and installed."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from seatrial.wheels.environments import Environment

ROOT = Path(__file__).parent.parent
BOOSTED = """
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.preprocessing import OrdinalEncoder


def build() -> Pipeline:
    \"\"\"200 boosted trees.\"\"\"
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-1)
    columns = ColumnTransformer([("numbers", "passthrough", AGE + NUMBERS), ("categories", codes, CATEGORIES)])
    return Pipeline([("columns", columns), ("model", HistGradientBoostingClassifier(max_iter=200))])
"""

NATIVE = """
from sklearn.neighbors import KNeighborsClassifier


def build() -> Pipeline:
    \"\"\"Nearest neighbours, which do not compile.\"\"\"
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    categories = OneHotEncoder(handle_unknown="ignore", min_frequency=10)
    columns = ColumnTransformer([("numbers", numbers, AGE + NUMBERS), ("categories", categories, CATEGORIES)])
    return Pipeline([("columns", columns), ("model", KNeighborsClassifier(15))])
"""
PIPELINES = {"boosted": BOOSTED, "native": NATIVE}


@dataclass(frozen=True)
class Model:
    """One trained, released and installed model; `pipeline` is the fitted pipeline for the peers, as a joblib file."""

    kind: str
    project: Path
    pipeline: Path
    python: Path  # of the environment that the release is served from
    environment: Path


def prepare(kind: str, folder: Path) -> Model:
    """Make the model: the reference project as it is ("logistic"), with 200 boosted trees, or one that is native."""
    project = folder / kind / "titanic"
    pipeline = folder / kind / "pipeline.joblib"
    if not pipeline.exists():
        skip = shutil.ignore_patterns("artifacts", "runs", "dist", ".seatrial", "__pycache__")
        shutil.copytree(ROOT / "titanic", project, ignore=skip, dirs_exist_ok=True)
        if kind in PIPELINES:
            path = project / "src" / "titanic_model" / "pipeline.py"
            path.write_text(re.sub(r"\n\ndef build\(.*", PIPELINES[kind], path.read_text(), flags=re.DOTALL))
        if kind == "native":
            settings = project / "pyproject.toml"
            settings.write_text(settings.read_text().replace('["seatrial>=', '["seatrial[native]>='))
        for command in ("train", "build"):
            _run(sys.executable, "-m", "seatrial", command, "--project", str(project))
        _run(sys.executable, str(Path(__file__).parent / "fit.py"), str(project), str(pipeline))
    environment = _install(project)
    return Model(kind, project, pipeline, environment.python, environment.root)


def _install(project: Path) -> Environment:
    from seatrial.core.project import find_project
    from seatrial.release import built_release, open_index, publish_toolkit
    from seatrial.wheels.environments import make_environment

    settings = find_project(project)
    index = open_index(settings.index)
    publish_toolkit(index)
    index.publish(built_release(settings).files)
    wheel = index.fetch_wheel(index.find(settings.requirement))
    return make_environment(wheel, extras=("serve", "native"), index=index)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
