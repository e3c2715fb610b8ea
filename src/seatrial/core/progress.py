"""The one callback by which a step reports what it is doing: it is called with a short line of text."""

from collections.abc import Callable

Progress = Callable[[str], None]


def silent(_: str) -> None:
    """Report nothing."""
