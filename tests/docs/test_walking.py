"""The walk itself: it fails on a wrong page, and leaves nothing running."""

import os
import sys
from pathlib import Path

import pytest
from tests.docs.scenarios import Page
from tests.docs.walking import free_port, walk_in


def page(folder: Path, text: str) -> Page:
    path = folder / "page.md"
    path.write_text(text)
    return Page(path, "page.md")


def walked(folder: Path, text: str) -> list[str]:
    with walk_in(folder) as walk:
        walk.page(page(folder, text), long=True)
        return walk.done


def test_a_correct_page_passes(tmp_path: Path):
    text = (
        "```sh\nmkdir inner\ncd inner\nexport WHAT=words\n```\n\n"
        '```python title="a.py"\n"""A file."""\n```\n\n```python title="a.py"\nprint("WHAT")\n```\n\n'
        "```sh\npython a.py && echo $WHAT 0.25\nexit_with() { return $1; }\nexit_with 3  # exit code 3: it waits\n```\n\n"
        "```text\nWHAT\nwords 0.5\n```\n\n```python\nimport a\n```\n"
    )
    assert len(walked(tmp_path, text)) == 6
    assert (tmp_path / "inner" / "a.py").read_text() == '"""A file."""\nprint("WHAT")\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("```sh\ntrue\nls nowhere\n```", r"page.md:1: ls nowhere ended with 2, not 0"),
        ("```sh\ntrue  # exit code 3: it waits\n```", "ended with 0, not 3"),
        ("```sh\necho one\n```\n\n```text\ntwo\n```", r"page.md:5 shows what was not printed: \['two'\]"),
        ("```python\nimport nowhere\n```", "No module named 'nowhere'"),
    ],
)
def test_an_error_on_a_page_is_reported_with_its_line(tmp_path: Path, text: str, message: str):
    with pytest.raises(AssertionError, match=message):
        walked(tmp_path, text)


def test_background_processes_are_ended(tmp_path: Path):
    port = free_port()
    with walk_in(tmp_path) as walk:
        walk.shell.serve(f"{sys.executable} -m http.server --bind 127.0.0.1 {port}", port)
        (process,) = walk.shell.servers
        os.kill(process, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_a_command_that_hangs_is_ended(tmp_path: Path):
    with walk_in(tmp_path) as walk, pytest.raises(AssertionError, match="did not end within"):
        walk.shell.run("sleep 60", timeout=0.2)
