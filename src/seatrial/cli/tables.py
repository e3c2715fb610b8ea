"""Lays out tables for terminals of any width: text wraps between words, and no figure is ever cut.

Where the columns do not fit side by side, each row's first cell gets a line of its own; where that is not enough
either, every cell does.
"""

import textwrap
from collections.abc import Sequence

from rich.cells import cell_len

GAP, INDENT = 2, 4
SHORTEST = 12  # columns of text narrower than this are hard to read, unless their text is that short
MOST_LINES = 5  # about as many lines that a cell may need


def table_lines(
    headings: Sequence[str], rows: Sequence[Sequence[str]], width: int, right: Sequence[int] = ()
) -> tuple[list[str], list[str]]:
    """The lines of the headings and those of the rows; columns at the positions `right` are figures.

    A column without any text is left out.
    """
    used = [place for place in range(len(headings)) if not (place and rows) or any(row[place] for row in rows)]
    right = [position for position, place in enumerate(used) if place in right]
    headings, *rows = ([row[place] for place in used] for row in (headings, *rows))
    if widths := _fitted(headings, rows, width, right):
        head, *body = (_side_by_side(row, widths, right) for row in (headings, *rows))
        return head, [line for lines in body for line in lines]
    right = [position - 1 for position in right]
    if widths := _fitted(headings[1:], [row[1:] for row in rows], width - INDENT, right):
        head, *body = (
            [*_wrapped(row[0], width), *_indented(_side_by_side(row[1:], widths, right))] for row in (headings, *rows)
        )
        return [line for line in head if line], [line for lines in body for line in lines if line]
    lines = []
    for first, *rest in rows:
        named = [f"{name}: {text}" if name else text for name, text in zip(headings[1:], rest, strict=True) if text]
        inside = [line for text in named for line in _wrapped(text, width - INDENT)]
        lines += [*_wrapped(first, width), *_indented(inside)]
    return [], lines


def _fitted(
    headings: Sequence[str], rows: Sequence[Sequence[str]], width: int, right: Sequence[int]
) -> list[int] | None:
    """The width of each column, the widest ones narrowed as far as needed; None where words would have to be cut."""
    columns = [[heading, *(row[position] for row in rows)] for position, heading in enumerate(headings)]
    widths = [max(map(cell_len, cells)) for cells in columns]
    least = [
        size if position in right else min(size, max(SHORTEST, size // MOST_LINES, *map(_longest_word, cells)))
        for position, (size, cells) in enumerate(zip(widths, columns, strict=True))
    ]
    excess = sum(widths) + GAP * (len(widths) - 1) - width
    while excess > 0:
        widest = max(range(len(widths)), key=lambda position: (widths[position] > least[position], widths[position]))
        if widths[widest] <= least[widest]:
            return None
        widths[widest] -= 1
        excess -= 1
    return widths


def _longest_word(text: str) -> int:
    return max(map(cell_len, text.split(" ")))


def _side_by_side(row: Sequence[str], widths: Sequence[int], right: Sequence[int]) -> list[str]:
    cells = [_wrapped(text, size) for text, size in zip(row, widths, strict=True)]
    lines = []
    for number in range(max(map(len, cells))):
        parts = [cell[number] if number < len(cell) else "" for cell in cells]
        padded = [
            " " * (size - cell_len(text)) + text if place in right else text + " " * (size - cell_len(text))
            for place, (text, size) in enumerate(zip(parts, widths, strict=True))
        ]
        lines.append((" " * GAP).join(padded).rstrip())
    return lines


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(width, 1), break_long_words=False, break_on_hyphens=False) or [""]


def _indented(lines: Sequence[str]) -> list[str]:
    return [" " * INDENT + line if line else "" for line in lines]
