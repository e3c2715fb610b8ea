"""The doctor: looks at a project's files, without running any, for what lets bad releases through.

In: a folder. Out: findings, each with its place and how to mend it. A check is a function of the Tree that yields
findings; it is found in the CHECKS of its module.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.ci.doctor.findings import Finding as Finding

if TYPE_CHECKING:
    from seatrial.ci.doctor.tree import Tree

__all__ = ["Finding", "examine"]


def examine(folder: Path) -> list[Finding]:
    """Every finding in a folder, by file and line; what cannot be read is one, too."""
    from seatrial.ci.doctor import gates, indexes, installs, itself, pipelines, ports, reach, secrets, steps, versions
    from seatrial.ci.doctor.tree import Tree

    tree = Tree(folder.resolve())
    modules = (pipelines, reach, gates, steps, installs, indexes, itself, ports, secrets, versions)
    found = {finding for module in modules for check in module.CHECKS for finding in check(tree)}
    return sorted(finding for finding in found if not _excepted(tree, finding))


def _excepted(tree: "Tree", finding: Finding) -> bool:
    """Whether the line itself says, for people to read, that this fault is none: `doctor: ignore[secret]`."""
    lines = tree.text(finding.path).splitlines()
    return finding.line <= len(lines) and f"doctor: ignore[{finding.check}]" in lines[finding.line - 1]
