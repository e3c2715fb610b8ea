"""Failures of `publish`, `releases`, `serve` and `index serve`: one clear line, an exit code, and no leftovers."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.commands import run_here
from tests.projects.tiny import make_dist, make_project, make_wheel
from tests.release.indexes import TOKEN, Private, answering, private_index

from seatrial.release import FolderIndex

SETTINGS = """
[tool.seatrial.index]
team = {{ url = "{url}/simple/", token = "TEAM_TOKEN" }}
local = "here"
down = {{ url = "{down}/simple/", token = "TEAM_TOKEN" }}
unset = {{ url = "{url}/simple/", token = "NOBODY_SET_THIS" }}
"""


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Private]:
    root = tmp_path_factory.mktemp("team")
    with private_index(root / "index", log=root / "log.txt") as running:
        yield running


@pytest.fixture
def project(private: Private, tmp_path: Path) -> Path:
    """A project with a build in dist/ and no trial."""
    with answering(lambda _: None) as down:
        pass
    root = make_project(tmp_path / "tiny")
    with (root / "pyproject.toml").open("a") as file:
        file.write(SETTINGS.format(url=private.url, down=down))
    make_dist(root)
    return root


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAM_TOKEN", TOKEN)


COMMANDS = """
import json, os, sys
from seatrial.cli.app import run
for token, words in json.load(sys.stdin):
    os.environ["TEAM_TOKEN"] = token
    print(words, run(words), flush=True)
"""


def said_by(root: Path, commands: list[tuple[str, tuple[str, ...]]]) -> str:
    """All output of commands, each with a token, run one after the other in one process."""
    command = [sys.executable, "-c", COMMANDS]
    done = subprocess.run(
        command, cwd=root, input=json.dumps(commands), capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout + done.stderr


BAD = {
    "no network": (("releases", "--index", "down"), TOKEN, "cannot be read: connection refused"),
    "no network to publish to": (("publish", "--index", "down"), TOKEN, "cannot be read: connection refused"),
    "a wrong token": (("publish", "--index", "team"), "wrong-token", "rejects the token in TEAM_TOKEN (401)"),
    "a token that is not set": (("publish", "--index", "unset"), TOKEN, "variable NOBODY_SET_THIS is not set"),
    "no such index": (("releases", "--index", "taem"), TOKEN, "No index is called 'taem'"),
    "a token in the address": (("releases", "--index", "http://a:b@c/"), TOKEN, "contains a user name or a token"),
    "a file as index": (("releases", "--index", "pyproject.toml"), TOKEN, "is a file, not an index"),
    "no trial": (("publish", "--index", "team"), TOKEN, "No trial has been run for this wheel"),
    "no such release": (("serve", "tiny-model==9", "--index", "team"), TOKEN, "has no release of tiny-model"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_failure_is_one_clear_line_and_leaves_nothing_behind(
    project: Path, private: Private, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, token, message = BAD[case]
    monkeypatch.setenv("TEAM_TOKEN", token)
    before = tree(project)
    done = run_here(*words, cwd=project)
    assert done.returncode == 1, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith(("error:", "hint:"))]
    assert message in lines[0]
    assert len(lines) == 2
    assert "Traceback" not in done.stderr
    assert tree(project) == before
    assert FolderIndex(private.folder).releases("tiny-model") == []


def test_a_damaged_wheel_and_a_version_that_exists_are_refused(project: Path, private: Private, tmp_path: Path) -> None:
    wheel = next((project / "dist").glob("*.whl"))
    good = wheel.read_bytes()
    wheel.write_bytes(good[:-50])
    assert "is damaged" in (done := run_here("publish", cwd=project)).stderr
    assert done.returncode == 1
    wheel.write_bytes(good)
    other = FolderIndex(project / "here")
    other.publish([make_wheel(tmp_path / "b", content="x = 1")])
    done = run_here("publish", "--index", "local", cwd=project)
    assert done.returncode == 1
    assert "never overwritten" in done.stderr


def test_the_token_is_never_shown_or_stored(
    project: Path, private: Private, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in what the commands say, with a traceback or without, not in any file, and not in the list of processes."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("SEATRIAL_HOME", str(home))  # the session's has all environments of other tests
    commands = [
        (TOKEN, ("releases", "--json")),
        (TOKEN, ("publish", "--debug")),
        (TOKEN, ("releases", "--index", "down", "--debug")),
        (TOKEN, ("serve", "tiny-model", "--index", "team", "--debug")),
        (f"wrong-{TOKEN}", ("releases", "--index", "team", "--debug")),
    ]
    said = said_by(project, commands)
    assert said.count("Traceback (most recent call last)") >= len(commands) - 1
    assert "rejects the token in TEAM_TOKEN" in said
    command = Path(f"/proc/{private.process.pid}/cmdline")
    said += command.read_text() if command.exists() else ""
    assert TOKEN not in said
    for folder in (project, private.folder.parent, home):
        done = subprocess.run(["grep", "-rlF", TOKEN, str(folder)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (1, "")


def test_releases_of_a_named_index_are_listed(project: Path, private: Private, tmp_path: Path) -> None:
    FolderIndex(private.folder).publish([make_wheel(tmp_path, "listed-model")])
    done = run_here("releases", "listed-model", cwd=project)
    assert done.returncode == 0, done.stderr
    assert "listed-model 0.1.0" in done.stdout
    assert "onnx" in done.stdout
    empty = run_here("releases", "--index", "local", cwd=project)
    assert (empty.returncode, empty.stdout) == (0, "")
    assert "No release of tiny-model on here yet" in empty.stderr


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_certificate_and_its_key_must_be_used_together(project: Path, tmp_path: Path) -> None:
    (tmp_path / "k.pem").write_text("x")
    done = run_here("index", "serve", "--port", "0", "--key", str(tmp_path / "k.pem"), cwd=project)
    assert done.returncode == 2
    assert "--certificate and --key must be used together" in done.stderr


def test_an_invalid_policy_is_an_error_when_two_wheels_are_named(project: Path, tmp_path: Path) -> None:
    settings = project / "pyproject.toml"
    before = settings.read_text()
    settings.write_text(before.replace('target = "', 'target = 3 # "', 1))
    try:
        wheels = [str(make_wheel(tmp_path / version, version=version)) for version in ("0.1.0", "0.2.0")]
        done = run_here("trial", *wheels, cwd=project)
    finally:
        settings.write_text(before)
    assert done.returncode != 0
    assert "target = 3 has the wrong type" in done.stderr
