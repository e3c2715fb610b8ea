"""The command line as a whole: what it loads, how it fails, and what it returns."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.commands import run_here
from tests.interrupted import interrupted_at_import

pytestmark = pytest.mark.slow

COMMANDS = (
    *("new", "adopt", "update", "add"),
    *("refresh", "train", "build", "publish", "release", "releases", "serve", "predict", "bump"),
    *("deploy", "rollback", "deployments"),
    *("prove", "doctor", "demo", "trial", "index", "ci", "cache"),
)
HEAVY = {
    *("numpy", "pandas", "sklearn", "pyarrow", "onnxruntime", "onnx", "jinja2"),
    *("fastapi", "starlette", "uvicorn", "httpx", "yaml", "copier", "tomlkit"),
}


HELP = """
import contextlib, io, json, sys
import seatrial
loaded = {"the package": list(sys.modules)}
from seatrial.cli.app import run
printed = {}
for words in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert run(words) == 0, words
    name = " ".join(words)
    printed[name], loaded[name] = out.getvalue(), list(sys.modules)
print(json.dumps([printed, loaded]))
"""


@pytest.fixture(scope="module")
def helped() -> tuple[dict[str, str], dict[str, set[str]]]:
    """What each help prints, and the top-level modules that are loaded after it, all in one process."""
    words = [["--help"], *([command, "--help"] for command in COMMANDS)]
    command = [sys.executable, "-c", HELP, json.dumps(words)]
    variables = {**os.environ, "COLUMNS": "200"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=variables)
    assert done.returncode == 0, done.stderr
    printed, loaded = json.loads(done.stdout)
    return printed, {name: {module.partition(".")[0] for module in each} for name, each in loaded.items()}


def test_help_and_the_package_load_nothing_heavy(helped):
    _, loaded = helped
    assert {name: found for name, modules in loaded.items() if (found := modules & HEAVY)} == {}
    assert "seatrial" in loaded["the package"]
    assert "pydantic" not in loaded["the package"]  # Typer itself loads it for a command


def test_every_command_has_help_with_an_example_and_is_listed_in_a_group(helped):
    printed, _ = helped
    for command in COMMANDS:
        assert f"Example: seatrial {command}" in printed[f"{command} --help"]
        assert f"│ {command} " in printed["--help"]
    assert "─ Commands ─" not in printed["--help"]


def test_brackets_in_a_help_are_not_markup(helped):
    for command in ("publish", "deploy", "releases", "serve"):
        assert "[tool.seatrial.index]" in helped[0][f"{command} --help"]


def test_the_help_of_the_trial_has_its_options(helped):
    assert "--same-wheel" in helped[0]["trial --help"]
    assert "seatrial trial accept" in helped[0]["trial --help"]


@pytest.mark.parametrize("words", [("nosuch",), ("train", "--nope"), ("serve", "--port", "99999"), ("predict",)])
def test_wrong_usage_is_exit_code_2_and_no_traceback(words, tmp_path):
    done = run_here(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert "Error" in done.stderr
    assert "Traceback" not in done.stderr


def test_outside_a_project_a_hint_says_what_to_do(tmp_path):
    for command in ("train", "build", "publish", "releases", "serve", "demo"):
        done = run_here(command, cwd=tmp_path)
        assert done.returncode == 1
        assert done.stderr.splitlines() == [
            f"error: No Seatrial project in {tmp_path} or above it.",
            "hint: Change to a folder whose pyproject.toml has [tool.seatrial], or name one with --project.",
        ]


def test_a_traceback_is_printed_only_on_request(tmp_path, monkeypatch):
    assert "Traceback" not in run_here("train", cwd=tmp_path).stderr
    for words, variable in ((("train", "--debug"), ""), (("train",), "1")):
        monkeypatch.setenv("SEATRIAL_DEBUG", variable)
        done = run_here(*words, cwd=tmp_path)
        assert "Traceback" in done.stderr
        assert "No Seatrial project" in done.stderr


@pytest.mark.parametrize("command", [[sys.executable, "-m", "seatrial"], [Path(sys.executable).parent / "seatrial"]])
def test_the_package_runs_as_the_script_that_pip_installs_does(command):
    """Most other tests call the function behind both."""
    from seatrial import __version__

    done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"seatrial {__version__}\n")
    done = subprocess.run([*command, "nosuch"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "No such command 'nosuch'" in done.stderr


def test_a_trial_runs_by_default_and_by_its_name(tmp_path):
    for words in (("trial", "only-one==1"), ("trial", "run", "only-one==1")):
        done = run_here(*words, cwd=tmp_path)
        assert done.returncode == 2
        assert "give both OLD and NEW, or neither" in done.stderr
    assert "No such command" not in done.stderr
    assert run_here("trial", "hold", "a==1", "b==1", "c==1", cwd=tmp_path).returncode == 2  # its earlier name


def test_an_unexpected_error_is_reported_as_a_bug_without_a_traceback(monkeypatch, capsys):
    from seatrial.cli import app
    from seatrial.steps import project

    def broken(_start):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(project, "find_project", broken)
    assert app.run(["build"]) == 1
    errors = capsys.readouterr().err
    assert "ZeroDivisionError: oops" in errors
    assert "This is a bug in Seatrial" in errors
    assert "Traceback" not in errors


def test_a_link_that_leads_in_a_circle_is_named(tmp_path: Path):
    (tmp_path / "circle").symlink_to("circle")
    done = run_here("train", "--project", "circle", cwd=tmp_path)
    assert done.returncode == 1
    assert "This is a bug" not in done.stderr
    assert "circle" in done.stderr


@pytest.mark.parametrize(
    ("number", "said"), [(28, "No space left on device"), (13, "Permission denied"), (30, "Read-only")]
)
def test_what_the_machine_refuses_is_not_a_bug(number, said, monkeypatch, capsys):
    from seatrial.cli import app
    from seatrial.steps import project

    def full(_start):
        raise OSError(number, os.strerror(number), "/somewhere/file")

    monkeypatch.setattr(project, "find_project", full)
    assert app.run(["build"]) == 1
    assert capsys.readouterr().err.startswith(f"error: /somewhere/file: {said}")


def test_a_full_disk_is_not_a_bug_when_a_tool_of_a_library_reports_it(monkeypatch, capsys):
    from seatrial.cli import app
    from seatrial.steps import project

    def full(_start):
        raise RuntimeError("Command line: git init\nStderr:     | fatal: cannot copy 'x': No space left on device\nend")

    monkeypatch.setattr(project, "find_project", full)
    assert app.run(["build"]) == 1
    error, hint = capsys.readouterr().err.splitlines()
    assert error == "error: Stderr:     | fatal: cannot copy 'x': No space left on device"
    assert hint.startswith("hint: Free some space")


def test_a_closed_pipe_and_a_full_disk_at_standard_output():
    command = [sys.executable, "-m", "seatrial", "--help"]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "error: standard output or a temporary file: No space left on device.\n"


def test_ctrl_c_is_exit_code_130(monkeypatch, capsys):
    from seatrial.cli import app
    from seatrial.steps import project

    def interrupted(_start):
        raise KeyboardInterrupt

    monkeypatch.setattr(project, "find_project", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    try:
        assert app.run(["build"]) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err == "stopped\n"


def test_ctrl_c_is_exit_code_130_whatever_an_import_makes_of_it(monkeypatch, capsys):
    from seatrial.cli import app
    from seatrial.steps import project

    def interrupted(_start):
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt:
            raise ImportError("initialization of _core raised unreported exception") from None

    monkeypatch.setattr(project, "find_project", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    try:
        assert app.run(["build"]) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err == "stopped\n"


@pytest.mark.parametrize("module", ["seatrial.cli.app", "typer", "rich.console", "pydantic_core"])
def test_ctrl_c_while_the_command_line_loads_prints_no_traceback(module):
    done = interrupted_at_import(module, "seatrial", "--help")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "stopped\n")


def test_a_misspelt_setting_is_named_with_the_nearest_one(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n[tool.seatrial]\ntargett = "y"\n')
    done = run_here("train", cwd=tmp_path)
    assert done.returncode == 1
    assert "unknown key `targett`" in done.stderr
    assert "Did you mean `target`?" in done.stderr


def test_releases_of_an_empty_index_are_an_empty_list(titanic_project, tmp_path):
    done = run_here("releases", "--index", str(tmp_path), "--json", cwd=titanic_project)
    assert done.returncode == 0
    assert json.loads(done.stdout) == []
