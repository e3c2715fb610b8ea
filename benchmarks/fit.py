"""Fit a project's pipeline as `seatrial train` does, and keep it for the peers: python fit.py PROJECT FILE."""

import sys
from pathlib import Path

import joblib

from seatrial.core.project import find_project, importable
from seatrial.train.recipe import read_recipe


def main(root: str, output: str) -> None:
    """Read, split, fit, dump."""
    project = find_project(Path(root))
    with importable(project):
        joblib.dump(read_recipe(project, drop_bad_rows=False).fit().pipeline, output)


if __name__ == "__main__":
    main(*sys.argv[1:])
