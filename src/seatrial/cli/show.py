"""What the commands print: progress and errors on standard error, results on standard output."""

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from seatrial.core.index_settings import IndexSettings

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def error(message: str, hint: str = "") -> None:
    """Say what is wrong, and what to do next."""
    err.print(f"[bold red]error:[/] {escape(message)}")
    if hint:
        err.print(f"[bold]hint:[/] {escape(hint)}")


def traceback() -> None:
    """Print where the current exception came from, without the values of variables."""
    err.print_exception(show_locals=False)


def say(text: str) -> None:
    """Tell people what happens; never part of a command's result."""
    err.print(escape(text))


def result(document: Any) -> None:
    """Print a command's result for a script."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n")


@contextmanager
def steps(quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """Show the step at work: on a terminal with its running time, elsewhere a line for each step that took a while."""
    if quiet:
        yield lambda _: None
        return
    current: list[tuple[str, float]] = []

    def finish() -> None:
        if current:
            text, started = current.pop()
            seconds = time.perf_counter() - started
            if seconds >= 0.05:
                err.print(f"  [green]✓[/] {escape(text)} [dim]{seconds:.1f} s[/]")

    with err.status("starting", spinner="dots", spinner_style="blue") as status:

        def step(text: str) -> None:
            if current and current[0][0].split()[0] == text.split(maxsplit=1)[0]:
                current[0] = (text, current[0][1])  # the same step, further on
            else:
                finish()
                current.append((text, time.perf_counter()))
            status.update(f"{escape(text)} …")

        yield step
        finish()


def table(
    title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = (), to: Console = out
) -> None:
    """Print a table; the columns at the positions `right` are numbers."""
    grid = Table(title=title or None, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for position, heading in enumerate(headings):
        grid.add_column(heading, justify="right" if position in right else "left", header_style="dim")
    for row in rows:
        grid.add_row(*(Text(cell) for cell in row))
    to.print(grid)


def size(count: int) -> str:
    """Write a number of bytes for people."""
    return f"{count / 2**20:.1f} MB" if count >= 2**20 else f"{count / 1024:.0f} kB"


def index(where: "IndexSettings") -> str:
    """Write where an index is."""
    return place(where.folder) if where.folder else where.url


def place(path: Path) -> str:
    """Write a path as short as it can be: from the folder one is in, where it lies below it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
