"""`python -m benchmarks.tables --data FOLDER`: for each table, a project from `seatrial new` to its page in a browser.

What is measured of a table is written at once, to results/tables.jsonl in the folder of --keep; run again, those that
are there are not measured again. Then the Markdown table of all is written.
"""

import argparse
import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.machine import describe
from benchmarks.tables.catalogue import TABLES, Table
from benchmarks.tables.course import Walk
from benchmarks.tables.telling import markdown

RESULTS = Path(__file__).parent.parent / "results"


def main() -> int:
    """Take the tables the way, one by one; 1 where one of them failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables", description=__doc__)
    parser.add_argument("--data", type=Path, help="the folder with the tables that are not scikit-learn's own")
    parser.add_argument("--only", nargs="*", default=[], help="names of tables")
    parser.add_argument("--keep", type=Path, help="a folder for projects and results, to go on from there")
    parser.add_argument("--seeds", type=int, default=2, help="splits that the quality is measured on (default: 2)")
    parser.add_argument("--no-quality", action="store_true", help="only the way, and no comparison with baselines")
    parser.add_argument("--again", action="store_true", help="measure also what is there")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/tables.json and tables.md")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="seatrial-tables-") as temporary:
        folder = (given.keep or Path(temporary)).absolute()
        done = folder / "results"
        done.mkdir(parents=True, exist_ok=True)
        tables = [table for table in TABLES if not given.only or table.name in given.only]
        for table in tables:
            path = done / f"{table.name}.json"
            if path.exists() and not given.again:
                say(f"{table.name}: there already")
            elif place := table.place(_made(folder), given.data):
                say(f"{table.name} ...")
                path.write_text(json.dumps(walk(table, place, folder), indent=1) + "\n")
                say(summary(json.loads(path.read_text())))
            else:
                say(f"{table.name}: left out, since --data names no folder")
        for table in tables if not given.no_quality else ():
            path = done / f"{table.name}.json"
            document = json.loads(path.read_text()) if path.exists() else {"quality": {}}
            if "quality" not in document:
                from benchmarks.tables.quality import (
                    measure_place,
                )  # not before: a child's peak is at least its parent's

                say(f"{table.name}: its model beside the baselines ...")
                query = table.words[1] if table.words[:1] == ("--query",) else ""
                place = table.place(_made(folder), given.data)
                document["quality"] = measure_place(place, table.target, query, given.seeds)
                path.write_text(json.dumps(document, indent=1) + "\n")
        order = [table.name for table in TABLES]
        found = [json.loads((done / f"{name}.json").read_text()) for name in order if (done / f"{name}.json").exists()]
    if given.write:
        facts = {"machine": describe(), "date": datetime.now(UTC).strftime("%Y-%m-%d"), "tables": found}
        (RESULTS / "tables.json").write_text(json.dumps(facts, indent=1) + "\n")
        (RESULTS / "tables.md").write_text(markdown(facts))
    failed = [document["table"] for document in found if document["failed"]]
    say(f"{len(found)} tables, {len(failed)} failed{': ' if failed else ''}{', '.join(failed)}")
    return 1 if failed else 0


def _made(folder: Path) -> Path:
    """The folder of made tables."""
    tables = folder / "tables"
    tables.mkdir(exist_ok=True)
    return tables


def walk(table: Table, place: str, folder: Path) -> dict[str, Any]:
    """Take one table the whole way; what the commands said is kept beside the results."""
    walking = Walk(table.name, folder / "projects", folder / "home")
    walking.output = folder / "results" / f"{table.name}.txt"
    walking.output.unlink(missing_ok=True)
    return walking.go(place, table.target, table.words, grows=table.grows).document()


def summary(document: dict[str, Any]) -> str:
    """One line on a table."""
    took = ", ".join(f"{name} {step['seconds']:g}" for name, step in document["steps"].items())
    return f"{document['table']}: {document['failed'] or 'works'} ({document['engine']}; {took} s) {document['page']}"


def say(text: str) -> None:
    """Tell what happens, on standard error."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
