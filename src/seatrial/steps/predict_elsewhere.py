"""What `predict` reads and writes that is not on this machine: downloaded before, uploaded after, each whole."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

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
        names = {path: shown_url(word).rstrip("/") for word, path in paths.items()}
        yield [_named(each, names) for each in find_inputs([str(paths.get(word, word)) for word in words])]


def _named(each: TableInput, names: Mapping[Path, str]) -> TableInput:
    """The input under the name of its URL, with the partitions that the URL has, not the temporary folder."""
    root = next((path for path in (each.path, *each.path.parents) if path in names), None)
    if root is None:
        return each
    below = each.path.relative_to(root).as_posix()
    return replace(each, name=names[root] if below == "." else f"{names[root]}/{below}")


@contextmanager
def output_here(
    output: str | Path | None, on_bad_rows: str, progress: Progress, *, resume: bool = False
) -> Iterator[Path | None]:
    """Yield the path to write to; a file for a URL is uploaded at the end, a table of a database written from it."""
    if output is None or not (is_url(output) or is_database(output)):
        yield None if output is None else Path(output)
        return
    shown = shown_url(str(output))
    folder = is_url(output) and not Path(shown).suffix
    if on_bad_rows == "quarantine" and not folder:
        raise UsageError(
            f"Bad rows get a table of their own, for which {shown} has no place.",
            hint="Use --on-bad-rows drop or keep, or name a folder: s3://bucket/predictions/.",
        )
    if resume:
        raise UsageError(f"A run into {shown} cannot be resumed.", hint="Write into a folder here, and upload that.")
    output = output if not folder or shown.endswith("/") else _with_slash(str(output))
    with open_target(output, progress) as path:
        yield path


def _with_slash(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(path=f"{parts.path}/").geturl()
