"""Shell text taken apart, as far as one needs to see which programs it calls and whether their failure counts."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

SEPARATORS = {"&&", "||", ";", "|", "&", "|&", ";;"}
HARMLESS = {"true", ":", "echo", "printf"}


@dataclass(frozen=True)
class Call:
    """One program with its arguments, and the line it is on; `ignored` where its failure changes nothing."""

    line: int
    words: tuple[str, ...]
    ignored: bool = False

    @property
    def program(self) -> str:
        """The program's name without its folder."""
        return self.words[0].rpartition("/")[2]

    def __str__(self) -> str:
        return " ".join(self.words)


def calls(script: str, first_line: int = 1) -> list[Call]:
    """Every program that a script calls, in order."""
    found: list[Call] = []
    lenient = False
    for line, text in joined(script, first_line):
        parts = _parts(text)
        for position, (_, words) in enumerate(parts):
            if words[:1] == ["set"]:
                lenient = _lenient(words, lenient)
            rest = parts[position + 1 :]
            stops = any(
                after[0] in {"false", "return"} or (after[0] == "exit" and after[1:] != ["0"]) for _, after in rest
            )
            ignored = lenient or any(b == "||" and _harmless(after) and not stops for b, after in rest[:1])
            # `pytest; exit 0` and `pytest; true` end well whatever pytest says.
            ignored = ignored or any(before == ";" and _ends_well(after) for before, after in rest)
            if words:
                found.append(Call(line, tuple(words), ignored))
    return found


def joined(text: str, first_line: int = 1) -> Iterator[tuple[int, str]]:
    """The lines of a text with its continuations put together, each with the number of its first one."""
    begun, number = "", first_line
    for offset, line in enumerate(text.splitlines()):
        if not begun:
            number = first_line + offset
        if line.rstrip().endswith("\\"):
            begun += line.rstrip()[:-1] + " "
            continue
        yield number, begun + line
        begun = ""
    if begun:
        yield number, begun


def _parts(text: str) -> list[tuple[str, list[str]]]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    parts: list[tuple[str, list[str]]] = [("", [])]
    try:
        for word in lexer:
            if word in SEPARATORS:
                parts.append((word, []))
            else:
                parts[-1][1].append(word)
    except ValueError:  # a quote that is closed on another line
        return [("", text.split())] if text.strip() else []
    return [(before, _bare(words)) for before, words in parts if _bare(words)]


def _bare(words: list[str]) -> list[str]:
    """Take off variables that are set for the call, `sudo`, `time`, `exec`, and shell keywords."""
    while words and (
        re.fullmatch(r"[A-Za-z_]\w*=.*", words[0], re.DOTALL)
        or words[0] in {"sudo", "time", "exec", "env", "then", "do", "else", "if", "!", "(", "{", "@", "-"}
    ):
        words = words[1:]
    return words


def _lenient(words: list[str], before: bool) -> bool:
    for word in words[1:]:
        if word.startswith("+") and "e" in word and word != "+o":
            return True
        if word.startswith("-") and "e" in word[1:]:
            return False
    return before


def _harmless(words: list[str]) -> bool:
    return words[0] in HARMLESS or words[:2] == ["exit", "0"]


def _ends_well(words: list[str]) -> bool:
    return words[0] in {"true", ":"} or words[:2] == ["exit", "0"]
