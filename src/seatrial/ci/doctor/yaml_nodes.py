"""YAML in which every part knows its line. Only what is asked for is looked at, so aliases are never expanded."""

from functools import cached_property

import yaml


class YamlNode:
    """A mapping, a list, or a scalar as it is written; a missing part, or one of another kind, reads as empty."""

    def __init__(self, node: yaml.Node | None, key_line: int = 1) -> None:
        self.node, self.key_line = node, key_line
        is_text = isinstance(node, yaml.ScalarNode) and not node.tag.endswith(":null")
        self.text = str(node.value) if node and is_text else ""
        self.line = node.start_mark.line + 1 + (getattr(node, "style", "") in ("|", ">")) if node else key_line

    @cached_property
    def entries(self) -> dict[str, "YamlNode"]:
        """The entries of a mapping, with those of merged ones (<<)."""
        if not isinstance(self.node, yaml.MappingNode):
            return {}
        pairs = [(key, YamlNode(part, key.start_mark.line + 1)) for key, part in self.node.value]
        own = {str(key.value): part for key, part in pairs if isinstance(key, yaml.ScalarNode)}
        merged = own.pop("<<", YamlNode(None)).parts
        return {name: part for each in reversed(merged) for name, part in each.entries.items()} | own

    def __getitem__(self, key: str) -> "YamlNode":
        return self.entries.get(key, YamlNode(None, self.line))

    @property
    def parts(self) -> list["YamlNode"]:
        """The parts of a list; a scalar or a mapping is a list of itself."""
        if isinstance(self.node, yaml.SequenceNode):
            return [YamlNode(each) for each in self.node.value]
        return [self] if self.text or self.entries else []

    @property
    def texts(self) -> list[str]:
        """The text of a scalar, or the texts in a list."""
        return [part.text for part in self.parts if part.text]

    @property
    def single(self) -> tuple[str, "YamlNode"]:
        """A name and its details, as in `- name` or `- name: details`."""
        return next(iter(self.entries.items()), (self.text, YamlNode(None, self.line)))
