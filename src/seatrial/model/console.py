"""The command line that a model wheel brings along: `titanic-model predict passengers.csv`.

Built on the standard library, since a wheel depends on the core alone, and somebody who has never heard of Seatrial
should be able to use it.
"""

import argparse
import csv
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from seatrial.core.errors import SeatrialError
from seatrial.model.release import Release, predict_file


def main(release: Release, arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, or 1 with one clear line on standard error."""
    name = release.package.replace("_", "-")
    parser = argparse.ArgumentParser(prog=name, description=release.metadata.description or None)
    parser.add_argument("--version", action="version", version=f"{name} {release.version}")
    commands = parser.add_subparsers(dest="command", required=True)
    predict = commands.add_parser(
        "predict",
        help="predict every row of a file",
        description="Predict every row of a CSV, Parquet or JSON file; the answer is CSV, a line per row.",
        epilog=f"example: {name} predict rows.csv > predictions.csv",
    )
    predict.add_argument("file", type=Path, help="CSV (with a header), .parquet or .json")
    commands.add_parser("card", help="print the model card")
    commands.add_parser("schema", help="print what a row must look like, as JSON Schema")
    given = parser.parse_args(arguments)
    try:
        if given.command == "predict":
            _predict(release, given.file)
        elif given.command == "card":
            sys.stdout.write(release.card)
        else:
            sys.stdout.write(json.dumps(release.json_schema, indent=2) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:  # `... | head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except SeatrialError as error:
        sys.stderr.write(f"error: {error.message}\n" + (f"hint: {error.hint}\n" if error.hint else ""))
        return 1
    return 0


def _predict(release: Release, file: Path) -> None:
    chunks = predict_file(release, file)
    first = next(chunks)  # a file that cannot be read says so before anything is printed
    writer = csv.writer(sys.stdout, lineterminator="\n")
    classes = release.metadata.classes
    writer.writerow(["prediction", *(f"probability_{label}" for label in classes)])
    for chunk in (first, *chunks):
        if classes:
            scores = chunk.scores.tolist()
            writer.writerows([label, *row] for label, row in zip(chunk.predictions, scores, strict=True))
        else:
            writer.writerows([value] for value in chunk.predictions)
