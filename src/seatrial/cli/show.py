"""What the commands print: progress and errors to standard error, results to standard output."""

import json
import os
import re
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from seatrial.cli.tables import table_lines
from seatrial.core.progress import Progress
from seatrial.steps.progress import show_progress

if TYPE_CHECKING:
    from seatrial.core.index_settings import IndexSettings

UNLIMITED = 100_000  # letters


class WordConsole(Console):
    """A console that breaks the lines of a text between words on a terminal, and nowhere else."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print; an option `soft_wrap` leaves long lines to the terminal."""
        if self.is_terminal and len(objects) == 1 and isinstance(objects[0], str) and "soft_wrap" not in options:
            text = Text.from_markup(objects[0]) if options.pop("markup", True) else Text(objects[0])
            parts = text.divide(_breaks(text.plain, self.width))
            objects = (Text("\n").join(part for part in parts),)
        super().print(*objects, **options)


def _breaks(text: str, width: int) -> list[int]:
    """Where to break a text, so that lines are at most `width` wide where their words are."""
    places, start = [], 0
    for word in re.finditer(r"[^ \n]+", text):
        newline = text.rfind("\n", start, word.start())
        start = newline + 1 if newline >= 0 else start
        if cell_len(text[start : word.end()]) > width and text[start : word.start()].strip():
            start = word.start()
            places.append(start)
    return places


class NoteConsole(WordConsole):
    """A console for notes to people: whether they can be written, as on a full disk, does not change what is done."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print, if that is possible."""
        with suppress(OSError):
            super().print(*objects, **options)

    def on_broken_pipe(self) -> None:
        """Go on without a reader."""
        self.quiet = True


out = WordConsole(highlight=False, soft_wrap=True)
err = NoteConsole(stderr=True, highlight=False, soft_wrap=True)


def error(message: str, hint: str = "") -> None:
    """Print what is wrong, and what to do next."""
    err.print(f"[bold red]error:[/] {escape(message)}")
    if hint:
        err.print(f"[bold]hint:[/] {escape(hint)}")


def traceback() -> None:
    """Print where the current exception came from, without the values of variables."""
    err.print_exception(show_locals=False)


def info(text: str) -> None:
    """Print a note for people; it is never part of a command's result."""
    err.print(escape(text))


def next_step(command: str) -> None:
    """Print the command that usually follows, or a sentence about what has to be done, for people."""
    err.print(f"{'[dim]Next:[/] ' if command.startswith('seatrial') else ''}{escape(command)}")


def ignored(paths: Sequence[str]) -> None:
    """Print which files of a project git ignores."""
    if paths:
        more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
        info(f"Git ignores {', '.join(paths[:3])}{more}, so a clone of the repository lacks them.")
        info(f"`git check-ignore -v {paths[0]}` shows the rule; `git add --force` adds the file anyway.")


def plain(text: str) -> None:
    """Print a line of the result as it is, without interpreting brackets as markup."""
    out.print(text, markup=False)


def print_json(document: Any) -> None:
    """Print a command's result for a script."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n")


def progress(quiet: bool = False) -> AbstractContextManager[Progress]:
    """Show what is being done, on standard error."""
    return show_progress(err, quiet=quiet)


def table(
    title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = (), to: Console = out
) -> None:
    """Print a table; the columns at the positions `right` are figures, which are aligned to the right.

    It fits a terminal's width. In a file or a pipe, each row is one line.
    """
    width = to.width if to.is_terminal or "COLUMNS" in os.environ else UNLIMITED
    if title:
        to.print(Text(title, style="bold"))
    head, body = table_lines(headings, rows, width, right)
    for line in head:
        to.print(Text(line, style="dim"))
    for line in body:
        to.print(Text(line))


def file_size(count: int) -> str:
    """Format a number of bytes for people."""
    return f"{count / 2**20:.1f} MB" if count >= 2**20 else f"{count / 1024:.0f} kB"


def index_location(settings: "IndexSettings") -> str:
    """Format where an index is: its folder or its URL."""
    return short_path(settings.folder) if settings.folder else settings.url


def short_path(path: Path) -> str:
    """Format a path relative to the current folder, if it is below it."""
    current = Path.cwd()
    return str(path.relative_to(current)) if path.is_relative_to(current) else str(path)
