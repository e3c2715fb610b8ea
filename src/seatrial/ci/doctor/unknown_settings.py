"""Settings that nothing reads because they are misspelled, or that have a value that is not possible."""

import re
import tomllib
from collections.abc import Iterator

from seatrial.ci.doctor import Advice
from seatrial.ci.doctor.seatrial_projects import FILE
from seatrial.ci.doctor.tree import Tree
from seatrial.core.errors import SeatrialError
from seatrial.core.project import check_settings


def check(tree: Tree) -> Iterator[Advice]:
    """The first wrong key of [tool.seatrial], or of its split, in each pyproject.toml that has this table."""
    for path in [each for each in tree.files if each == FILE or each.endswith(f"/{FILE}")]:
        try:
            settings = tomllib.loads(tree.text(path)).get("tool", {}).get("seatrial", {})
        except (tomllib.TOMLDecodeError, AttributeError):
            continue  # other commands report it
        if not isinstance(settings, dict):
            continue
        where = tree.root / path
        try:
            check_settings(where, settings)
        except SeatrialError as error:
            message = error.message.removeprefix(f"{where}: ")
            yield Advice(path, _line(tree, path, message), "unknown-setting", message, error.hint)


def _line(tree: Tree, path: str, message: str) -> int:
    """The line of the first key that the message names, or of the table."""
    named = re.search(r"^(\[[\w.]+\])(?:.*?`(\w+)`| (\w+))", message)
    table, key = (named[1], named[2] or named[3]) if named else ("[tool.seatrial]", "")
    lines = dict(tree.lines(path))
    start = next((number for number, line in lines.items() if line.strip().startswith(table)), 1)
    found = (number for number, line in lines.items() if number > start and re.match(rf"\s*{re.escape(key)}\b", line))
    return next(found, start) if key else start
