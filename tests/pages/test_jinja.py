"""The one way in which templates are read: undefined names are errors, and only HTML is escaped."""

from pathlib import Path

import jinja2
import pytest

from seatrial.pages.jinja import jinja_environment


def test_html_is_escaped_and_other_text_is_not(tmp_path: Path) -> None:
    (tmp_path / "page").write_text("{{ text }}\n")
    assert jinja_environment(tmp_path, html=True).get_template("page").render(text="<b>") == "&lt;b&gt;"
    assert jinja_environment(tmp_path).get_template("page").render(text="<b>") == "<b>\n"


def test_an_undefined_name_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "page").write_text("{{ text }}")
    with pytest.raises(jinja2.UndefinedError, match="'text' is undefined"):
        jinja_environment(tmp_path).get_template("page").render()


def test_delimiters_can_be_changed_and_lines_of_blocks_vanish(tmp_path: Path) -> None:
    (tmp_path / "page").write_text("a\n  <% if yes %>\n<[ yes ]> {{ kept }}\n  <% endif %>\nb\n")
    marks = {"variable_start_string": "<[", "variable_end_string": "]>"}
    blocks = {"block_start_string": "<%", "block_end_string": "%>"}
    environment = jinja_environment(tmp_path, **marks, **blocks)
    assert environment.get_template("page").render(yes=1) == "a\n1 {{ kept }}\nb\n"
