"""The file by which a running server registers itself, so that commands find it."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from loguru import logger

from seatrial.core.files import write_atomic

REGISTRY = "SEATRIAL_SERVED_DIR"  # the folder in which running servers register themselves, if it is set


class RegistryEntry:
    """A file that exists while this server accepts connections, if there is a folder for it."""

    def __init__(self, content: dict[str, Any]) -> None:
        folder = os.environ.get(REGISTRY)
        self._path = Path(folder) / f"{content['pid']}.json" if folder else None
        self._content = content

    def write(self) -> None:
        """Write the file."""
        try:
            if self._path:
                write_atomic(self._path, json.dumps(self._content))
        except OSError as error:
            logger.warning("cannot register this server as running: {}", error)

    def remove(self) -> None:
        """Remove it, if it is there."""
        with suppress(OSError):
            if self._path:
                self._path.unlink()

    @contextmanager
    def removed_at_exit(self) -> Iterator[None]:
        """Remove the file in the end, whatever happens."""
        try:
            yield
        finally:
            self.remove()
