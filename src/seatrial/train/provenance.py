"""Where a training happened: versions and the commit of the project's code."""

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from seatrial.core.git import ask_git
from seatrial.core.version import version_diff, version_in_diff

PACKAGES = (
    "seatrial",
    "numpy",
    "pandas",
    "pydantic",
    "scikit-learn",
    "onnx",
    "onnxruntime",
    "skl2onnx",
    "skops",
)

# No part of a release: a pin, an acceptance or a pipeline that is committed after it must not make it another one.
APART = (
    "deploy",
    "tests",
    "requirements",
    "accepted.json",
    ".circleci",
    ".github",
    ".gitlab-ci.yml",
    ".copier-answers.yml",
)


def environment() -> dict[str, str]:
    """The versions that a training's result depends on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def git_state(root: Path) -> dict[str, Any]:
    """The last commit of what goes into a release, and whether files of it differ; empty outside a git checkout."""
    parts = (".", *(f":(exclude){name}" for name in APART))
    commit = next((each for each in _commits(root, parts) if not _raises_the_version(root, f"{each}^", each)), "")
    if not commit:
        return {}
    changed = (ask_git(root, "status", "--porcelain", "--", *parts) or "").splitlines()
    return {"commit": commit, "dirty": len(changed) > 1 or (bool(changed) and not _raises_the_version(root, "HEAD"))}


def _commits(root: Path, parts: tuple[str, ...]) -> Iterator[str]:
    """The commits of what goes into a release, from new to old; the first one is most often all that is asked for."""
    number = 0
    while commit := ask_git(root, "log", "-1", f"--skip={number}", "--format=%H", "--", *parts):
        yield commit
        number += 1


def _raises_the_version(root: Path, *commits: str) -> bool:
    """Whether this is all that differs: nothing that is trained depends on the version, which a deployment commits."""
    names = (ask_git(root, "diff", "--name-only", "--relative", *commits, "--", ".") or "").splitlines()
    names = [name for name in names if Path(name).parts[0] not in APART]
    if len(names) != 1 or Path(names[0]).name != "__init__.py":
        return False
    return version_in_diff(version_diff(root, *commits, path=root / names[0])) is not None
