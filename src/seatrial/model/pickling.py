"""Sends a release to another process as its package, version and hash; the other process must have the same files."""

import hashlib
import importlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.model.engines import GRAPH_FILE, NATIVE_FILE
from seatrial.model.metadata import METADATA_FILE

MODEL = (METADATA_FILE, GRAPH_FILE, NATIVE_FILE)


def fingerprint(artifacts: Path) -> str:
    """The SHA-256 of the files that predictions depend on: the package's code, the metadata and the model."""
    package = artifacts.parent
    files = [*sorted(package.rglob("*.py")), *(path for name in MODEL if (path := artifacts / name).is_file())]
    digest = hashlib.sha256()
    for path in files:
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(package).as_posix()} {content}\n".encode())
    return digest.hexdigest()


@lru_cache(maxsize=8)
def restored(make: Callable[..., Any], package: str, version: str, digest: str, row_limit: int, threads: int) -> Any:
    """Make the release that was pickled; tasks of one process share it, and so its engine.

    Raises SeatrialError where this process has no such package, or another version or other files of it.
    """
    try:
        importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package.partition(".")[0]:
            raise
        raise SeatrialError(
            f"The package {package} {version} of a release is not installed in this process.",
            hint="Install the same wheel where the workers run, or ship it with the job.",
        ) from None
    release = make(package, row_limit=row_limit, threads=threads)
    found = fingerprint(release.artifacts)
    if (release.version, found) != (version, digest):
        raise SeatrialError(
            f"This process has another release of {package} than the one that was sent to it: "
            f"{release.version} (hash {found}), not {version} (hash {digest}).",
            hint="Install the same wheel here as where the job was started.",
        )
    return release
