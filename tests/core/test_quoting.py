"""What people write comes out of each language's own parser as the same word, and nothing of it is executed."""

import ast
import json
import re
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from jinja2 import Environment
from markdown_it import MarkdownIt
from tests.hostile_words import ANY_TEXT, WORDS

from seatrial.core import quoting

MARKDOWN = MarkdownIt("commonmark").enable("table").enable("strikethrough")


def every_word(test: Callable[[str], None]) -> Callable[[], None]:
    """Run a test with each of the hostile words, and with made-up ones."""
    for word in WORDS:
        test = example(word)(test)
    return settings(max_examples=25, deadline=None, database=None)(given(ANY_TEXT)(test))


def in_shell(*lines: str) -> list[str]:
    """The words that a shell makes of each line's first argument."""
    done = subprocess.run(
        ["bash", "-c", "".join(f"printf '%s\\0' {line}\n" for line in lines)], capture_output=True, check=True
    )
    return done.stdout.decode("utf-8", "surrogatepass").split("\0")[:-1]


def shown(markdown: str) -> tuple[str, list[str]]:
    """The text that a Markdown parser shows, and the kinds of its parts."""
    tokens = MARKDOWN.parse(markdown)
    parts = [part for token in tokens for part in (token.children or [token])]
    return "".join(part.content for part in parts), [part.type for part in parts]


@every_word
def test_toml(word: str) -> None:
    assert tomllib.loads(f"a = {quoting.toml(word)}\n[b]\n{quoting.toml_key(word)} = 1\n") == {
        "a": word,
        "b": {word: 1},
    }


@every_word
def test_yaml_in_every_place(word: str) -> None:
    text = quoting.yaml(word)
    values = yaml.safe_load(f"a: {text}\nb: [{text}, {text}]\nc:\n  - {text}\n")
    assert values == {"a": word, "b": [word, word], "c": [word]}
    if len(word) < 100 and word != "a":  # a key's length is limited
        assert yaml.safe_load(f"{text}: 1\na: {{{text}: {text}}}") == {word: 1, "a": {word: word}}


def test_yaml_words_of_any_version_are_strings() -> None:
    for word in ("y", "N", "yes", "Off", "null", "1e3", "1.10", "0o17", "12:30:45", ".inf", "~", "="):
        assert quoting.yaml(word).startswith('"')
    for word in ("main", "release/1.0", ".seatrial/index", "python -m pytest --junitxml=reports/pytest.xml"):
        assert quoting.yaml(word) == word


def test_half_a_surrogate_pair_is_replaced() -> None:
    assert tomllib.loads(f"a = {quoting.toml(chr(0xD800))}")["a"] == "\ufffd"
    assert yaml.safe_load(quoting.yaml(f"a{chr(0xDFFF)}")) == "a\ufffd"


@every_word
def test_python(word: str) -> None:
    assert ast.literal_eval(quoting.python(word)) == word
    assert quoting.python(word).isprintable()
    module = ast.parse(f'"""{quoting.docstring(word)}"""\n')
    assert ast.get_docstring(module, clean=False) == quoting.docstring(word) or not quoting.docstring(word)
    assert len(module.body) == 1


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
def test_python_literals_are_in_ruffs_format(value: Any, text: str) -> None:
    assert quoting.python(value) == text
    assert ast.literal_eval(text) == value


def test_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = [word.replace("\0", "") for word in WORDS]
    assert in_shell(*map(quoting.shell, WORDS)) == words
    # A command within YAML, as in a pipeline: first the shell's quoting, then YAML's.
    commands = yaml.safe_load("\n".join(f"- {quoting.yaml(quoting.shell(word))}" for word in WORDS))
    assert in_shell(*commands) == words
    assert list(tmp_path.iterdir()) == []


def test_make(tmp_path: Path) -> None:
    words = [word for word in WORDS if not re.search(r"[\0\n\r\x85\u2028\u2029]", word) and len(word) < 200]
    lines = "".join(f"\t@printf '%s\\0' {quoting.make(quoting.shell(word))}\n" for word in words)
    (tmp_path / "Makefile").write_text(f"all:\n{lines}", encoding="utf-8")
    done = subprocess.run(["make", "-s", "SHELL=/bin/bash"], cwd=tmp_path, capture_output=True, check=True)
    assert done.stdout.decode().split("\0")[:-1] == words
    assert [path.name for path in tmp_path.iterdir()] == ["Makefile"]


@every_word
def test_markdown_has_no_markup(word: str) -> None:
    line = quoting.one_line(word)
    text, kinds = shown(f"{quoting.markdown(word)}\n")
    assert text == line
    assert set(kinds) <= {"paragraph_open", "text", "text_special", "paragraph_close"}
    text, kinds = shown(f"# {quoting.markdown(word)}\n")
    assert text == line
    cell = shown(f"| a | b |\n| --- | --- |\n| x | {quoting.markdown(word)} |\n")
    assert cell[0] == f"abx{line}"
    assert cell[1].count("td_open") == 2


@every_word
def test_markdown_code(word: str) -> None:
    line = quoting.one_line(word)
    if line:
        assert shown(f"- {quoting.markdown_code(word)} is code\n")[0] == f"{line} is code"
        text, kinds = shown(f"| a |\n| --- |\n| {quoting.markdown_cell_code(word)} |\n")
        assert text == f"a{line}"
        assert kinds.count("td_open") == kinds.count("code_inline") == 1


@every_word
def test_one_line_is_printable(word: str) -> None:
    assert quoting.one_line(word).isprintable()


def test_gitattributes(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    paths = [f"data/{word}" for word in WORDS if word.strip() and not re.search(r"[\0/]", word) and len(word) < 200]
    lines = "".join(f"{quoting.gitattributes(path)} mark={number}\n" for number, path in enumerate(paths))
    (tmp_path / ".gitattributes").write_text(lines, encoding="utf-8", newline="")
    done = subprocess.run(
        ["git", "-C", tmp_path, "check-attr", "-z", "--stdin", "mark"],
        input="\0".join(paths).encode(),
        capture_output=True,
        check=True,
    )
    parts = done.stdout.decode().split("\0")[:-1]
    assert dict(zip(parts[::3], parts[2::3], strict=True)) == {path: str(n) for n, path in enumerate(paths)}


@every_word
def test_dockerfile(word: str) -> None:
    text = quoting.docker(word)
    assert "\n" not in text
    # The rules of a Dockerfile's double quotes: a backslash takes the next character as it is, `$` names a variable.
    assert re.fullmatch(r'"(?:[^"\\$]|\\["\\$])*"', text)
    assert re.sub(r"\\(.)", r"\1", text[1:-1]) == quoting.one_line(word)


def test_a_glob_matches_its_path_alone() -> None:
    assert quoting.glob("models/$(touch X)") == "models/?(touch X)"
    assert quoting.glob("[a]*{b}") == "?a???b?"
    assert quoting.github_filter("a*[b]/!c") == "a\\*\\[b\\]/\\!c"


def test_expressions_of_ci_services_stay_text() -> None:
    assert quoting.github("x ${{ github.token }}") == "x ${{ '${{' }} github.token }}"
    assert quoting.circleci("<< pipeline.id >>") == "\\<< pipeline.id >>"


def test_the_filters_of_templates_are_these_functions() -> None:
    environment = Environment(autoescape=False)
    environment.filters.update(quoting.FILTERS)
    text = environment.from_string('{{ ("cd " ~ (folder | shell)) | yaml }}').render(folder="a: $(x)")
    assert json.loads(text) == "cd 'a: $(x)'"
