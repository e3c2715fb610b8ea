"""The command line that a model wheel installs: `titanic-model predict passengers.csv`.

It uses the standard library only, since a wheel depends on the core alone, and it is usable without knowing
Seatrial.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from seatrial.core.errors import SeatrialError, describe_os_error
from seatrial.core.processes import open_closed_streams
from seatrial.core.results import results
from seatrial.model.bad_rows import OnBadRows
from seatrial.model.batch import predict_file
from seatrial.model.release import Release


def main(release: Release, arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, or 1 with a message on standard error."""
    open_closed_streams()
    name = release.package.replace("_", "-")
    try:
        options = _parser(name, release).parse_args(arguments)
        if options.command == "predict":
            _predict(release, options)
        elif options.command == "card":
            sys.stdout.write(release.card)
        else:
            sys.stdout.write(json.dumps(release.json_schema, indent=2) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:  # `... | head` has read what it needs
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except SeatrialError as error:
        sys.stderr.write(f"error: {error.message}\n" + (f"hint: {error.hint}\n" if error.hint else ""))
        return 1
    except OSError as error:
        if not (message := describe_os_error(error)):
            raise
        sys.stderr.write(f"error: {message}\n")
        return 1
    return 0


def _predict(release: Release, options: argparse.Namespace) -> None:
    policy = options.on_bad_rows
    with results() as printed:
        output = options.output or printed
        predicted = predict_file(
            release, options.file, output, keep=options.keep, as_json=options.json, on_bad_rows=policy
        )
    for note in predicted.notes(policy):
        sys.stderr.write(f"{note}\n")


def _parser(name: str, release: Release) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=name, description=release.metadata.description or None)
    parser.add_argument("--version", action="version", version=f"{name} {release.version}")
    commands = parser.add_subparsers(dest="command", required=True)
    predict = commands.add_parser(
        "predict",
        help="predict every row of a file",
        description="Predict every row of a file, in the order of the file.",
        epilog=f"example: {name} predict rows.csv > predictions.csv",
    )
    predict.add_argument("file", type=Path, help="a .csv (with a header), .parquet, .json, .jsonl or .arrow file")
    predict.add_argument(
        "-o", "--output", type=Path, help="the file to write, of one of these kinds; default: print CSV"
    )
    predict.add_argument("--keep", action="store_true", help="include the rows' own columns")
    predict.add_argument(
        "--on-bad-rows",
        choices=get_args(OnBadRows),
        default="fail",
        help="rows that break the schema: fail (default), drop them, or keep them without a prediction",
    )
    predict.add_argument("--json", action="store_true", help="print JSON instead of CSV")
    commands.add_parser("card", help="print the model card")
    commands.add_parser("schema", help="print the JSON Schema of a row")
    return parser
