"""Compiled modules of a new environment, taken from the Python that runs this.

Python compiles numpy, onnxruntime and pydantic anew in each environment, which takes seconds before a release answers.
The running Python has mostly compiled the same files; what was compiled from the same bytes is copied.
"""

import os
import sys
import sysconfig
from importlib.util import MAGIC_NUMBER
from pathlib import Path

HEADER = 16  # bytes: magic number, flags, and the time and size of the source


def copy_compiled(site: Path) -> int:
    """Copy compiled modules into an environment's folder of packages; returns how many."""
    own = Path(sysconfig.get_path("purelib"))
    toolkit = Path(__file__).parents[1]  # elsewhere, if it is installed as a link to its checkout
    copied = 0
    for name, folders, files in os.walk(site):
        folders[:] = [each for each in folders if each != "__pycache__"]
        folder = Path(name)
        inside = folder.relative_to(site)
        same = toolkit.parent / inside if inside.parts[:1] == (toolkit.name,) else own / inside
        if (same / "__pycache__").is_dir():
            copied += sum(_copy(same / file, folder / file) for file in files if file.endswith(".py"))
    return copied


def is_compiled(site: Path, package: str) -> bool:
    """Whether a package was compiled here, and with it what its import needs."""
    return _compiled(site / package / "__init__.py").is_file()


def _copy(source: Path, target: Path) -> bool:
    """Copy what was compiled from `source`, if `target` has the same bytes; it names the time of its own source."""
    place = _compiled(target)
    try:
        content, status, ours = _compiled(source).read_bytes(), source.stat(), target.stat()
    except OSError:
        return False  # it was never imported, or is another version's
    if content[:HEADER] != _header(status) or os.path.lexists(place):
        return False  # what a package brought itself may be linked to the installer's cache
    if not os.path.samestat(status, ours) and source.read_bytes() != target.read_bytes():
        return False
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(_header(ours) + content[HEADER:])
    return True


def _compiled(source: Path) -> Path:
    """Where Python keeps what it compiled, next to the source; isolated processes ignore $PYTHONPYCACHEPREFIX."""
    return source.parent / "__pycache__" / f"{source.stem}.{sys.implementation.cache_tag}.pyc"


def _header(source: os.stat_result) -> bytes:
    """The first bytes of what this Python compiles from a source."""
    numbers = (0, int(source.st_mtime) & 0xFFFFFFFF, source.st_size & 0xFFFFFFFF)
    return MAGIC_NUMBER + b"".join(number.to_bytes(4, "little") for number in numbers)
