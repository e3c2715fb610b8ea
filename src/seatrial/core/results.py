"""Standard output is for results: what project code prints meanwhile goes to standard error."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


@contextmanager
def results() -> Iterator[TextIO]:
    """Yield the stream for results; within the block, everything else that is printed goes to standard error.

    That includes what C code and child processes write to descriptor 1. In a notebook and in tests, where standard
    output is not the descriptor, only Python's own output is redirected.
    """
    printed = sys.stdout
    descriptor = _descriptor(printed)
    if descriptor is None:
        sys.stdout = sys.stderr
        try:
            yield printed
        finally:
            sys.stdout = printed
        return
    printed.flush()
    kept = os.dup(descriptor)
    os.dup2(2, descriptor)
    sys.stdout = sys.stderr
    try:
        with open(kept, "w", encoding="utf-8", errors="surrogateescape", newline="", closefd=False) as stream:
            yield stream
    finally:
        sys.stdout = printed
        os.dup2(kept, descriptor)
        os.close(kept)


def _descriptor(stream: TextIO) -> int | None:
    try:
        return 1 if stream.fileno() == 1 and sys.stderr.fileno() == 2 else None
    except (AttributeError, OSError, ValueError):
        return None
