"""The instructions of a Dockerfile, and lines that a backslash continues."""

import re
from collections.abc import Iterator

from seatrial.ci.doctor.shell_lines import HERE_DOCUMENT, Command, commands
from seatrial.ci.doctor.tree import Tree


def dockerfiles(tree: Tree) -> list[str]:
    """The files that images are built from."""
    return [path for path in tree.files if re.search(r"Dockerfile[^/]*$|(^|/)Containerfile$", path)]


def joined(text: str) -> Iterator[tuple[int, str]]:
    """Lines, with those that end in a backslash continued; comments are left out, as Docker and pip do."""
    pending, first = "", 1
    for number, line in enumerate([*text.splitlines(), ""], 1):
        if line.lstrip().startswith("#"):
            continue
        first, pending = (first if pending else number), pending + line.rstrip().removesuffix("\\") + " "
        if not line.rstrip().endswith("\\"):
            yield first, pending.strip()
            pending = ""


def instructions(tree: Tree, path: str) -> list[tuple[int, str, str]]:
    """The instructions of a file as line, word and the rest; here-documents are left out."""
    text = HERE_DOCUMENT.sub(lambda part: part[1] + "\n" * part[0].count("\n"), tree.text(path))
    parts = [(number, *line.partition(" ")[::2]) for number, line in joined(text) if line]
    return [(number, word.upper(), rest.strip()) for number, word, rest in parts]


def image_commands(tree: Tree, path: str) -> Iterator[Command]:
    """What RUN runs, without its own options; `["pip", "install"]` is read as its words."""
    for number, word, text in instructions(tree, path):
        command = re.sub(r"^(--\S+\s+)+", "", text)
        command = re.sub(r"[\[\]\",]+", " ", command) if command.startswith("[") else command
        yield from commands(command, number) if word == "RUN" else ()
