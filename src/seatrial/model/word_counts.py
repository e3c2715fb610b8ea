"""Counts the words of texts, for a graph that takes them as numbers of words: what scikit-learn's vectorizers do first.

A graph cannot split and lower-case texts as Python does, so this is Python, with the same regular expressions and
Unicode tables. The graph's metadata says how each column of texts is read.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Counts = dict[int, float]  # of one text: how often it contains each word, by the word's number

METADATA_KEY = "seatrial.words"
CELLS = 2**21  # numbers in the largest tensor that a graph makes of words: 16 MiB
HASHES = 2**16  # words whose hash is remembered


@dataclass(frozen=True)
class WordColumn:
    """How the texts of one column become counts of words: the parameters of a vectorizer of scikit-learn.

    `column` is the position among the engine's strings. `vocabulary` has the words in the order of their numbers; with
    `hashed`, a word's number is its hash modulo that, and if `signed`, the hash's sign decides whether it adds or
    subtracts. `binary` counts each word once.
    """

    column: int
    analyzer: str
    lowercase: bool
    accents: str
    pattern: str
    shortest: int
    longest: int
    stop_words: tuple[str, ...] = ()
    vocabulary: tuple[str, ...] = ()
    hashed: int = 0
    signed: bool = False
    binary: bool = False

    @property
    def width(self) -> int:
        """How many words have a number."""
        return self.hashed or len(self.vocabulary)


def words_metadata(columns: Sequence[WordColumn], dense: int) -> str:
    """Return what a graph says about its words; `dense` is how many columns of words it makes of each row."""
    return json.dumps({"dense": dense, "columns": [asdict(each) for each in columns]})


def word_reader(metadata: Mapping[str, str]) -> "WordReader | None":
    """Return what reads the texts for a graph with this metadata; None for one without words."""
    if METADATA_KEY not in metadata:
        return None
    said = json.loads(metadata[METADATA_KEY])
    lists = ("stop_words", "vocabulary")
    columns = [WordColumn(**{**each, **{name: tuple(each[name]) for name in lists}}) for each in said["columns"]]
    return WordReader(columns, said["dense"])


class WordReader:
    """Makes a graph's inputs `words0`, `counts0`, ... from its columns of texts."""

    def __init__(self, columns: Sequence[WordColumn], dense: int = 0) -> None:
        self._columns = [(each.column, counter(each)) for each in columns]
        self._dense = dense

    def blocks(self, strings: Array) -> Iterator[tuple[slice, dict[str, Array]]]:
        """Split rows of strings (n, columns) so that no block makes more than CELLS numbers, and read each.

        `words<k>` is int64 and `counts<k>` double, both (rows, words of the longest text), with a count of 0 where a
        text is shorter.
        """
        texts = [_each(count, strings[:, column]) for column, count in self._columns]
        longest = [max(map(len, row)) for row in zip(*texts, strict=True)]
        start = 0
        while True:
            end = self._end(longest, start)
            inputs: dict[str, Array] = {}
            for number, counts in enumerate(texts):
                inputs[f"words{number}"], inputs[f"counts{number}"] = _padded(counts[start:end])
            yield slice(start, end), inputs
            if (start := end) >= len(longest):
                return

    def _end(self, longest: list[int], start: int) -> int:
        """Return where a block that starts here ends: it has one row at least, if there is one."""
        widest = max(self._dense, 1)
        for end in range(start, len(longest)):
            widest = max(widest, longest[end])
            if end > start and (end + 1 - start) * widest > CELLS:
                return end
        return len(longest)


def _each(count: Callable[[str], Counts], texts: Array) -> list[Counts]:
    """Count the words of each text, and those of equal texts once."""
    known: dict[str, Counts] = {}
    return [known[text] if text in known else known.setdefault(text, count(text)) for text in texts.tolist()]


def _padded(rows: Sequence[Counts]) -> tuple[Array, Array]:
    shape = len(rows), max([1, *map(len, rows)])
    words, counts = np.zeros(shape, dtype=np.int64), np.zeros(shape)
    for row, found in enumerate(rows):
        words[row, : len(found)] = list(found)
        counts[row, : len(found)] = list(found.values())
    return words, counts


def counter(column: WordColumn) -> Callable[[str], Counts]:
    """Return the function that counts the words of one text."""
    prepare, split = _preparation(column), _SPLITTERS[column.analyzer](column)
    numbers = {word: number for number, word in enumerate(column.vocabulary)}

    def count(text: str) -> Counts:
        found: Counts = {}
        for word in split(prepare(text)):
            if (number := numbers.get(word)) is not None:
                found[number] = found.get(number, 0.0) + 1.0
        return found

    def count_hashes(text: str) -> Counts:
        found: Counts = {}
        for word in split(prepare(text)):
            value = word_hash(word)
            number = abs(value) % column.hashed
            found[number] = found.get(number, 0.0) + (-1.0 if column.signed and value < 0 else 1.0)
        return found

    chosen = count_hashes if column.hashed else count
    return (lambda text: dict.fromkeys(chosen(text), 1.0)) if column.binary else chosen


def _preparation(column: WordColumn) -> Callable[[str], str]:
    """Lower case first, then accents, as scikit-learn does."""
    strips: dict[str, Callable[[str], str]] = {"": str, "ascii": _ascii, "unicode": _without_accents}
    strip = strips[column.accents]
    return (lambda text: strip(text.lower())) if column.lowercase else strip


def _without_accents(text: str) -> str:
    if text.isascii():
        return text
    return "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")


def _by_words(column: WordColumn) -> Callable[[str], Iterable[str]]:
    find, stops = re.compile(column.pattern).findall, frozenset(column.stop_words)

    def split(text: str) -> list[str]:
        words = [word for word in find(text) if word not in stops] if stops else find(text)
        if column.longest == 1:
            return words
        sizes = range(column.shortest, min(column.longest, len(words)) + 1)
        return [" ".join(words[i : i + size]) for size in sizes for i in range(len(words) - size + 1)]

    return split


def _by_letters(column: WordColumn) -> Callable[[str], Iterable[str]]:
    def split(text: str) -> list[str]:
        text = _SPACES.sub(" ", text)
        sizes = range(column.shortest, min(column.longest, len(text)) + 1)
        return [text[i : i + size] for size in sizes for i in range(len(text) - size + 1)]

    return split


def _by_letters_of_words(column: WordColumn) -> Callable[[str], Iterable[str]]:
    """Split each word with a space around it; one that is shorter than a size counts whole, once."""

    def split(text: str) -> list[str]:
        found = []
        for word in text.split():
            padded = f" {word} "
            for size in range(column.shortest, column.longest + 1):
                found += [padded[i : i + size] for i in range(max(len(padded) - size, 0) + 1)]
                if size >= len(padded):
                    break
        return found

    return split


_SPACES = re.compile(r"\s\s+")
_SPLITTERS: dict[str, Callable[[WordColumn], Callable[[str], Iterable[str]]]] = {
    "word": _by_words,
    "char": _by_letters,
    "char_wb": _by_letters_of_words,
}


@lru_cache(HASHES)
def word_hash(word: str) -> int:
    """MurmurHash3 of a word's UTF-8 with seed 0, 32 bits and signed (A. Appleby, 2011), by which words are numbered."""
    data, mask = word.encode(), 0xFFFFFFFF
    whole = len(data) // 4 * 4
    value = 0
    for start in range(0, whole, 4):
        value ^= _scrambled(int.from_bytes(data[start : start + 4], "little"))
        value = ((value << 13 | value >> 19) * 5 + 0xE6546B64) & mask
    value ^= _scrambled(int.from_bytes(data[whole:], "little")) ^ len(data)
    value = (value ^ value >> 16) * 0x85EBCA6B & mask
    value = (value ^ value >> 13) * 0xC2B2AE35 & mask
    value ^= value >> 16
    return value - (1 << 32) if value >> 31 else value


def _scrambled(block: int) -> int:
    block = block * 0xCC9E2D51 & 0xFFFFFFFF
    return (block << 15 | block >> 17) * 0x1B873593 & 0xFFFFFFFF
