"""A rendered project holds any text as text: in its settings, code, Makefile and documents."""

import ast
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt
from tests.conftest import TITANIC
from tests.hostile_words import WORDS

from seatrial.core.quoting import docstring, one_line
from seatrial.template.render import ANSWERS, render
from seatrial.template.template_update import read_answers

MARKDOWN = MarkdownIt("commonmark").enable("table")
# Joined, so that few renderings try all of them: each word meets its neighbours' marks too.
SHORT = [word for word in WORDS if word.strip() and len(word) < 200]
TEXTS = ["".join(SHORT[start::4]) for start in range(4)] + ['"\\', "`|$(touch X)", "\n# x\x7f"]


def answers(text: str) -> dict[str, Any]:
    about = {"name": "x", "about": text, "optional": False}
    words = dict.fromkeys(
        ["description", "target", "positive", "unit", "holder", "data_from", "row", "repository"], text
    )
    lists = {"data_notes": [text], "classes": [text, "b"], "labels": {text: text}, "columns": [about]}
    left_out = {"left_out": [{"name": "x", "why": text}], "licence": "mit", "ci": "gitlab", "table": f"data/{text}"}
    return {**read_answers(TITANIC), **words, **lists, **left_out}


@pytest.fixture(params=TEXTS, ids=range(len(TEXTS)))
def text(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def project(text: str, tmp_path: Path) -> Path:
    render(answers(text), tmp_path)
    return tmp_path


def read(project: Path, path: str) -> str:
    return (project / path).read_text(encoding="utf-8")


def shown(markdown: str) -> str:
    tokens = [part for token in MARKDOWN.parse(markdown) for part in (token.children or [token])]
    kinds = {part.type for part in tokens}
    assert not kinds & {"html_block", "html_inline", "link_open", "image", "s_open", "hr"}, kinds
    return "".join(part.content for part in tokens)


def test_every_word_comes_out_of_each_file_as_it_went_in(text: str, project: Path) -> None:
    line = one_line(text)
    settings = tomllib.loads(read(project, "pyproject.toml"))
    assert settings["project"]["description"] == text
    tool = settings["tool"]["seatrial"]
    assert {tool[key] for key in ("target", "positive", "unit")} == {text}
    assert (tool["labels"], tool["data"], tool["ci"]["repository"]) == ({text: text}, f"data/{text}", text)
    module = ast.parse(read(project, "src/titanic_model/__init__.py"))
    assert ast.get_docstring(module, clean=False) == docstring(text)
    assert [type(part).__name__ for part in module.body[:2]] == ["Expr", "ImportFrom"]
    assert f"Copyright (c) 2026 {line}\n" in read(project, "LICENSE")
    readme = shown(read(project, "README.md"))
    assert readme.count(line) >= 6  # the description, the table, the row, the target, the classes, a column
    assert shown(read(project, "data/README.md")).count(line) >= 4
    assert line in shown(read(project, "AGENTS.md"))
    kept = yaml.safe_load(read(project, ANSWERS))
    assert (kept["description"], kept["classes"], kept["labels"]) == (text, [text, "b"], {text: text})

    run_nothing(project)


def run_nothing(project: Path) -> None:
    """Make and git read their files, and nothing in them is executed."""
    before = sorted(project.iterdir())
    done = subprocess.run(["make", "-n", "setup", "test"], cwd=project, capture_output=True, text=True, check=True)
    assert 'pip install "seatrial[all]>=0.1,<0.2" mypy pytest ruff' in done.stdout
    assert sorted(project.iterdir()) == before
    subprocess.run(["git", "init", "--quiet"], cwd=project, check=True)
    done = subprocess.run(
        ["git", "check-attr", "text", "README.md"], cwd=project, capture_output=True, text=True, check=True
    )
    assert done.stderr == "", done.stderr
