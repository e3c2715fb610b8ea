"""Quotes text for files in other languages, one function for each: what people write stays data wherever it is written.

Templates use them as filters of the same names (`FILTERS`). Where two languages meet, the inner one is quoted first:
`("cd " ~ (folder | shell)) | yaml`. Characters that a language cannot contain are replaced, never passed on.
"""

import re
import shlex
from collections.abc import Callable
from typing import Any

# Plain in every YAML parser, in block and flow style, unless the word means something to YAML 1.1.
_YAML_CHARACTER = r"(?:[\w./@+=$\"'&<>()!*~|;%-]|:(?=[\w/]))"
_PLAIN_YAML = re.compile(rf"(?:[A-Za-z_/$]|\.(?=[A-Za-z_])|~(?=/)){_YAML_CHARACTER}*(?: {_YAML_CHARACTER}+)*", re.ASCII)
_YAML_WORDS = frozenset(["y", "yes", "n", "no", "true", "false", "on", "off", "null", ".inf", ".nan"])
_SHORT_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
_GLOB = re.compile(r"[*?\[\]{}!+\\$]")


def one_line(text: str) -> str:
    """A text in one line of printable characters: for comments, headings and sentences."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def toml(text: str) -> str:
    """A basic string of TOML."""
    return f'"{"".join(map(_escape, text))}"'


def toml_key(text: str) -> str:
    """A key of TOML, bare where that is possible."""
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else toml(text)


def yaml(text: str) -> str:
    """A scalar of YAML that is a string in every version, plain where that is certain."""
    plain = _PLAIN_YAML.fullmatch(text) and text.lower() not in _YAML_WORDS
    return text if plain else toml(text)  # TOML's escapes are among YAML's


def _escape(character: str) -> str:
    if character in _SHORT_ESCAPES or character.isprintable():
        return _SHORT_ESCAPES.get(character, character)
    code = ord(character)
    if 0xD800 <= code <= 0xDFFF:
        return "\ufffd"  # half of a surrogate pair is not a character
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def shell(word: str) -> str:
    """One word of a POSIX shell; in double quotes, which Windows knows too, where that is enough."""
    quoted = shlex.quote(word.replace("\0", ""))
    return f'"{word}"' if quoted != word and re.fullmatch(r"[\w@+=:,./<>~\[\] -]+", word, re.ASCII) else quoted


def make(text: str) -> str:
    """A part of a recipe's line in a Makefile, which Make passes on to the shell."""
    return " ".join(text.replace("\0", "").splitlines()).replace("$", "$$")


def python(value: Any) -> str:
    """A Python literal in ruff's format: strings in double quotes unless that needs more escapes."""
    if isinstance(value, str):
        plain = "".join(repr(character)[1:-1] for character in value)
        quote = "'" if plain.count('"') > plain.count("'") else '"'
        return quote + plain.replace(quote, "\\" + quote) + quote
    if isinstance(value, float):
        return repr(value).replace("e+", "e")
    return repr(value)


def docstring(text: str) -> str:
    """The content of a docstring in one line, between quotes that the template has."""
    return one_line(text).replace("\\", "/").replace('"', "'")


def markdown(text: str) -> str:
    """A text in a paragraph, a heading or a table's cell of Markdown, in one line and without any markup."""
    line = re.sub(r"([\\`*_\[\]<>|~&$])", r"\\\1", one_line(text))
    line = re.sub(r"^(#|=+$|[-+](?=\s|-*$))|(?<=\s)(?=#+$)", r"\\\1", line)  # a heading or its end, a list, a rule
    return re.sub(r"^(\d{1,9})([.)])(?=\s|$)", r"\1\\\2", line)


def markdown_code(text: str) -> str:
    """A code span of Markdown, outside of tables."""
    line = one_line(text)
    if not line:
        return ""
    longest = max(map(len, re.findall("`+", line)), default=0)
    marks, space = "`" * (longest + 1), " " if line[0] == "`" or line[-1] == "`" else ""
    return f"{marks}{space}{line}{space}{marks}"


def markdown_cell_code(text: str) -> str:
    """A code span of Markdown in a table's cell, where a bar is escaped in code too."""
    return markdown_code(text).replace("|", "\\|")


def docker(text: str) -> str:
    """A double-quoted value of an instruction in a Dockerfile, where `$` would name a variable."""
    return '"' + re.sub(r'(["\\$])', r"\\\1", one_line(text)) + '"'


def gitattributes(path: str) -> str:
    """A pattern of a .gitattributes file that matches one path."""
    pattern = re.sub(r"([*?\[\\])", r"\\\1", path)
    quoted = re.sub(r'(["\\])', r"\\\1", pattern)
    return '"' + re.sub(r"[\0-\x1f\x7f]", lambda c: f"\\{ord(c[0]):03o}", quoted) + '"'


def glob(path: str) -> str:
    """A glob that matches a path: `?` stands for each character that has a meaning in globs, or for a CI service."""
    return _GLOB.sub("?", path)


def github_filter(path: str) -> str:
    """A path in a filter of GitHub Actions, where `?` has another meaning."""
    return re.sub(r"([*?\[\]{}!+\\])", r"\\\1", path)


def github(text: str) -> str:
    """A text in a GitHub Actions workflow, where `${{` would start an expression."""
    return text.replace("${{", "${{ '${{' }}")


def circleci(text: str) -> str:
    """A text in a CircleCI pipeline, where `<<` would start a parameter."""
    return text.replace("<<", "\\<<")


FILTERS: dict[str, Callable[..., str]] = {
    function.__name__: function
    for function in (
        *(
            one_line,
            toml,
            toml_key,
            yaml,
            shell,
            make,
            python,
            docstring,
            markdown,
            markdown_code,
            markdown_cell_code,
            docker,
        ),
        *(gitattributes, glob, github_filter, github, circleci),
    )
}
