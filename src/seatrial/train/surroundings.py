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
    """The commit of the project, and whether files of it differ from that; empty outside a git checkout."""
    commit = _git(root, "log", "-1", "--format=%H", "--", ".")
    if not commit:
        return {}
    return {"commit": commit, "dirty": bool(_git(root, "status", "--porcelain", "--", "."))}


def _git(root: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
