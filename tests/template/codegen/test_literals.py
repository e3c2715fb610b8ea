"""Python source as ruff formats it."""

import ast
from typing import Any

import pytest

from seatrial.template.codegen.literals import comment, listed, literal, short


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", '"plain"'),
        ('5" pipe', "'5\" pipe'"),
        ("it's", '"it\'s"'),
        ("both ' and \"", '"both \' and \\""'),
        ("a\\b\n\t", '"a\\\\b\\n\\t"'),
        ("\x07\u200b", '"\\x07\\u200b"'),
        (1e20, "1e20"),
        (True, "True"),
        (None, "None"),
    ],
)
def test_literals(value: Any, text: str) -> None:
    assert literal(value) == text
    assert ast.literal_eval(text) == value


def test_a_list_is_broken_where_it_is_too_long() -> None:
    assert listed("NAMES = ", ["a", "b"]) == 'NAMES = ["a", "b"]'
    long = listed("    x = Literal", ["a" * 60, "b" * 60])
    assert long == f'    x = Literal[\n        "{"a" * 60}",\n        "{"b" * 60}",\n    ]'


def test_comments_are_wrapped_and_printable() -> None:
    lines = comment("word " * 40 + "\x00end", indent=4).splitlines()
    assert len(lines) == 2
    assert all(line.startswith("    # ") and len(line) <= 120 for line in lines)
    assert lines[1].endswith("end")


def test_long_text_is_cut() -> None:
    assert short("one\n two", 20) == "one two"
    assert short("x" * 30, 10) == "xxxxxxx..."
