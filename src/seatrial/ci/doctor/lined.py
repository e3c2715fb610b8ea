"""YAML of which every part knows its line."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from seatrial.core.errors import SeatrialError

LARGEST = 100_000  # parts, with everything written out that aliases repeat
DEEPEST = 100


class UnreadableError(SeatrialError):
    """A text that is no YAML, or none that a person wrote; `line` is where."""

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


class Text(str):
    """A scalar, as it is written; `line` is where its text begins, counted from 1."""

    line: int = 1


class Mapping(dict[str, Any]):
    """A mapping; `line` is where it begins, `lines` where each key is."""

    line: int = 1
    lines: dict[str, int]

    def __init__(self, *content: Any) -> None:
        super().__init__(*content)
        self.lines = {}


class Sequence(list[Any]):
    """A list; `line` is where it begins, `tag` what is written before it, as !reference."""

    line: int = 1
    tag: str = ""


def read_yaml(text: str) -> tuple[Any, list[tuple[int, str]]]:
    """Read the last document of a text (GitLab's have a head), every scalar a Text, and the keys that are there twice.

    Raises UnreadableError where it is no YAML, or grows beyond all bounds with its aliases written out.
    """
    reader = _Reader()
    try:
        *_, node = [None, *yaml.compose_all(text, Loader=yaml.SafeLoader)]
        value = reader.value(node, 0) if node else None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        said = re.sub(r"\s+", " ", str(getattr(error, "problem", None) or error))
        raise UnreadableError(f"This is no YAML: {said}.", mark.line + 1 if mark else 1) from None
    except RecursionError:
        raise UnreadableError("This is nested too deeply.") from None
    return value, reader.twice


def line_of(value: Any, otherwise: int = 1) -> int:
    """The line of a part; of what is no part of a document, the given one."""
    return int(getattr(value, "line", otherwise))


def mapping(value: Any) -> Mapping:
    """The value where it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else Mapping()


def listed(value: Any) -> list[Any]:
    """The value as a list: of itself where it is none, empty where there is none."""
    if isinstance(value, list):
        return value
    return [] if value is None or value == "" else [value]


def flat(value: Any) -> Iterator[Text]:
    """Every text in a value, lists in lists written out."""
    for each in listed(value):
        if isinstance(each, list):
            yield from flat(each)
        elif isinstance(each, Text):
            yield each


def texts(value: Any) -> Iterator[Text]:
    """Every scalar below a value, of mappings and lists alike."""
    if isinstance(value, Text):
        yield value
    elif isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from texts(each)


class _Reader:
    def __init__(self) -> None:
        self.twice: list[tuple[int, str]] = []
        self.made: dict[int, tuple[Any, int]] = {}  # by node: the value, and how large it is
        self.making: set[int] = set()
        self.size = 0

    def value(self, node: yaml.Node, depth: int) -> Any:
        line = node.start_mark.line + 1
        if id(node) in self.making:
            raise UnreadableError("This holds itself.", line)
        if depth > DEEPEST:
            raise UnreadableError("This is nested too deeply.", line)
        before = self.size
        if id(node) in self.made:
            value, size = self.made[id(node)]
            self.size += size
        else:
            self.making.add(id(node))
            value = self._made(node, line, depth)
            self.making.discard(id(node))
            self.size += 1
            self.made[id(node)] = value, self.size - before
        if self.size > LARGEST:
            raise UnreadableError("This is too large, with what its aliases repeat written out.", line)
        return value

    def _made(self, node: yaml.Node, line: int, depth: int) -> Any:
        if isinstance(node, yaml.ScalarNode):
            text = Text(node.value)
            text.line = line + (node.style in ("|", ">"))
            return text
        if isinstance(node, yaml.SequenceNode):
            items = Sequence(self.value(each, depth + 1) for each in node.value)
            items.line, items.tag = line, str(node.tag)
            return items
        found, merged = Mapping(), list[Any]()
        found.line = line
        for key, each in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
            value, at = self.value(each, depth + 1), key.start_mark.line + 1
            if name == "<<":
                merged += listed(value)
                continue
            if name in found:
                self.twice.append((at, name))
            found[name], found.lines[name] = value, at
        for inherited in merged:
            if isinstance(inherited, Mapping):
                for name, value in inherited.items():
                    found.setdefault(name, value)
                    found.lines.setdefault(name, inherited.lines[name])
        return found
