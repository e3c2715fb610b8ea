"""A Dockerfile's instructions, each with its line and the stage that it belongs to."""

from collections.abc import Iterator
from dataclasses import dataclass

from seatrial.ci.doctor.shell import Call, calls
from seatrial.ci.doctor.tree import Tree


@dataclass(frozen=True)
class Instruction:
    """One instruction; `last` where it is of the stage that becomes the image."""

    word: str
    text: str
    line: int
    last: bool


def dockerfiles(tree: Tree) -> list[str]:
    """The files of a project that an image is built from."""
    names = [path.rpartition("/")[2] for path in tree.files]
    return [
        path for path, name in zip(tree.files, names, strict=True) if "Dockerfile" in name or name == "Containerfile"
    ]


def instructions(tree: Tree, path: str) -> list[Instruction]:
    """Read the instructions of a file; comments within continued lines are left out, as Docker does."""
    found: list[tuple[str, str, int]] = []
    begun, first = "", 0
    for number, line in tree.lines(path):
        if line.lstrip().startswith("#") or (not line.strip() and not begun):
            continue
        first = first if begun else number
        if line.rstrip().endswith("\\"):
            begun += line.rstrip()[:-1] + " "
            continue
        word, _, text = (begun + line).strip().partition(" ")
        found.append((word.upper(), text.strip(), first))
        begun = ""
    stages = [line for word, _, line in found if word == "FROM"]
    last = stages[-1] if stages else 0
    return [Instruction(word, text, line, line >= last) for word, text, line in found]


def run_calls(tree: Tree, path: str) -> Iterator[Call]:
    """What RUN calls, without its own --mount and --network options."""
    for each in instructions(tree, path):
        if each.word == "RUN":
            words = each.text.split(" ")
            while words and (words[0].startswith("--") or not words[0]):
                words = words[1:]
            yield from calls(" ".join(words), each.line)
