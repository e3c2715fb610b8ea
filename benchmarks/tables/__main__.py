"""`python -m benchmarks.tables --data FOLDER`: for each table, a project from `seatrial new` to its page in a browser.

The result of each table is written at once, to results/TABLE.json in the folder of --keep; a table that has one is not
measured again. At the end, --write writes the Markdown table of all.
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
from benchmarks.tables.lifecycle import Lifecycle
from benchmarks.tables.report import markdown

RESULTS = Path(__file__).parent.parent / "results"


def main() -> int:
    """Run the tables one by one; the exit code is 1 if one of them failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables", description=__doc__)
    parser.add_argument("--data", type=Path, help="the folder with the tables that are not scikit-learn's own")
    parser.add_argument("--only", nargs="*", default=[], help="names of tables")
    parser.add_argument("--keep", type=Path, help="a folder for projects and results, to continue from there")
    parser.add_argument("--seeds", type=int, default=2, help="splits for the quality figures (default: 2)")
    parser.add_argument("--no-quality", action="store_true", help="leave out the comparison with baselines")
    parser.add_argument("--again", action="store_true", help="measure tables again that have results")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/tables.json and tables.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="seatrial-tables-") as temporary:
        folder = (options.keep or Path(temporary)).absolute()
        done = folder / "results"
        done.mkdir(parents=True, exist_ok=True)
        tables = [table for table in TABLES if not options.only or table.name in options.only]
        for table in tables:
            path = done / f"{table.name}.json"
            if path.exists() and not options.again:
                say(f"{table.name}: measured before")
            elif location := table.location(_made_up(folder), options.data):
                say(f"{table.name} ...")
                path.write_text(json.dumps(run(table, location, folder), indent=1) + "\n")
                say(summary(json.loads(path.read_text())))
            else:
                say(f"{table.name}: left out: give its folder with --data")
        for table in tables if not options.no_quality else ():
            path = done / f"{table.name}.json"
            document = json.loads(path.read_text()) if path.exists() else {"quality": {}}
            if "quality" not in document:
                # Imported late: the peak memory of a child process is at least its parent's.
                from benchmarks.tables.quality import measure_table

                say(f"{table.name}: its model next to the baselines ...")
                query = table.options[1] if table.options[:1] == ("--query",) else ""
                location = table.location(_made_up(folder), options.data)
                document["quality"] = measure_table(location, table.target, query, options.seeds)
                path.write_text(json.dumps(document, indent=1) + "\n")
        paths = [done / f"{table.name}.json" for table in TABLES]
        documents = [json.loads(path.read_text()) for path in paths if path.exists()]
    if options.write:
        facts = {"machine": describe(), "date": datetime.now(UTC).strftime("%Y-%m-%d"), "tables": documents}
        (RESULTS / "tables.json").write_text(json.dumps(facts, indent=1) + "\n")
        (RESULTS / "tables.md").write_text(markdown(facts))
    failed = [document["table"] for document in documents if document["failed"]]
    say(f"{len(documents)} tables, {len(failed)} failed{': ' if failed else ''}{', '.join(failed)}")
    return 1 if failed else 0


def _made_up(folder: Path) -> Path:
    """The folder of made-up tables."""
    tables = folder / "tables"
    tables.mkdir(exist_ok=True)
    return tables


def run(table: Table, location: str, folder: Path) -> dict[str, Any]:
    """Run one table's whole life; the output of the commands is kept next to the results."""
    lifecycle = Lifecycle(table.name, folder / "projects", folder / "home")
    lifecycle.output = folder / "results" / f"{table.name}.txt"
    lifecycle.output.unlink(missing_ok=True)
    return lifecycle.run(location, table.target, table.options, grows=table.grows).document()


def summary(document: dict[str, Any]) -> str:
    """Sum up a table in one line."""
    took = ", ".join(f"{name} {step['seconds']:g}" for name, step in document["steps"].items())
    return f"{document['table']}: {document['failed'] or 'works'} ({document['engine']}; {took} s) {document['page']}"


def say(text: str) -> None:
    """Report progress on standard error."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
