"""The command line of the server: invalid options and releases that cannot be served, without a process for each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.interrupted import interrupted_at_import

from seatrial.serve.command import main

PLATFORMS = ("AIP_HTTP_PORT", "AIP_PREDICT_ROUTE", "AIP_HEALTH_ROUTE", "SAGEMAKER_BIND_TO_PORT")
RunMain = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def run_main(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], restored_logging: None
) -> Callable[..., tuple[int, list[str]]]:
    """A function that runs the command line, and returns its exit code and the lines of standard error."""

    def run(*arguments: str, **environment: str) -> tuple[int, list[str]]:
        for name in ("HOST", "PORT", "SEATRIAL_DRAIN", "SEATRIAL_ALLOWED_HOSTS", *PLATFORMS):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        try:
            code = main(arguments)
        except SystemExit as exited:
            code = int(str(exited.code))
        out, err = capfd.readouterr()
        assert out == ""
        return code, err.splitlines()

    return run


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (["--port", "70000"], {}, "'70000' is not a port"),
        ([], {"PORT": "eighty"}, "'eighty' is not a port"),
        (["--workers", "0"], {}, "'0' is not an integer of at least 1"),
        (["--allowed-hosts", "a.example,http://b.example"], {}, "'http://b.example' is not a host name"),
        ([], {"SEATRIAL_ALLOWED_HOSTS": "a b"}, "'a b' is not a host name"),
        ([], {"AIP_HTTP_PORT": "http"}, "'http' is not a port"),
        (["serve"], {"SAGEMAKER_BIND_TO_PORT": "x"}, "'x' is not a port"),
        ([], {"AIP_PREDICT_ROUTE": "predict"}, "'predict' is not a path"),
        (["--health-route", "/a?b"], {}, "'/a?b' is not a path"),
        (["--drain", "soon"], {}, "'soon' is not a number of seconds"),
        (["--log-format", "xml"], {}, "invalid choice"),
        (["--standby-fd", "3"], {}, "--standby-fd requires --fd and a single worker"),
    ],
)
def test_invalid_options_are_named(run_main: RunMain, arguments: list[str], environment: Any, message: str) -> None:
    code, lines = run_main("titanic_model", *arguments, **environment)
    assert code == 2
    assert message in lines[-1]


@pytest.mark.parametrize(
    ("package", "message"),
    [
        ("nowhere_model", "error: No module named 'nowhere_model'"),
        ("json", "error: module 'json' has no release"),
        ("untrained_model", "error: There is no trained model in"),
    ],
)
def test_a_release_that_cannot_be_served_is_a_one_line_error(
    run_main: RunMain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, message: str
) -> None:
    (tmp_path / "untrained_model").mkdir()
    (tmp_path / "untrained_model" / "__init__.py").write_text('__version__ = "0.1.0"\n')
    monkeypatch.syspath_prepend(tmp_path)
    code, lines = run_main(package, "--port", "0")
    assert code == 1
    (line,) = lines
    assert line.startswith(message) or "There is no trained model" in line


def test_debug_shows_the_traceback_of_an_error(run_main: RunMain) -> None:
    with pytest.raises(ModuleNotFoundError, match="nowhere_model"):
        run_main("nowhere_model", "--port", "0", "--debug")


@pytest.mark.parametrize("module", ["argparse", "pydantic_core", "seatrial.http.hosts", "uvicorn", "onnxruntime"])
def test_ctrl_c_while_it_loads_prints_no_traceback(titanic_project: Path, module: str) -> None:
    source = str(titanic_project / "src")
    done = interrupted_at_import(module, "seatrial.serve", "titanic_model", "--port", "0", PYTHONPATH=source)
    assert (done.returncode, done.stdout) == (0, "")
    assert "Traceback" not in done.stderr
    assert "error" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "environment", "port"),
    [
        ([], {}, 8001),
        ([], {"PORT": "8100"}, 8100),
        ([], {"PORT": "8100", "AIP_HTTP_PORT": "8200"}, 8200),
        (["serve"], {"PORT": "8100"}, 8080),
        (["--host", "127.0.0.1", "serve"], {"SAGEMAKER_BIND_TO_PORT": "8300", "PORT": "8100"}, 8300),
        (["--port", "8400", "serve"], {"SAGEMAKER_BIND_TO_PORT": "8300"}, 8400),
    ],
)
def test_platforms_choose_the_port(
    run_main: RunMain, monkeypatch: pytest.MonkeyPatch, arguments: list[str], environment: Any, port: int
) -> None:
    served = []
    monkeypatch.setattr("seatrial.serve.server.run", lambda package, settings: served.append((package, settings)) or 0)
    routes = {"AIP_PREDICT_ROUTE": "/own", "AIP_HEALTH_ROUTE": "/fit"}
    assert run_main("titanic_model", *arguments, **environment, **routes) == (0, [])
    [(package, settings)] = served
    assert (package, settings.port) == ("titanic_model", port)
    assert (settings.predict_route, settings.health_route) == ("/own", "/fit")
