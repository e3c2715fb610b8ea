"""Fit a project's pipeline as `seatrial train` does, and save it for the peers: python fit.py PROJECT FILE."""

import sys
from pathlib import Path

import joblib

from seatrial.core.project import find_project
from seatrial.train.recipe import read_recipe


def main(root: str, output: str) -> None:
    """Read the project's recipe, fit it, save the pipeline."""
    joblib.dump(read_recipe(find_project(Path(root)), drop_bad_rows=False).fit().pipeline, output)


if __name__ == "__main__":
    main(*sys.argv[1:])
