"""The command line of the server: invalid options and releases that cannot be served, without a process for each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.interrupted import interrupted_at_import

from seatrial.core.access_keys import make_key, render_keys
from seatrial.core.environment_variables import VARIABLES
from seatrial.serve.command import main

PLATFORMS = ("AIP_HTTP_PORT", "AIP_PREDICT_ROUTE", "AIP_HEALTH_ROUTE", "SAGEMAKER_BIND_TO_PORT")
RunMain = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def run_main(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], restored_logging: None
) -> Callable[..., tuple[int, list[str]]]:
    """A function that runs the command line, and returns its exit code and the lines of standard error."""

    def run(*arguments: str, **environment: str) -> tuple[int, list[str]]:
        for name in ("HOST", "PORT", *PLATFORMS, *(name for name in VARIABLES if name.startswith("SEATRIAL_"))):
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
        (["--grpc-port", "-1"], {}, "'-1' is not a port"),
        ([], {"SEATRIAL_GRPC_PORT": "x"}, "'x' is not a port"),
        (["--workers", "0"], {}, "'0' is not an integer of at least 1"),
        (["--allowed-hosts", "a.example,http://b.example"], {}, "'http://b.example' is not a host name"),
        ([], {"SEATRIAL_ALLOWED_HOSTS": "a b"}, "'a b' is not a host name"),
        (["--cors-origins", "https://a.example,a.example"], {}, "'a.example' is not an origin"),
        (["--cors-origins", "https://a.example/"], {}, "'https://a.example/' is not an origin"),
        ([], {"SEATRIAL_CORS_ORIGINS": "null"}, "'null' is not an origin"),
        (["--root-path", "models"], {}, "'models' is not a path"),
        (["--root-path", "/a b"], {}, "'/a b' is not a path"),
        ([], {"SEATRIAL_ROOT_PATH": "//evil.example"}, "'//evil.example' is not a path"),
        (["--trusted-proxies", "10.0.0.1,proxy"], {}, "'proxy' is not an address or a network"),
        ([], {"SEATRIAL_TRUSTED_PROXIES": "*"}, "'*' is not an address or a network"),
        ([], {"AIP_HTTP_PORT": "http"}, "'http' is not a port"),
        (["serve"], {"SAGEMAKER_BIND_TO_PORT": "x"}, "'x' is not a port"),
        ([], {"AIP_PREDICT_ROUTE": "predict"}, "'predict' is not a path"),
        (["--health-route", "/a?b"], {}, "'/a?b' is not a path"),
        (["--wait-limit", "soon"], {}, "'soon' is not a number of seconds"),
        ([], {"SEATRIAL_WAIT_LIMIT": "-1"}, "'-1' is not a number of seconds"),
        (["--tls-key", "tls.key"], {}, "--tls-certificate and --tls-key must be used together"),
        ([], {"SEATRIAL_TLS_CERTIFICATE": "tls.pem"}, "must be used together"),
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


ONE_KEY = render_keys([make_key("web", ["predict"])[0]])


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (["--host", "0.0.0.0"], {}, "Other machines can reach the server on 0.0.0.0, and it has no access keys."),
        (["--host", "0.0.0.0"], {"SEATRIAL_OPEN": "false"}, "it has no access keys"),
        (["--host", "::"], {}, "Other machines can reach the server on ::, and it has no access keys."),
        (["--host", "0.0.0.0"], {"SEATRIAL_KEYS": "", "SEATRIAL_OPEN": "0"}, "it has no access keys"),
        ([], {"HOST": "0.0.0.0"}, "it has no access keys"),
        (["--open"], {"SEATRIAL_KEYS": ONE_KEY}, "has access keys, and it was to be open"),
        ([], {"SEATRIAL_KEYS": ONE_KEY, "SEATRIAL_OPEN": "1"}, "has access keys, and it was to be open"),
        (["--keys", "none.json"], {}, "none.json cannot be read: No such file or directory"),
        ([], {"SEATRIAL_KEYS": "none.json"}, "none.json cannot be read: No such file or directory"),
        ([], {"SEATRIAL_KEYS": '{"keys": [{}]}'}, "SEATRIAL_KEYS: keys[0].name must be"),
        (["--workers", "2"], {"SEATRIAL_KEYS": "{"}, "SEATRIAL_KEYS is not valid JSON"),
    ],
)
def test_a_server_that_would_be_open_or_has_no_valid_keys_does_not_start(
    run_main: RunMain,
    titanic_project: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: Any,
    environment: Any,
    message: str,
) -> None:
    monkeypatch.syspath_prepend(titanic_project / "src")
    code, lines = run_main("titanic_model", "--port", "0", *arguments, **environment)
    assert code == 1
    assert message in lines[-1]
    assert lines[-1].startswith("error: ")


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
