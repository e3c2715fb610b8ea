"""Keeps a project's code out of the process that judges it.

Python starts with folders on its path that a project may fill: the current one with `python -m`, and those in
PYTHONPATH. A package named `scipy` there would be imported by the judge in place of the real one.
"""

import os
import sys
from pathlib import Path

_ran: set[str] = set()  # the roots of the projects whose code was imported in this process


def move_behind_libraries() -> None:
    """Look for modules in the installed libraries first; in the current folder and in PYTHONPATH last."""
    library = str(Path(os.__file__).parent)
    if library not in sys.path:
        return
    place = next(n for n, entry in enumerate(sys.path) if entry == library or entry.endswith(".zip"))
    sys.path[:] = [*sys.path[place:], *sys.path[:place]]


def note_import(root: Path) -> None:
    """Note that the code of the project at `root` is imported in this process."""
    _ran.add(str(root))


def loaded_from(root: Path) -> list[str]:
    """What code of a project this process has run: its modules that are loaded, and its package, if it was trained.

    Libraries in an environment that is in the project's folder are not the project's code.
    """
    base, environments = str(root.resolve()) + os.sep, (sys.prefix + os.sep, sys.base_prefix + os.sep)
    own = str(Path(__file__).parents[1]) + os.sep
    names = set()
    for name, module in list(sys.modules.items()):
        file = str(getattr(module, "__file__", None) or "")
        if file.startswith(base) and not file.startswith((*environments, own)):
            names.add(name.partition(".")[0])
    return sorted(names | ({"the package"} if str(root) in _ran else set()))
