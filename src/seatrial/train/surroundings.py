"""Where a training happened: versions and the commit of the project's code."""

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

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
APART = ("deploy", "tests", "requirements", "accepted.json", ".circleci", ".github", ".gitlab-ci.yml", ".gitignore")


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
    commit = _git(root, "log", "-1", "--format=%H", "--", *parts)
    if not commit:
        return {}
    return {"commit": commit, "dirty": bool(_git(root, "status", "--porcelain", "--", *parts))}


def _git(root: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
