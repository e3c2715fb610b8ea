"""The entry points of a wheel, read the same way by everybody.

Readers differ in indented lines, comments and separators, so that one could see a command that another one does not.
"""

import re

LIMIT = 256 * 2**10
GROUP = re.compile(r"\[[A-Za-z0-9_.:-]+\]")
ENTRY = re.compile(r"([^\s=:;#\[\]](?:[^=:\[\]]*[^\s=:\[\]])?)\s*=\s*(\S.*)")

EntryPoints = dict[str, dict[str, str]]


def read_entry_points(content: bytes) -> EntryPoints:
    """Read entry_points.txt: {group: {name: object}}.

    Raises ValueError, with the name of the file, where a line is not a plain group, entry or comment.
    """
    if len(content) > LIMIT:
        raise ValueError(f"its entry_points.txt is over {LIMIT >> 10} KiB")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("its entry_points.txt cannot be read: it is not UTF-8") from None
    groups: EntryPoints = {}
    group: dict[str, str] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        entry = ENTRY.fullmatch(line.rstrip())
        if GROUP.fullmatch(line.rstrip()):
            name = line.strip()[1:-1]
            if name in groups:
                raise ValueError(f"its entry_points.txt cannot be read: line {number} repeats a group")
            group = groups.setdefault(name, {})
        elif group is None or entry is None or entry[1] in group:
            raise ValueError(f"its entry_points.txt cannot be read: line {number}")
        else:
            group[entry[1]] = entry[2]
    return groups
