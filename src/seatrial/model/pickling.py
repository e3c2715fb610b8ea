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

CODE = ("schema.py", "features.py")  # of the package, beside __init__.py


def fingerprint(artifacts: Path) -> str:
    """The SHA-256 of the files that predictions depend on: schema, feature functions, metadata and model."""
    digest = hashlib.sha256()
    for path in (*(artifacts.parent / name for name in CODE), *map(artifacts.joinpath, _MODEL)):
        content = path.read_bytes() if path.is_file() else b""
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


_MODEL = (METADATA_FILE, GRAPH_FILE, NATIVE_FILE)


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
