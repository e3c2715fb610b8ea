"""Expressions of GitHub's `if:` and GitLab's rules, read whole and evaluated as far as their names are known.

A value is text, a number, a truth value, null (None), a list, or a Truth where it is not known. What cannot be read
is UNKNOWN.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from seatrial.ci.doctor.truth import Truth, every, known, some

Value = Any
Names = Callable[[str], Value]  # what a name, in lower case for GitHub, stands for
Functions = Callable[[str, list[Value]], Value]
Node = Callable[[Names, Functions], Value]
MOST = 20_000  # characters of an expression; deeper ones are not for people

GITHUB = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<op>&&|\|\||==|!=|<=|>=|[!<>()\[\],.*])"
    r"|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][\w-]*))"
)
GITLAB = re.compile(
    r"\s*(?:(?P<text>\"[^\"]*\"|'[^']*')|(?P<op>&&|\|\||==|!=|=~|!~|[()])"
    r"|(?P<regex>/(?:[^/\\]|\\.)+/[a-zA-Z]*)|(?P<name>\$\w+|\$\{\w+\}|null\b))"
)


class _NotUnderstoodError(Exception):
    pass


@dataclass(frozen=True)
class Expression:
    """An expression that was read; `functions` are the names that it calls."""

    node: Node
    functions: frozenset[str] = frozenset()

    def truth(self, names: Names, functions: Functions = lambda _name, _words: Truth.UNKNOWN) -> Truth:
        """Whether it holds, where names stand for these values."""
        return truth_of(self.node(names, functions))


def truth_of(value: Value) -> Truth:
    """What a value counts for in a condition."""
    return value if isinstance(value, Truth) else known(bool(value))


@lru_cache(maxsize=1024)
def github_expression(text: str) -> Expression:
    """Read the text of an `if:`."""
    inner = re.fullmatch(r"\$\{\{((?:[^}]|\}(?!\}))*)\}\}", text)
    if not inner and "${{" in text:
        # With anything around ${{ }}, be it a line break, GitHub makes a text of it, and no text but "" is false.
        return Expression(lambda _names, _functions: Truth.YES)
    return _read(inner.group(1) if inner else text, GITHUB)


@lru_cache(maxsize=1024)
def gitlab_expression(text: str) -> Expression:
    """Read the text of a rule's `if`."""
    return _read(text, GITLAB)


def _read(text: str, tokens: re.Pattern[str]) -> Expression:
    try:
        reader = _Reader(_split(text, tokens))
        node = reader.either()
        if reader.position != len(reader.tokens):
            raise _NotUnderstoodError
    except (_NotUnderstoodError, RecursionError):
        # That a status function is called still matters, since it lets a job run after a failure.
        called = frozenset(found.lower() for found in re.findall(r"\b(\w+)\(", text))
        return Expression(lambda _names, _functions: Truth.UNKNOWN, called)
    return Expression(node, frozenset(reader.functions))


def _split(text: str, tokens: re.Pattern[str]) -> list[tuple[str, str]]:
    found, position, text = [], 0, text.strip()
    if len(text) > MOST:
        raise _NotUnderstoodError
    while position < len(text):
        match = tokens.match(text, position)
        if not match or match.lastgroup is None:
            raise _NotUnderstoodError
        found.append((match.lastgroup, match.group(match.lastgroup)))
        position = match.end()
    return found


class _Reader:
    """Recursive descent; && binds more than ||, comparisons more than both."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens = tokens
        self.position = 0
        self.functions: set[str] = set()

    def either(self) -> Node:
        node = self.both()
        while self._take("||"):
            node = _joined(node, self.both(), some, True)
        return node

    def both(self) -> Node:
        node = self._compared()
        while self._take("&&"):
            node = _joined(node, self._compared(), every, False)
        return node

    def _compared(self) -> Node:
        node = self._single()
        for operator in ("==", "!=", "=~", "!~", "<=", ">=", "<", ">"):
            if self._take(operator):
                return _comparison(operator, node, self._single())
        return node

    def _single(self) -> Node:
        if self._take("!"):
            node = self._single()
            return lambda names, functions: truth_of(node(names, functions)).negated
        if self._take("("):
            node = self.either()
            self._need(")")
            return node
        if self.position >= len(self.tokens):
            raise _NotUnderstoodError
        kind, word = self.tokens[self.position]
        self.position += 1
        if kind == "name":
            return self._named(word)
        if kind == "op":
            raise _NotUnderstoodError
        literal: Value = word[1:-1].replace("''", "'") if kind == "text" else float(word) if kind == "number" else word
        return lambda _names, _functions: literal

    def _named(self, word: str) -> Node:
        if word in ("true", "false", "null"):
            literal = {"true": True, "false": False, "null": None}[word]
            return lambda _names, _functions: literal
        if self._take("("):
            return self._call(word.lower())
        name = word
        while self.position < len(self.tokens):
            if self._take("."):
                name += "." + self._part()
            elif self._take("["):
                kind, index = self.tokens[self.position] if self.position < len(self.tokens) else ("", "")
                self.position += 1
                self._need("]")
                name += "." + (index[1:-1] if kind == "text" else "*")
            else:
                break
        return lambda names, _functions: names(name)

    def _part(self) -> str:
        kind, word = self.tokens[self.position] if self.position < len(self.tokens) else ("", "")
        if kind != "name" and word != "*":
            raise _NotUnderstoodError
        self.position += 1
        return word

    def _call(self, name: str) -> Node:
        self.functions.add(name)
        arguments: list[Node] = []
        while not self._take(")"):
            if arguments:
                self._need(",")
            arguments.append(self.either())
        return lambda names, functions: functions(name, [each(names, functions) for each in arguments])

    def _take(self, operator: str) -> bool:
        there = self.position < len(self.tokens) and self.tokens[self.position] == ("op", operator)
        self.position += there
        return there

    def _need(self, operator: str) -> None:
        if not self._take(operator):
            raise _NotUnderstoodError


def _joined(left: Node, right: Node, join: Callable[[list[Truth]], Truth], ends: bool) -> Node:
    def value(names: Names, functions: Functions) -> Value:
        first = left(names, functions)
        if not isinstance(first, Truth):  # as in Python: `a && b` is b where a holds
            return first if bool(first) is ends else right(names, functions)
        return join([first, truth_of(right(names, functions))])

    return value


def _comparison(operator: str, left: Node, right: Node) -> Node:
    def value(names: Names, functions: Functions) -> Value:
        one, other = left(names, functions), right(names, functions)
        open_ = {each for each in (one, other) if isinstance(each, Truth) and each not in (Truth.YES, Truth.NO)}
        if open_:
            return every(open_)
        one, other = ((each is Truth.YES) if isinstance(each, Truth) else each for each in (one, other))
        if operator in ("=~", "!~"):
            if not isinstance(other, str) or not other.startswith("/"):
                return Truth.UNKNOWN
            found = fits(other, str(one or ""))
            return found if operator == "=~" else found.negated
        if operator in ("==", "!="):
            return known(_same(one, other) == (operator == "=="))
        return Truth.UNKNOWN

    return value


def _same(one: Value, other: Value) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one.lower() == other.lower()
    return bool(one == other)


def fits(pattern: str, name: str) -> Truth:
    """Whether a /regular expression/ is found in a name."""
    body, _, flags = pattern[1:].rpartition("/")
    try:
        return known(re.search(body, name, re.IGNORECASE if "i" in flags else 0) is not None)
    except (re.error, OverflowError, RecursionError):
        return Truth.UNKNOWN
