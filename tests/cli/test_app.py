"""The command line as a whole: what it loads, how it fails, and what it returns."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = (
    *("new", "adopt", "update", "add"),
    *("train", "build", "publish", "releases", "serve", "predict", "bump"),
    *("deploy", "rollback", "deployments"),
    *("prove", "doctor", "demo", "trial", "index", "ci"),
)
HEAVY = {
    *("numpy", "pandas", "sklearn", "pyarrow", "onnxruntime", "onnx", "jinja2"),
    *("fastapi", "starlette", "uvicorn", "httpx", "yaml", "copier", "tomlkit"),
}


def seatrial(*words: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "seatrial", *words]
    variables = {**os.environ, "COLUMNS": "200", **environment}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=variables, check=False)


def loaded_by(*words: str) -> set[str]:
    """The top-level modules that a process has loaded after running this command."""
    code = "import sys; {}; sys.stderr.write('\\n' + ' '.join(sys.modules))"
    body = "import seatrial" if not words else f"from seatrial.cli.app import run; run({list(words)!r})"
    done = subprocess.run([sys.executable, "-c", code.format(body)], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stderr.splitlines()[-1].split()}


@pytest.mark.parametrize("words", [(), ("--help",), *((command, "--help") for command in COMMANDS)], ids=" ".join)
def test_help_and_the_package_load_nothing_heavy(words):
    loaded = loaded_by(*words)
    assert "seatrial" in loaded
    assert not loaded & HEAVY
    assert words or "pydantic" not in loaded  # Typer itself loads it for a command


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command):
    done = seatrial(command, "--help")
    assert done.returncode == 0
    assert f"Example: seatrial {command}" in done.stdout


@pytest.mark.parametrize("words", [("nosuch",), ("train", "--nope"), ("serve", "--port", "99999"), ("predict",)])
def test_wrong_usage_is_exit_code_2_and_no_traceback(words):
    done = seatrial(*words)
    assert done.returncode == 2
    assert "Error" in done.stderr
    assert "Traceback" not in done.stderr


def test_outside_a_project_a_hint_says_what_to_do(tmp_path):
    for command in ("train", "build", "publish", "releases", "serve", "demo"):
        done = seatrial(command, cwd=tmp_path)
        assert done.returncode == 1
        assert done.stderr.splitlines() == [
            f"error: No Seatrial project in {tmp_path} or above it.",
            "hint: Change to a folder whose pyproject.toml has [tool.seatrial], or name one with --project.",
        ]


def test_a_traceback_is_printed_only_on_request(tmp_path):
    assert "Traceback" not in seatrial("train", cwd=tmp_path).stderr
    for words, environment in ((("train", "--debug"), {}), (("train",), {"SEATRIAL_DEBUG": "1"})):
        done = seatrial(*words, cwd=tmp_path, **environment)
        assert "Traceback" in done.stderr
        assert "No Seatrial project" in done.stderr


def test_the_package_runs_as_the_command_does():
    """The other tests here run `python -m seatrial`; this is the script that pip installs."""
    script = Path(sys.executable).parent / "seatrial"
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, seatrial("--version").stdout)


def test_a_trial_runs_by_default_and_by_its_name():
    for words in (("trial", "only-one==1"), ("trial", "run", "only-one==1")):
        done = seatrial(*words)
        assert done.returncode == 2
        assert "give both OLD and NEW, or neither" in done.stderr
    assert "No such command" not in done.stderr
    assert seatrial("trial", "hold", "a==1", "b==1", "c==1").returncode == 2  # what it was called before


def test_the_version_is_printed_alone():
    from seatrial import __version__

    assert seatrial("--version").stdout == f"seatrial {__version__}\n"


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
    assert app.run(["build"]) == 130
    assert capsys.readouterr().err == "stopped\n"


def test_a_misspelt_setting_is_named_with_the_nearest_one(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n[tool.seatrial]\ntargett = "y"\n')
    done = seatrial("train", cwd=tmp_path)
    assert done.returncode == 1
    assert "unknown key `targett`" in done.stderr
    assert "Did you mean `target`?" in done.stderr


def test_releases_of_an_empty_index_are_an_empty_list(titanic_project, tmp_path):
    done = seatrial("releases", "--index", str(tmp_path), "--json", cwd=titanic_project)
    assert done.returncode == 0
    assert json.loads(done.stdout) == []
