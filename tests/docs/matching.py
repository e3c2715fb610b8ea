"""Compare what a page shows with what was printed: numbers, times and paths may differ, the words may not."""

import re

MASKED = [
    (re.compile(r"\x1b\[[\d;]*m"), ""),
    (re.compile(r"(?<![\d.])\d+(?:,\d{3})+"), "#"),
    (re.compile(r"(?<![\d.])-?\d+\.\d+(?:e-?\d+)?(?!\.?\d)"), "#"),
    (re.compile(r"[│┃╭╮╰╯─]"), " "),
    (re.compile(r"\s+"), " "),
]


def plain(text: str) -> str:
    """Mask what changes from one run to the next."""
    for pattern, replacement in MASKED:
        text = pattern.sub(replacement, text)
    return text.strip()


def missing(shown: str, printed: str) -> list[str]:
    """Return the lines of a page that were not printed in this order; each may be part of a printed line."""
    rest = [plain(line) for line in printed.splitlines()]
    lost = []
    for line in filter(None, map(plain, shown.splitlines())):
        place = next((number for number, each in enumerate(rest) if line in each), None)
        if place is None:
            lost.append(line)
        else:
            rest = rest[place + 1 :]
    return lost
