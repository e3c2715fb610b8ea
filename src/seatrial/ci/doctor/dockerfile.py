"""A Dockerfile's instructions, each with its line and the stage that it belongs to."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from seatrial.ci.doctor.shell import Call, Shell, calls
from seatrial.ci.doctor.tree import Tree


@dataclass(frozen=True)
class Instruction:
    """One instruction; `last` where it is of the stage that becomes the image, `body` what a here-document gives it."""

    word: str
    text: str
    line: int
    last: bool
    body: str = ""


def dockerfiles(tree: Tree) -> list[str]:
    """The files of a project that an image is built from."""
    names = [path.rpartition("/")[2] for path in tree.files]
    return [
        path for path, name in zip(tree.files, names, strict=True) if "Dockerfile" in name or name == "Containerfile"
    ]


def instructions(tree: Tree, path: str) -> list[Instruction]:
    """Read the instructions of a file; comments within continued lines are left out, as Docker does."""
    found: list[tuple[str, str, int, str]] = []
    begun, first, ends = "", 0, list[str]()
    body: list[str] = []
    for number, line in tree.lines(path):
        if ends:
            if line.strip() == ends[0]:
                ends.pop(0)
            else:
                body.append(line)
            if not ends:
                word, text, at, _ = found.pop()
                found.append((word, text, at, "\n".join(body)))
            continue
        if line.lstrip().startswith("#") or (not line.strip() and not begun):
            continue
        first = first if begun else number
        if line.rstrip().endswith("\\"):
            begun += line.rstrip()[:-1] + " "
            continue
        word, _, text = (begun + line).strip().partition(" ")
        found.append((word.upper(), text.strip(), first, ""))
        begun, body = "", []
        if word.upper() in ("RUN", "COPY", "ADD"):
            ends = [name for _, name in re.findall(r"<<-?(['\"]?)([A-Za-z_]\w*)\1", text)]
    stages = [line for word, _, line, _ in found if word == "FROM"]
    last = stages[-1] if stages else 0
    return [Instruction(word, text, line, line >= last, body) for word, text, line, body in found]


def run_calls(tree: Tree, path: str) -> Iterator[Call]:
    """What RUN calls, without its own --mount and --network options."""
    for each in instructions(tree, path):
        if each.word == "RUN":
            words = each.text.split(" ")
            while words and (words[0].startswith("--") or not words[0]):
                words = words[1:]
            text = _as_shell(" ".join(words))
            pieces = [(each.line + 1, each.body)] if each.body and text.startswith("<<") else [(each.line, text)]
            yield from calls(pieces, shell=Shell(errexit=False, pipefail=False), folder=None)


def _as_shell(text: str) -> str:
    """`["pip", "install", "x"]` as a shell would be told it."""
    if text.startswith("["):
        try:
            return shlex.join(str(word) for word in json.loads(text))
        except (ValueError, TypeError):
            return text
    return text
