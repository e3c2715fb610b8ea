"""The files that a command line names: one, many, a pattern, a folder with partitions, standard input."""

import glob
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import unquote

from seatrial.core.errors import SeatrialError, UsageError

STANDARD_INPUT = "-"
ENDINGS = (".csv", ".tsv", ".parquet", ".pq", ".json", ".jsonl", ".ndjson", ".arrow", ".feather", ".csv.gz", ".tsv.gz")
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"  # what Hive and Spark call the partition of missing values


@dataclass(frozen=True)
class TableInput:
    """One file. `partitions` are columns that the names of its folders have, as in `year=2026/day=1/a.parquet`."""

    path: Path
    name: str  # as a person knows it
    partitions: Mapping[str, str] = field(default_factory=dict)


def find_inputs(words: Sequence[str]) -> list[TableInput]:
    """Find the files in the order of the words, and of their names within a pattern or a folder.

    Raises SeatrialError for a word that names none, for a file that is named twice, and for a folder whose files are
    not all in the same partitions.
    """
    if STANDARD_INPUT in words and len(words) > 1:
        raise UsageError("Standard input (-) cannot be read together with files.", hint="Name one or the other.")
    found = [each for word in words for each in _of_word(word)]
    seen: dict[Path, str] = {}
    for each in found:
        if (resolved := each.path.resolve()) in seen and each.name != STANDARD_INPUT:
            raise UsageError(f"{each.name} is named twice.", hint="Each file is predicted once: name it once.")
        seen[resolved] = each.name
    columns = {tuple(each.partitions): each.name for each in reversed(found)}
    if len(columns) > 1:
        *_, (second, other), (first, one) = columns.items()
        shown = [", ".join(names) or "none" for names in (first, second)]
        raise SeatrialError(
            f"The files have different partitions: {one} has {shown[0]}, and {other} has {shown[1]}.",
            hint="Predict them one after the other.",
        )
    return found


def _of_word(word: str) -> Iterator[TableInput]:
    path = Path(word).expanduser() if word.startswith("~/") else Path(word)
    if path.is_dir():
        yield from _of_folder(path)
    elif word != STANDARD_INPUT and not path.exists() and glob.has_magic(word):
        names = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 - which takes a whole path as its pattern
        files = [Path(name) for name in names if not is_hidden(Path(name).parts) and Path(name).is_file()]
        if not files:
            raise SeatrialError(f"No file matches {word!r}.", hint="Quote the pattern, and check it with `ls`.")
        yield from (TableInput(file, str(file), _partitions(file.parts[:-1])) for file in files)
    else:
        yield TableInput(path, word, _partitions(path.parts[:-1]))


def _of_folder(folder: Path) -> Iterator[TableInput]:
    files = [file for file in sorted(folder.rglob("*")) if file.name.lower().endswith(ENDINGS) and file.is_file()]
    files = [file for file in files if not is_hidden(file.relative_to(folder).parts)]
    if not files:
        raise SeatrialError(f"{folder} contains no tables.", hint=f"Files that are read end in {', '.join(ENDINGS)}.")
    for file in files:
        yield TableInput(file, str(file), _partitions(file.parts[:-1]))


def matches_pattern(path: Path, word: str) -> bool:
    """Whether a file at `path` would be an input of a word, if that is a pattern; nothing need be there yet."""
    pattern = Path(word).expanduser() if word.startswith("~/") else Path(word)
    if pattern.exists() or not glob.has_magic(word):
        return False
    fixed = next(k for k, part in enumerate(pattern.parts) if glob.has_magic(part))
    start, file = Path(*pattern.parts[:fixed]).resolve(), path.resolve()
    if not file.is_relative_to(start) or is_hidden(below := file.relative_to(start).parts):
        return False
    return _match(below, pattern.parts[fixed:])


def _match(names: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether names of folders and a file match a pattern, in which `**` is any number of them."""
    if not pattern:
        return not names
    if pattern[0] == "**":
        return any(_match(names[skipped:], pattern[1:]) for skipped in range(len(names) + 1))
    return bool(names) and fnmatchcase(names[0], pattern[0]) and _match(names[1:], pattern[1:])


def is_hidden(parts: Sequence[str]) -> bool:
    """Whether engines would not read a file, as `_SUCCESS` and what is not complete yet."""
    return any(part.startswith(("_", ".")) and part not in (".", "..") for part in parts)


def _partitions(folders: Sequence[str]) -> dict[str, str]:
    pairs = [folder.partition("=") for folder in folders if "=" in folder.strip("=")]
    return {unquote(name): "" if value == NO_VALUE else unquote(value) for name, _, value in pairs}
