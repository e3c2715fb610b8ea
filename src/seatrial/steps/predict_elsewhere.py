"""What `predict` reads and writes that is not on this machine: downloaded before, uploaded after, each whole."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from seatrial.core.errors import UsageError
from seatrial.core.progress import Progress
from seatrial.model.table_inputs import TableInput, find_inputs
from seatrial.stores.remote_tables import is_database, is_url, open_source, open_target
from seatrial.stores.shown_urls import shown_url


@contextmanager
def inputs_here(words: Sequence[str], query: str, progress: Progress) -> Iterator[list[TableInput]]:
    """Find the files that words name, those at URLs as downloads under their URLs' names.

    The `query` is asked of the databases among them.
    """
    if query and not any(map(is_database, words)):
        raise UsageError("--query is for a database.", hint="Name one, such as sqlite:///file.db, or remove the query.")
    with ExitStack() as stack:
        paths = {
            word: stack.enter_context(open_source(word, progress, query=query if is_database(word) else ""))
            for word in words
            if is_url(word) or is_database(word)
        }
        names = {path: shown_url(word) for word, path in paths.items()}
        found = find_inputs([str(paths.get(word, word)) for word in words])
        yield [replace(each, name=names[each.path], partitions={}) if each.path in names else each for each in found]


@contextmanager
def output_here(output: str | Path | None, on_bad_rows: str, progress: Progress) -> Iterator[Path | None]:
    """Yield the path to write to; a file for a URL is uploaded at the end, a table of a database written from it."""
    if output is None or not (is_url(output) or is_database(output)):
        yield None if output is None else Path(output)
        return
    shown = shown_url(str(output))
    if is_url(output) and not Path(shown).suffix:
        raise UsageError(f"{shown} names no file.", hint="Parts are for folders here: name a .parquet or .csv file.")
    if on_bad_rows == "quarantine":
        raise UsageError(
            f"Bad rows get a table of their own, for which {shown} has no place.",
            hint="Use --on-bad-rows drop or keep, or write to files here.",
        )
    with open_target(output, progress) as path:
        yield path
