"""The provenance of a training: package versions and the commit of the project's code."""

import platform
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from seatrial.core.git import ask_git
from seatrial.core.model_libraries import library_of
from seatrial.core.version import version_diff, version_in_diff

PACKAGES = ("seatrial", "numpy", "pandas", "pydantic", "scikit-learn", "onnx", "onnxruntime", "skops")

# Not part of a release: committing a lockfile, an acceptance or a pipeline after it must not change its provenance.
EXCLUDED = (
    *("deploy", "tests", "requirements", "accepted.json", ".copier-answers.yml"),
    *(".circleci", ".github", ".gitlab-ci.yml"),
)


def environment(pipeline: Any) -> dict[str, str]:
    """Return the versions that a training's result depends on, of the libraries of the pipeline's parts too."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    libraries = {library_of(part) for part in (pipeline, *pipeline.get_params().values())} - {""}
    return versions | {name: str(sys.modules[name].__version__) for name in sorted(libraries)}


def git_state(root: Path) -> dict[str, Any]:
    """Return the last commit of a release's files, and whether they have changed since; empty outside git."""
    parts = (".", *(f":(exclude){name}" for name in EXCLUDED))
    commit = next((sha for sha in _commits(root, parts) if not _only_bumps_version(root, f"{sha}^", sha)), "")
    if not commit:
        return {}
    changed = (ask_git(root, "status", "--porcelain", "--", *parts) or "").splitlines()
    return {
        "commit": commit,
        "dirty": len(changed) > 1 or (bool(changed) and not _only_bumps_version(root, "HEAD")),
    }


def _commits(root: Path, parts: tuple[str, ...]) -> Iterator[str]:
    """Yield the commits of a release's files, newest first, one git call each: mostly, only the first is needed."""
    number = 0
    while commit := ask_git(root, "log", "-1", f"--skip={number}", "--format=%H", "--", *parts):
        yield commit
        number += 1


def _only_bumps_version(root: Path, *commits: str) -> bool:
    """Whether nothing else differs: no training result depends on the version, which a deployment commits."""
    names = (ask_git(root, "diff", "--name-only", "--relative", *commits, "--", ".") or "").splitlines()
    names = [name for name in names if Path(name).parts[0] not in EXCLUDED]
    if len(names) != 1 or Path(names[0]).name != "__init__.py":
        return False
    return version_in_diff(version_diff(root, *commits, path=root / names[0])) is not None
