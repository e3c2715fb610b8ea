"""What a page contains: its code blocks in order, its commands, its links and the anchors of its headings."""

import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

SHELL = "sh"
OUTPUT = "text"


@dataclass(frozen=True)
class Block:
    """A code block: its place, its language ("" if it is indented), and the file that it belongs to."""

    page: str
    line: int
    heading: str
    language: str
    file: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Command:
    """One command as a user types it, and the exit code that the page states next to it; 0 by default."""

    text: str
    code: int


def parse(text: str) -> list[Token]:
    return MarkdownIt().enable("table").parse(text)


def blocks_of(path: Path, page: str = "") -> list[Block]:
    """Return the code blocks of a page, each with the heading above it."""
    blocks: list[Block] = []
    heading = ""
    tokens = parse(path.read_text("utf-8"))
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open" and following:
            heading = following.content
        if token.type in ("fence", "code_block"):
            language, _, more = token.info.strip().partition(" ")
            title = re.search(r'title="([^"]+)"', more)
            line = (token.map or [0])[0] + 1
            blocks.append(Block(page or path.name, line, heading, language, title[1] if title else "", token.content))
    return blocks


def commands_of(block: Block) -> list[Command]:
    """Split a block into commands; a line that ends in a backslash continues."""
    lines = re.sub(r"\\\n\s*", "", block.text).splitlines()
    commands = []
    for line in lines:
        text, _, comment = line.partition(" #")
        code = re.search(r"exit code (\d+)(?! if)", comment)
        if text.strip() and not line.startswith("#"):
            commands.append(Command(text.strip(), int(code[1]) if code else 0))
    return commands


def inline_code(path: Path) -> list[str]:
    """Return what is between backquotes, in running text and in tables."""
    return [
        child.content
        for token in parse(path.read_text("utf-8"))
        for child in token.children or ()
        if child.type == "code_inline"
    ]


def links_of(path: Path) -> list[str]:
    """Return the targets of a page's links and images."""
    children = [child for token in parse(path.read_text("utf-8")) for child in token.children or ()]
    named = [str(child.attrs.get("href") or child.attrs.get("src") or "") for child in children]
    return [name for name in named if name]


def anchors_of(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and the site make them."""
    tokens = parse(path.read_text("utf-8"))
    pairs = pairwise(tokens)
    return {anchor(_words(inline)) for opening, inline in pairs if opening.type == "heading_open"}


def anchor(heading: str) -> str:
    plain = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode().strip().lower()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain))


def _words(inline: Token) -> str:
    return "".join(child.content for child in inline.children or ())
