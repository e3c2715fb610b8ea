"""Renders the template by copier, into a folder that appears whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.core.processes import is_running

TEMPLATE = Path(__file__).parent / "project"
ANSWERS = ".copier-answers.yml"
# A name for what is not finished: beside the target, so that moving it there is one step of the file system.
UNFINISHED = ".seatrial-new-"


def render(answers: Mapping[str, Any], folder: Path, *, template: Path = TEMPLATE) -> None:
    """Fill the template with `answers` (see Facts) into a folder; files that are there are written over."""
    from copier import Settings, run_copy

    run_copy(
        str(template),
        folder,
        {key: _given(value) for key, value in answers.items()},
        defaults=True,
        overwrite=True,
        quiet=True,
        settings=Settings(),  # not the user's own for copier, which might answer otherwise
    )


def _given(value: Any) -> Any:
    """Lists and dictionaries as JSON, as a copier question of that type takes them."""
    import json

    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def check_free(target: Path) -> None:
    """Raise SeatrialError unless a project can be made at `target`: nothing there, or an empty folder."""
    if target.is_dir():
        try:
            first = next(iter(sorted(p.name for p in target.iterdir())), None)
        except OSError as error:
            raise SeatrialError(f"{target} cannot be read: {error.strerror}.") from None
        if first is not None:
            raise SeatrialError(
                f"{target} is there already, and not empty: it holds {first}.",
                hint="Choose another name, or `seatrial adopt` to make a project of what is there.",
            )
    elif target.exists() or target.is_symlink():
        raise SeatrialError(f"{target} is there already, and is no folder.", hint="Choose another name.")


@contextmanager
def unfinished(target: Path) -> Iterator[Path]:
    """Give a temporary folder beside `target`, which becomes `target` when the block ends well.

    Whatever goes wrong leaves nothing; what a killed process left is swept away by the next one.
    """
    check_free(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target.parent)
        temporary = Path(tempfile.mkdtemp(prefix=f"{UNFINISHED}{os.getpid()}-", dir=target.parent))
    except OSError as error:
        raise SeatrialError(f"{target.parent} cannot be written to: {error.strerror}.") from None
    folder = temporary / target.name
    try:
        folder.mkdir()
        yield folder
        check_free(target)
        if target.is_dir():
            target.rmdir()
        try:
            folder.replace(target)
        except OSError as error:
            raise SeatrialError(f"{target} cannot be made: {error.strerror}.") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _sweep(parent: Path) -> None:
    """Remove what killed processes left: their number is in the name, and nobody has it now."""
    for left in parent.glob(f"{UNFINISHED}*"):
        with suppress(ValueError, OSError):
            pid = int(left.name.removeprefix(UNFINISHED).split("-")[0])
            if not is_running(pid):
                shutil.rmtree(left, ignore_errors=True)


def files_of(folder: Path) -> dict[str, bytes]:
    """All files beneath a folder by their path in it."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
