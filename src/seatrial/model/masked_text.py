"""Masks for free text: what its rows have in common is kept, and everything that is in few of them is replaced.

"Braund, Mr. Owen" becomes "Xxxxxx, Mr. Xxxx", and "F.C.C. 13529" becomes "X.X.X. 00000".
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable

WORD = re.compile(r"[^\W\d_]+")
MOST_ROWS = 20_000
FEWEST_ROWS = 5  # text in fewer rows than this may identify a person
LEAST_SHARE = 0.02  # of the rows that have a word that is kept


def common_masks(texts: Iterable[str], most: int) -> list[str]:
    """The masks in the most rows; none of them is one of the texts."""
    known = [text for _, text in zip(range(MOST_ROWS), texts, strict=False)]
    rows = Counter(word for text in known for word in set(WORD.findall(text)))
    least = max(FEWEST_ROWS, LEAST_SHARE * len(known))
    kept = {word for word, count in rows.items() if count >= least}
    masks = Counter(masked(text, kept) for text in known)
    ordered = sorted(masks, key=lambda mask: (-masks[mask], mask))
    originals = set(known)
    return [mask for mask in ordered if mask.strip() and mask not in originals][:most]


def masked(text: str, kept: Collection[str] = ()) -> str:
    """A text with other letters and digits; the words in `kept` stay."""
    text = re.sub(r"\d", "0", "".join(c if c.isprintable() else " " for c in text))
    return WORD.sub(lambda word: word[0] if word[0] in kept else _letters(word[0]), text)


def _letters(word: str) -> str:
    return "".join("X" if letter.isupper() else "x" for letter in word)
