"""Exit codes of commands whose result is one: an error must not look like a result."""

from collections.abc import Iterator
from contextlib import contextmanager

from seatrial.core.errors import UsageError


@contextmanager
def errors_exit(code: int) -> Iterator[None]:
    """Give errors this exit code, except those of usage: 1 is a result, and a scheduler must tell the two apart."""
    try:
        yield
    except UsageError:
        raise
    except Exception as error:
        error.exit_code = code  # type: ignore[attr-defined]
        raise
