"""The files that a table is read from on an engine: which there are, in which groups they are read, how they are."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from seatrial.core.errors import SeatrialError, UsageError
from seatrial.engines.output_parts import file_system, in_words
from seatrial.stores.shown_urls import shown_url

WITH_SERVER = ("abfs", "abfss", "hdfs")  # URLs with an account or a server: CONTAINER@ACCOUNT, HOST:PORT
GROUP = 256  # input files that are read and committed together


def grouped(
    files: Sequence[str], read: Callable[[list[str]], Any], size: int = GROUP
) -> Iterator[tuple[list[str], Any]]:
    """Read input files in groups; an interrupted job repeats one of them."""
    if not files:
        raise UsageError("There are no input files.", hint="Check the folder's name, and that its files are Parquet.")
    for start in range(0, len(files), size):
        group = list(files[start : start + size])
        yield group, read(group)


def input_folder(folder: str) -> str:
    """A folder's or a file's whole path or URL, as `input_files` begins its names."""
    with in_words(folder, "read"):
        system, root = file_system(folder)
    if system.type_name == "local" or "://" not in folder:
        return root
    parts = urlsplit(folder)
    if parts.scheme in WITH_SERVER:  # whose paths say nothing of where they are
        return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
    return f"{parts.scheme}://{root}"


def input_files(folder: str) -> list[str]:
    """The Parquet files in a folder or at a URL, in all folders within it, in order; hidden ones do not count.

    Raises SeatrialError where not all of them have the same columns in the names of their folders, as in `day=1`.
    """
    from pyarrow.fs import FileSelector, FileType

    whole = input_folder(folder)
    with in_words(folder, "read"):
        system, root = file_system(folder)
        if system.get_file_info(root).type == FileType.File:
            return [whole]
        found = system.get_file_info(FileSelector(root, recursive=True, allow_not_found=True))
    names = [each.path for each in found if each.type == FileType.File and each.path.endswith((".parquet", ".pq"))]
    inner = sorted(name for each in names if not _hidden(name := each[len(root) :]))
    columns = {_folder_columns(name): name for name in reversed(inner)}
    if len(columns) > 1:
        *_, (second, other), (first, one) = columns.items()
        shown = [", ".join(each) or "none" for each in (first, second)]
        raise SeatrialError(
            f"The files have different partitions: {one[1:]} has {shown[0]}, and {other[1:]} has {shown[1]}.",
            hint="Predict them one after the other.",
        )
    return [whole + name for name in inner]


def _folder_columns(path: str) -> tuple[str, ...]:
    return tuple(folder.partition("=")[0] for folder in path.split("/")[:-1] if "=" in folder.strip("="))


def _hidden(path: str) -> bool:
    return any(part.startswith(("_", ".")) for part in path.strip("/").split("/"))


def states_of(files: Sequence[str]) -> dict[str, str]:
    """The size and the time of each file, which change with its content; nothing for what is not a file."""
    from pyarrow.fs import FileType

    if not files:
        return {}
    with in_words(files[0], "read"):
        system, _ = file_system(files[0])
        found = system.get_file_info([file_system(name)[1] for name in files])
    states = zip(files, found, strict=True)
    return {name: f"{each.size} {each.mtime_ns}" for name, each in states if each.type == FileType.File}


def check_apart(source: str, output: str) -> None:
    """Raise SeatrialError where predictions would be in the folder of the input files, and so be some of them."""
    whole, inner = (f"{input_folder(folder).rstrip('/')}/" for folder in (source, output))
    if inner.startswith(whole) and not _hidden(inner[len(whole) :]):
        raise SeatrialError(
            f"{shown_url(output)} is in the folder of input files {shown_url(source)}: the next job would read it.",
            hint="Name a folder outside of it.",
        )
