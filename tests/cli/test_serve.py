"""`seatrial serve` passes its settings on to the server, and the project's keys unless it is to be open."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.projects.tiny import make_project

from seatrial.cli.app import run
from seatrial.prediction_log.log_settings import LogSettings
from seatrial.steps import serve as serve_steps

Options = Callable[..., list[str]]
logs: list[str] = []  # of the servers so far


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Options:
    """A function that runs `seatrial serve` in a project, and returns what the server gets besides its address."""
    monkeypatch.chdir(make_project(tmp_path / "tiny"))
    passed: list[str] = []

    @contextmanager
    def serve(_: Any, *, host: str, port: int, options: tuple[str, ...], log: LogSettings | None) -> Iterator[None]:
        passed[:] = options
        logs.append(log.text() if log else "")
        yield

    monkeypatch.setattr(serve_steps, "serve", serve)
    monkeypatch.setattr(serve_steps, "prepare_checkout", lambda _: None)
    monkeypatch.setattr(serve_steps, "wait_for", lambda _: 0)

    def served(*words: str) -> list[str]:
        assert run(["serve", "--checkout", *words]) == 0
        return passed[passed.index("--log-format") + 2 :]

    return served


def test_the_projects_keys_are_used_unless_it_is_open(options: Options) -> None:
    assert options() == []
    assert run(["keys", "add", "web"]) == 0
    own = str(Path(".seatrial/keys.json").absolute())
    assert options() == ["--keys", own]
    assert options("--open") == ["--open"]
    assert options("--keys", "other.json") == ["--keys", str(Path("other.json").absolute())]


def test_other_settings_are_passed_on(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["--cors-origins", "https://a.example", "--root-path", "/m", "--trusted-proxies", "10.0.0.1"]
    assert options(*words) == words
    monkeypatch.setenv("SEATRIAL_ROOT_PATH", "/from/the/environment")
    monkeypatch.setenv("SEATRIAL_OPEN", "1")
    assert options() == ["--open", "--root-path", "/from/the/environment"]


def test_the_prediction_log_is_off_unless_it_is_named(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Path().absolute()

    def log_of(*words: str) -> Any:
        options(*words)
        return json.loads(logs[-1])

    assert log_of() == {}
    assert log_of("--prediction-log", "there") == {"to": str(here / "there")}
    with Path("pyproject.toml").open("a") as file:
        file.write('\n[tool.seatrial.log]\nto = "kept"\ndays = 30\n')
    assert log_of() == {"to": str(here / "kept"), "days": 30}
    assert log_of("--prediction-log", "s3://bucket/x") == {"to": "s3://bucket/x", "days": 30}
    monkeypatch.setenv("SEATRIAL_LOG", '{"to": "gs://bucket/x", "days": 7}')
    assert log_of() == {"to": "gs://bucket/x", "days": 7}


def test_certificate_files_are_passed_on_as_absolute_paths_and_only_together(
    options: Options, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"--tls-certificate": "tls.pem", "--tls-key": "tls.key"}
    absolute = [word for name, file in files.items() for word in (name, str(Path(file).absolute()))]
    assert options(*(word for pair in files.items() for word in pair)) == absolute
    assert run(["serve", "--checkout", "--tls-key", "tls.key"]) == 2
    assert "must be used together" in capsys.readouterr().err
    monkeypatch.setenv("SEATRIAL_TLS_CERTIFICATE", "tls.pem")
    monkeypatch.setenv("SEATRIAL_TLS_KEY", "tls.key")
    assert options() == absolute
