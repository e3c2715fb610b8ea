"""Python source as ruff formats it."""

from seatrial.template.codegen.literals import comment, listed, short


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
