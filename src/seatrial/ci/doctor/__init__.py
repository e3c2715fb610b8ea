"""The doctor: reads a project's files, runs none of them, and reports what would let a bad release through.

In: a folder. Out: findings. Pipeline files that are as Seatrial renders them are known; others are read by their
structure, and what is not understood is reported as not checked. A check is a function of the Tree.
"""

from dataclasses import dataclass
from pathlib import Path

NOT_CHECKED = "not-checked"


@dataclass(frozen=True, order=True)
class Advice:
    """One fault. `path` is relative to the project, `line` counts from 1, `check` is the short name of the check."""

    path: str
    line: int
    check: str
    message: str
    hint: str = ""

    @property
    def is_fault(self) -> bool:
        """Whether something is wrong; otherwise it says what could not be checked."""
        return self.check != NOT_CHECKED


def examine(folder: Path) -> list[Advice]:
    """Run every check on a folder, and the linters that are installed; findings by file and line."""
    from seatrial.ci.doctor import (
        base_images,
        ignored_files,
        installs,
        linters,
        log_folders,
        model_libraries,
        own_names,
        pipelines,
        ports,
        pylocks,
        release_gates,
        secrets,
        unknown_settings,
        versions,
    )
    from seatrial.ci.doctor.tree import Tree

    tree = Tree(folder.resolve())
    modules = (
        base_images,
        pipelines,
        release_gates,
        installs,
        own_names,
        pylocks,
        ports,
        secrets,
        log_folders,
        model_libraries,
        ignored_files,
        unknown_settings,
        versions,
        linters,
    )
    findings = {finding for module in modules for finding in module.check(tree)}
    ignored = {f for f in findings if f"doctor: ignore[{f.check}]" in dict(tree.lines(f.path)).get(f.line, "")}
    return sorted(findings - ignored)
