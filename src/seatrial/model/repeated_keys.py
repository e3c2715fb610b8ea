"""Finds a key that stands twice in one JSON object: parsers keep the last one and say nothing.

Each key is followed by a colon that is not part of a string, so a text without more colons than the keys that a parser
has found repeats none. Only a text with more of them, as in the strings, is read again by a parser that sees every key.
"""

import json
from collections.abc import Sequence
from typing import Any


class _Repeating(dict[str, Any]):
    """An object in which this key is repeated."""

    key = ""


def repeated_key(body: bytes, known: int) -> tuple[str | int, ...] | None:
    """The place of the first repeated key in a valid JSON text, in which `known` keys were found; None without one."""
    return None if body.count(b":") == known else _search(body)


def keys_in(document: Any) -> int:
    """Count the keys of a parsed document, as far as that is quick: maybe too few, never too many."""
    if isinstance(document, dict):
        return len(document) + sum(keys_in(part) for part in document.values() if type(part) in (dict, list))
    if isinstance(document, list) and document and type(document[0]) in (dict, list):
        return sum(keys_in(part) for part in document if type(part) in (dict, list))
    return 0


def _search(body: bytes) -> tuple[str | int, ...] | None:
    found = False

    def made(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal found
        whole = dict(pairs)
        if len(whole) == len(pairs):
            return whole
        found = True
        repeating = _Repeating(whole)
        seen: set[str] = set()
        repeating.key = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        return repeating

    text = body.decode("utf-8-sig", "replace")
    document = json.loads(text, object_pairs_hook=made, parse_int=str, parse_float=str)
    return _place(document) if found else None


def _place(part: Any) -> tuple[str | int, ...] | None:
    if isinstance(part, _Repeating):
        return (part.key,)
    parts: Sequence[tuple[str | int, Any]] = ()
    if isinstance(part, dict):
        parts = list(part.items())
    elif isinstance(part, list):
        parts = list(enumerate(part))
    for name, each in parts:
        if type(each) in (dict, list, _Repeating) and (place := _place(each)) is not None:
            return (name, *place)
    return None
