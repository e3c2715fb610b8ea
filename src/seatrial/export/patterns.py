"""Python's regular expressions as ones that databases and browsers read alike.

Classes are written out, since `\\s` and `\\d` mean other characters elsewhere. What engines choose differently is
refused: alternatives, lazy repeats, references and looking around.
"""

import re
from collections.abc import Iterator
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from seatrial.export.python_values import Unsupported

SPECIAL = set("\\^$.|?*+()[]{}/-")
ENDLESS = int(codes.MAXREPEAT)
ATOMS = (codes.LITERAL, codes.NOT_LITERAL, codes.ANY, codes.IN, codes.SUBPATTERN)


def translated(pattern: "re.Pattern[Any]", method: str) -> str:
    """The pattern of `search`, `match` or `fullmatch` as a pattern that is searched for.

    Raises Unsupported naming what has no translation.
    """
    if not isinstance(pattern.pattern, str):
        raise Unsupported("a pattern of bytes")
    if pattern.flags & ~(re.ASCII | re.UNICODE):
        raise Unsupported("a pattern with flags other than re.ASCII")
    ascii_only = bool(pattern.flags & re.ASCII)
    text = "".join(_sequence(parser.parse(pattern.pattern, pattern.flags), ascii_only=ascii_only))
    return {"match": f"^{text}", "fullmatch": f"^{text}$"}.get(method, text)


def optional_groups(pattern: str) -> set[int]:
    """The groups of a translated pattern that may match nothing at all although the pattern matches."""
    found: set[int] = set()

    def walk(items: Any, *, optional: bool) -> None:
        for code, value in items:
            if code is codes.SUBPATTERN:
                if optional and value[0] is not None:
                    found.add(value[0])
                walk(value[3], optional=optional)
            elif code is codes.MAX_REPEAT:
                walk(value[2], optional=optional or value[0] == 0)

    walk(parser.parse(pattern), optional=False)
    return found


def _sequence(items: Any, *, ascii_only: bool) -> Iterator[str]:
    listed = list(items)
    for position, (code, value) in enumerate(listed):
        if code is codes.LITERAL:
            yield _literal(value)
        elif code is codes.NOT_LITERAL:
            yield f"[^{_literal(value)}]"
        elif code is codes.ANY:
            yield "[^\n]"
        elif code is codes.IN:
            yield _class(value, ascii_only=ascii_only)
        elif code is codes.MAX_REPEAT:
            low, high, inner = value
            repeated = "".join(_sequence(inner, ascii_only=ascii_only))
            single = len(inner) == 1 and inner[0][0] in ATOMS
            yield f"{repeated if single else f'(?:{repeated})'}{_times(low, high)}"
        elif code is codes.SUBPATTERN:
            number, added, removed, inner = value
            if added or removed:
                raise Unsupported("a pattern with flags inside")
            yield f"({'' if number else '?:'}{''.join(_sequence(inner, ascii_only=ascii_only))})"
        elif code is codes.AT and value in (codes.AT_BEGINNING, codes.AT_BEGINNING_STRING):
            yield "^"
        elif code is codes.AT and value is codes.AT_END_STRING and position == len(listed) - 1:
            yield "$"
        elif code is codes.AT and value is codes.AT_END:
            raise Unsupported(r"`$` in a pattern, which also matches before a last line break (write \Z)")
        else:
            raise Unsupported(f"{str(code).lower()} in a pattern")


def _times(low: int, high: Any) -> str:
    if high is codes.MAXREPEAT or int(high) == ENDLESS:
        return {0: "*", 1: "+"}.get(low, f"{{{low},}}")
    if (low, high) == (0, 1):
        return "?"
    return f"{{{low}}}" if low == high else f"{{{low},{high}}}"


def _literal(code: int) -> str:
    character = chr(code)
    return f"\\{character}" if character in SPECIAL - {"-"} else character


def _in_class(code: int) -> str:
    character = chr(code)
    return f"\\{character}" if character in SPECIAL else character


def _class(items: Any, *, ascii_only: bool) -> str:
    parts = []
    negated = ""
    for code, value in items:
        if code is codes.NEGATE:
            negated = "^"
        elif code is codes.LITERAL:
            parts.append(_in_class(value))
        elif code is codes.RANGE:
            parts.append(f"{_in_class(value[0])}-{_in_class(value[1])}")
        elif code is codes.CATEGORY:
            parts.append(_category(value, ascii_only=ascii_only))
        else:
            raise Unsupported(f"{str(code).lower()} in a pattern")
    return f"[{negated}{''.join(parts)}]"


def _category(name: Any, *, ascii_only: bool) -> str:
    test = {codes.CATEGORY_SPACE: str.isspace, codes.CATEGORY_DIGIT: str.isdecimal}.get(name)
    if name is codes.CATEGORY_WORD and ascii_only:
        return "A-Za-z0-9_"
    if test is None:
        raise Unsupported(f"{str(name).lower()} in a pattern (list its characters: [A-Za-z0-9_])")
    highest = 128 if ascii_only else 0x20000
    found = [code for code in range(highest) if not 0xD800 <= code < 0xE000 and test(chr(code))]
    if ascii_only and test is str.isspace:
        found = [code for code in found if chr(code) in " \t\n\r\f\v"]
    ranges: list[list[int]] = []
    for code in found:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(chr(low) if low == high else f"{chr(low)}-{chr(high)}" for low, high in ranges)
