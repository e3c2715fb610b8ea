"""Fit a project's pipeline as `seatrial train` does, and keep it for the peers: python fit.py PROJECT FILE."""

import sys
from pathlib import Path

import joblib

from seatrial.core.project import find_project, importable
from seatrial.model.features import features_in
from seatrial.model.schema import schema_in
from seatrial.model.table_validation import TableChecker
from seatrial.train import fitting, reference_rows
from seatrial.train.training_table import read_training_table


def main(root: str, output: str) -> None:
    """Read, split, fit, dump."""
    import importlib

    project = find_project(Path(root))
    with importable(project):
        checker = TableChecker(schema_in(importlib.import_module(f"{project.package}.schema")))
        features = features_in(importlib.import_module(f"{project.package}.features"), checker.columns)
        table = read_training_table(project, checker, drop_bad_rows=False, progress=lambda _: None)
        split = fitting.split(table, project)
        every = fitting.every_input(checker.columns, features)
        frame = fitting.Framer(checker.columns, features, every)(reference_rows.take(table.columns, split.train))
        joblib.dump(fitting.fit(project, frame, table.target[split.train]), output)


if __name__ == "__main__":
    main(*sys.argv[1:])
