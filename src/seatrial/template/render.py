"""Renders the template with copier, into a folder that appears complete or not at all."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.core.files import temporary_for
from seatrial.core.project import in_project

TEMPLATE = Path(__file__).parent / "project"
ANSWERS = ".copier-answers.yml"


def render(answers: Mapping[str, Any], folder: Path, *, template: Path = TEMPLATE) -> None:
    """Render the template with `answers` (copier.yml lists them) into a folder; existing files are overwritten."""
    from copier import Settings, run_copy

    run_copy(
        str(template),
        folder,
        # copier accepts lists and dictionaries as JSON
        {k: json.dumps(v, ensure_ascii=False) if isinstance(v, list | dict) else v for k, v in answers.items()},
        defaults=True,
        overwrite=True,
        quiet=True,
        unsafe=True,  # the template is this package's, and names an extension of this package's
        settings=Settings(),  # instead of the user's copier settings, which could change answers
    )


def check_free(target: Path) -> None:
    """Raise SeatrialError unless `target` does not exist or is an empty folder, and is not in a project."""
    if in_project(target.parent):
        raise SeatrialError(
            f"{target.parent} is in a Seatrial project, and a new one belongs beside it.",
            hint="Change to the folder that contains the project.",
        )
    if target.is_dir():
        try:
            first = next(iter(sorted(p.name for p in target.iterdir())), None)
        except OSError as error:
            raise SeatrialError(f"{target} cannot be read: {error.strerror}.") from None
        if first is not None:
            raise SeatrialError(
                f"{target} already exists and is not empty: it contains {first}.",
                hint="Choose another name, or turn what is there into a project with `seatrial adopt`.",
            )
    elif target.exists() or target.is_symlink():
        raise SeatrialError(f"{target} already exists and is not a folder.", hint="Choose another name.")


@contextmanager
def unfinished(target: Path) -> Iterator[Path]:
    """Yield a temporary folder next to `target`, which becomes `target` if the block succeeds.

    A failure leaves nothing behind; what a killed process left is removed by the next one.
    """
    check_free(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_for(target)
        temporary.mkdir()
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
            raise SeatrialError(f"{target} cannot be created: {error.strerror}.") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def files_of(folder: Path) -> dict[str, bytes]:
    """The contents of all files in a folder, by their relative paths."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
