"""Shows progress: a spinner on a terminal, and everywhere a line for each step that took a while."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from seatrial.core.progress import Progress, silent

if TYPE_CHECKING:
    from rich.console import Console

QUICK = 0.05  # seconds; steps that take less are not reported


def default_console() -> "Console":
    """Return a console on standard error; in a notebook on its output, as plain text and without widgets."""
    from rich.console import Console

    if "ipykernel" in sys.modules:  # its stdout claims to be a terminal, but is not
        return Console(file=sys.stdout, force_jupyter=False, force_terminal=False, highlight=False, soft_wrap=True)
    return Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def show_progress(console: "Console | None" = None, *, quiet: bool = False) -> Iterator[Progress]:
    """Yield a callback that shows what is being done, with the time that each step took."""
    if quiet:
        yield silent
        return
    from rich.markup import escape

    console = console or default_console()
    current: list[tuple[str, float]] = []

    def finish() -> None:
        if current:
            text, started = current.pop()
            seconds = time.perf_counter() - started
            if seconds >= QUICK:
                console.print(f"  [green]✓[/] {escape(text)} [dim]{seconds:.1f} s[/]")

    with console.status("starting", spinner="dots", spinner_style="blue") as status:

        def report(text: str) -> None:
            if current and current[0][0].split()[0] == text.split(maxsplit=1)[0]:
                current[0] = (text, current[0][1])  # the same step, with a new figure
            else:
                finish()
                current.append((text, time.perf_counter()))
            status.update(f"{escape(text)} …")

        yield report
        finish()
