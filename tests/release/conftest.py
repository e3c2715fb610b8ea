"""Shared fixtures: pip, in an environment of its own."""

import ensurepip
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def pip_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has the pip of this Python; it installs into others.

    The wheel is only unpacked: `python -m venv` runs it to install itself, which takes seconds.
    """
    root = tmp_path_factory.mktemp("pip") / "venv"
    wheels = list((Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl"))
    options = ["--without-pip"] if wheels else []  # some distributions keep it elsewhere
    subprocess.run([sys.executable, "-m", "venv", *options, str(root)], check=True)
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(next(root.glob("[Ll]ib/**/site-packages")))
    return root / "bin" / "python"
