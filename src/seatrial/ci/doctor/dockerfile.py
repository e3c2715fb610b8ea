"""The instructions of a Dockerfile, and lines that a backslash continues."""

import re
from collections.abc import Iterator

from seatrial.ci.doctor.shell_lines import HERE_DOCUMENT, Command, commands, without_text
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
    lines = joined(HERE_DOCUMENT.sub(without_text, tree.text(path)))
    parts = [(number, *line.partition(" ")[::2]) for number, line in lines if line]
    return [(number, word.upper(), rest.strip()) for number, word, rest in parts]


def image_commands(tree: Tree, path: str) -> Iterator[Command]:
    """What RUN runs, without its own options; `["pip", "install"]` is read as its words."""
    for number, text in [(number, text) for number, word, text in instructions(tree, path) if word == "RUN"]:
        command = re.sub(r"^(--\S+\s+)+", "", text)
        yield from commands(re.sub(r"[\[\]\",]+", " ", command) if command.startswith("[") else command, number)
