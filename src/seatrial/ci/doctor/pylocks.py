"""A pylock.toml below deploy/ that installs something else than the requirements next to it."""

import re
from collections.abc import Iterator

from seatrial.ci.doctor import Advice
from seatrial.ci.doctor.tree import Tree
from seatrial.core.errors import SeatrialError
from seatrial.wheels.lockfile import read_lockfile
from seatrial.wheels.pylock import differences

HINT = "Do not edit it by hand. `seatrial deploy` writes it from the requirements; or delete it."


def check(tree: Tree) -> Iterator[Advice]:
    """Each pylock.toml of a deployment, compared with its requirements.txt."""
    for path in [each for each in tree.files if re.search(r"(^|/)deploy/(.*/)?pylock\.toml$", each)]:
        requirements = path.replace("pylock.toml", "requirements.txt")
        try:
            lockfile = read_lockfile(tree.text(requirements), requirements)
        except SeatrialError:
            message = "The requirements.txt that it was written from is missing or damaged."
            yield Advice(path, 1, "stale-pylock", message, HINT)
            continue
        if found := differences(tree.text(path), lockfile):
            more = f" And {len(found) - 1} more." if len(found) > 1 else ""
            line = next((n for n, text in tree.lines(path) if _name(found[0]) in text), 1)
            yield Advice(path, line, "stale-pylock", f"It differs from requirements.txt: {found[0]}.{more}", HINT)


def _name(difference: str) -> str:
    """The line that names the package of a difference, as pylock.toml has it."""
    found = re.search(r"\b(?:has|lacks|files of) (\S+) ", difference)
    return f'name = "{found[1]}"' if found else "lock-version"
