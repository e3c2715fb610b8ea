"""The reference matches the code, and every command line in the documentation is valid."""

import re
import shlex
from pathlib import Path

import pytest
import typer
from tests.docs.customers import FILES, table
from tests.docs.markdown import SHELL, blocks_of, commands_of, inline_code
from tests.docs.reference import REFERENCE, every_command, pages
from tests.docs.scenarios import DOCS, ROOT

from seatrial.cli.app import app
from seatrial.core.environment_variables import INTERNAL, VARIABLES

README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", ROOT / "titanic" / "README.md", *sorted(DOCS.rglob("*.md"))]
LINES = re.compile(r"\bseatrial (?!import )[a-z].*")


@pytest.fixture(scope="module")
def written() -> dict[str, str]:
    return pages()


@pytest.mark.parametrize("name", ["commands.md", "settings.md", "python.md", "compiles.md"])
def test_the_reference_matches_the_code(written: dict[str, str], name: str):
    assert set(written) == {path.name for path in REFERENCE.iterdir()}
    assert (REFERENCE / name).read_text("utf-8") == written[name], "run `make docs` and commit docs/reference/"


def test_every_option_and_setting_is_described(written: dict[str, str]):
    rows = re.findall(r"^\| (`.+?) \| (.*?) \|", written["commands.md"] + written["settings.md"], re.MULTILINE)
    assert len(rows) > 150
    assert [name for name, meaning in rows if len(meaning) < 8 and name not in ("`0`",)] == []


def test_the_readme_names_every_command():
    names = {" ".join(name.split()[:2]) for name, _ in every_command(app)}
    assert len(names) >= 20
    assert {name for name in names if f"`{name}" not in README.read_text("utf-8")} == set()


def test_every_environment_variable_that_is_read_is_in_the_reference():
    texts = [
        path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py") if path.name != "environment_variables.py"
    ]
    named = set(re.findall(r"\b(?:SEATRIAL|GEMFURY|RAILWAY)(?:_[A-Z]+)+\b|(?<=envvar=\")[A-Z_]+", "\n".join(texts)))
    examples = {"SEATRIAL_TEAM_TOKEN"}
    assert {"SEATRIAL_HOME", "PORT", "RAILWAY_TOKEN"} <= named
    assert named - set(VARIABLES) - INTERNAL - examples == set()


@pytest.mark.parametrize("name", FILES)
def test_the_tables_of_the_guides_are_what_their_script_writes(name: str):
    assert (DOCS / name).read_text("utf-8") == table(FILES[name])


def complaint(line: str) -> str:
    """Return what is wrong with a command line, without running it; "" if it is valid."""
    words = shlex.split(line.partition(" #")[0].partition("`")[0])
    words = words[1 : next((i for i, word in enumerate(words) if word in ("&&", "|", "<", ">", ";")), None)]
    command = typer.main.get_command(app)
    while hasattr(command, "commands") and words and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    if hasattr(command, "commands") and "run" in command.commands:
        command = command.commands["run"]
    if hasattr(command, "commands"):
        return f"no command {words[0]!r}" if words and not words[0].startswith("-") else ""
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    accepted = known | {"--help", "--debug", "-"}  # "-" is standard input
    unknown = [word for word in words if word.startswith("-") and word not in accepted]
    positional = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    before = ["", *words]
    free = [w for w, b in zip(words, before, strict=False) if not w.startswith("-") and not takes_value(command, b)]
    return (
        f"no option {unknown[0]}" if unknown else f"too many arguments: {free}" if len(free) > len(positional) else ""
    )


def takes_value(command: object, word: str) -> bool:
    """Return whether the next word is the value of an option."""
    parameters = command.params  # type: ignore[attr-defined]
    return any(word in p.opts and not getattr(p, "is_flag", False) for p in parameters if p.param_type_name == "option")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_command_line_shown_is_valid(path: Path):
    lines = [command.text for block in blocks_of(path) if block.language == SHELL for command in commands_of(block)]
    shown = [found[0] for line in (*lines, *inline_code(path)) for found in [LINES.search(line)] if found]
    shown = [line for line in shown if line.split()[1] not in ("index", "ci") or len(line.split()) > 2]
    wrong = {line: message for line in shown if "..." not in line and (message := complaint(line))}
    assert wrong == {}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("seatrial trian", "no command"),
        ("seatrial train --fast", "no option --fast"),
        ("seatrial train now", "too many arguments"),
        ("seatrial trial accept --because x", "no option"),
        ("seatrial trial a==1 b==2", ""),
        ("seatrial deploy local 0.2.0 --reason 'new fares'", ""),
        ("seatrial ci circleci --check  # is it up to date?", ""),
    ],
)
def test_an_invalid_command_line_is_reported(line: str, message: str):
    assert complaint(line).startswith(message)
    assert bool(complaint(line)) == bool(message)
