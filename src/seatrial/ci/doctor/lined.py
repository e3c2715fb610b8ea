"""YAML of which every part knows its line."""

from typing import Any

import yaml

from seatrial.core.errors import SeatrialError


class Text(str):
    """A scalar, as it is written; `line` is where its text begins, counted from 1."""

    line: int = 1


class Mapping(dict[str, Any]):
    """A mapping; `line` is where it begins, `lines` where each key is."""

    line: int = 1
    lines: dict[str, int]


class Sequence(list[Any]):
    """A list; `line` is where it begins."""

    line: int = 1


def read_yaml(text: str, where: str) -> Any:
    """Read the first document of a text; every scalar is a Text. Raises SeatrialError where it is no YAML."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{where}:{mark.line + 1}" if mark else where
        raise SeatrialError(f"{place} is no YAML: {getattr(error, 'problem', error)}.") from None
    return _value(node) if node else Mapping()


def line_of(value: Any, otherwise: int = 1) -> int:
    """The line of a part; of what is no part of a document, the given one."""
    return int(getattr(value, "line", otherwise))


def _value(node: yaml.Node) -> Any:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode):
        text = Text(node.value)
        text.line = line + (node.style in ("|", ">"))
        return text
    if isinstance(node, yaml.SequenceNode):
        items = Sequence(_value(each) for each in node.value)
        items.line = line
        return items
    found = Mapping()
    found.line, found.lines = line, {}
    for key, each in node.value:
        name, value = str(key.value), _value(each)
        if name == "<<" and isinstance(value, Mapping):
            for inherited, content in value.items():
                found.setdefault(inherited, content)
                found.lines.setdefault(inherited, value.lines[inherited])
        else:
            found[name] = value
            found.lines[name] = key.start_mark.line + 1
    return found
