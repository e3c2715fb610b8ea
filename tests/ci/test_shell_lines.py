"""Scripts: which commands a line has, and whose failure is ignored."""

import os
import subprocess
from pathlib import Path

import pytest

from seatrial.ci.doctor.shell_lines import TESTS, commands

# Scripts, and whether the failure of `t` is ignored: by a shell that ends at a failure, and by one that does not.
IGNORED = {
    "t": (False, False),
    "t || true": (True, True),
    "t || :": (True, True),
    "t || echo failed": (True, True),
    "t || { echo failed; exit 1; }": (False, False),
    "t || {\n  echo failed\n  exit 1\n}": (False, False),
    "t || (echo failed && false)": (False, False),
    "t || exit": (False, False),
    "t || exit 0": (True, True),
    "t; exit 0": (True, True),
    "t; true": (True, True),
    "t &": (True, True),
    "t &\nwait $!": (False, False),
    "t | tee log": (False, False),
    "set +o pipefail\nt | tee log": (True, True),
    "set +e\nt\necho done": (True, True),
    "set +e\nt": (False, False),
    "set +e\nt\ncode=$?\nexit $code": (False, False),
    "set +e\nset -e\nt\necho done": (False, False),
    "set -euo pipefail\nt\necho done": (False, False),
    "t\necho done": (False, True),
    "cd x && t\necho done": (False, True),
    "t && echo ok": (False, False),
    "if t; then echo ok; fi\necho done": (False, False),
    "! t": (False, False),
    "(cd x && t) || true": (True, True),
}


@pytest.mark.parametrize("script", IGNORED)
def test_whose_failure_is_ignored(script: str):
    for shell, expected in zip(("bash -eo pipefail", "bash -o pipefail {0}"), IGNORED[script], strict=True):
        ignored = [each.ignored for each in commands(script, shell=shell) if each.text.strip("()") == "t"]
        assert any(ignored) is expected, shell


def test_bash_agrees_about_what_is_ignored(tmp_path: Path):
    """Bash itself says which of these scripts end well although `t` fails."""
    (tmp_path / "t").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "t").chmod(0o755)
    (tmp_path / "x").mkdir()
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    for script, (expected, _) in IGNORED.items():
        if script in ("t; exit 0", "t; true", "! t") or script.startswith("if"):
            continue  # what the author means and what bash does differ
        done = subprocess.run(["bash", "-eo", "pipefail", "-c", script], cwd=tmp_path, env=environment, check=False)
        assert (done.returncode == 0) is expected, script


@pytest.mark.parametrize(
    "script",
    [
        "echo 't || true'",
        "cat <<EOF\nt || true\nEOF",
        "python -c '\nt || true\n'",
        "# t || true",
        "cat <<< EOF\necho t",
        "echo \"it's\" # don't\necho t",
    ],
)
def test_text_in_quotes_here_documents_and_comments_is_not_a_command(script: str):
    assert [each.text for each in commands(script) if each.text.split()[0] == "t"] == []


def test_lines_are_counted_over_continuations_and_here_documents():
    script = "a \\\n  b\n\ncat <<EOF\nx\nEOF\nc && d # e\n"
    assert [(each.line, each.text) for each in commands(script, 10)] == [
        (10, "a b"), (13, "cat <<EOF"), (16, "c"), (16, "d"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "script",
    [
        "~/tools/bin/python -m pytest x", "uv run pytest x", "env A=1 sudo pytest x", "time pytest x", "poetry run pytest x",
        "poetry run python -m pytest x", "timeout 10m pytest x", "coverage run -m pytest x", "FOO=1 .venv/bin/pytest x",
        "python -W error -m pytest x", "uv run --frozen pytest x",
    ],
)  # fmt: skip
def test_what_runs_a_program_is_left_out(script: str):
    (command,) = commands(script)
    assert command.text == "pytest x"
    assert TESTS.match(command.text)


def test_a_program_that_is_not_known_is_said_to_be():
    unknown = [each.text for each in commands("make test\n./run.sh\nls\npip install x\nseatrial trial\nnox -s tests")]
    assert [text for text in unknown if next(commands(text)).is_unknown] == ["make test", "run.sh", "nox -s tests"]
