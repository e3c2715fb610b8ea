"""The target `railway`, with a fake of Railway's command line that records its calls and can fail."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import jsonschema
import pytest
from tests.deploy.fake_commands import FakeCommand, fake_command
from tests.deploy.pinned_releases import fake_pinned_release
from tests.projects.tiny import make_project
from tests.serve.clients import threaded

from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings, find_project
from seatrial.deploy.railway import Railway
from seatrial.deploy.target import PinnedRelease
from seatrial.model import Release
from seatrial.serve import create_app

TOKEN = "rw-5d1e8c0a9b"

# The keys of railway.json in Railway's documentation, with their types; Railway rejects quoted numbers.
SCHEMA = {
    "type": "object",
    "required": ["$schema", "build", "deploy"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"const": "https://railway.com/railway.schema.json"},
        "build": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"builder": {"enum": ["RAILPACK", "DOCKERFILE"]}, "dockerfilePath": {"type": "string"}},
        },
        "deploy": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "healthcheckPath": {"type": "string", "pattern": "^/"},
                "healthcheckTimeout": {"type": "integer", "minimum": 1},
                "restartPolicyType": {"enum": ["ON_FAILURE", "ALWAYS", "NEVER"]},
                "restartPolicyMaxRetries": {"type": "integer", "minimum": 0},
                "overlapSeconds": {"type": "integer", "minimum": 0},
                "drainingSeconds": {"type": "integer", "minimum": 0},
                "preDeployCommand": {"type": "array", "items": {"type": "string"}},
            },
        },
    },
}


@pytest.fixture
def tiny(tmp_path: Path) -> ProjectSettings:
    return find_project(make_project(tmp_path / "tiny"))


@pytest.fixture
def railway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCommand:
    """The command on the PATH, and a token in the environment."""
    railway = fake_command(tmp_path / "cli", "railway")
    monkeypatch.setenv("PATH", f"{railway.folder / 'bin'}:/usr/bin:/bin")
    monkeypatch.delenv("RAILWAY_API_TOKEN", raising=False)
    monkeypatch.setenv("RAILWAY_TOKEN", TOKEN)
    return railway


@pytest.fixture
def pinned(tiny: ProjectSettings, tmp_path: Path) -> PinnedRelease:
    return fake_pinned_release(tmp_path / "pin", tiny)


@pytest.fixture
def service() -> Iterator[tuple[str, dict[str, object]]]:
    """The service on Railway; it reports the version in the dictionary."""
    state: dict[str, object] = {"version": "0.0.9"}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({"version": state["version"], "example": {"x": 1.0}})

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            prediction = {"predictions": [1], "probabilities": [{"0": 0.25, "1": state.get("probability", 0.75)}]}
            self._answer({"version": state["version"], **prediction})

        def _answer(self, document: object) -> None:
            state["requests"] = int(str(state.get("requests", 0))) + 1
            if "turns" in state and state["requests"] == 3:
                state["version"] = state.pop("turns")
            body = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", state
    server.shutdown()
    server.server_close()


def deploy(target: Railway, pinned: PinnedRelease) -> tuple[str, list[str], int]:
    steps: list[str] = []
    commits: list[None] = []
    target.check()
    where = target.switch(pinned, lambda: commits.append(None), steps.append)
    return where, steps, len(commits)


def test_it_uploads_the_lockfile_and_its_wheels_and_nothing_else(
    tiny: ProjectSettings, railway: FakeCommand, pinned: PinnedRelease
) -> None:
    where, steps, commits = deploy(Railway(tiny, {"service": "titanic", "environment": "staging"}), pinned)
    (call,) = railway.calls
    assert call["argv"] == ["up", "--detach", "--service", "titanic", "--environment", "staging"]
    assert call["environment"]["RAILWAY_TOKEN"] == TOKEN
    assert sorted(call["files"]) == [
        ".dockerignore", "Dockerfile", "install_pinned.py", "railway.json", "requirements.txt", "wheels/tiny_model-0.1.0-py3-none-any.whl"
    ]  # fmt: skip
    assert call["files"]["requirements.txt"] == pinned.requirements.read_text()
    assert not Path(call["cwd"]).exists()
    assert TOKEN not in json.dumps([call["argv"], call["files"], steps])
    assert (where, commits) == ("the service titanic on Railway", 1)
    assert "uploaded, but not verified" in steps[-1]


def test_the_config_has_only_documented_keys(tiny: ProjectSettings) -> None:
    files = Railway(tiny, {"service": "titanic"}).files()
    document = json.loads(files["railway.json"])
    jsonschema.validate(document, SCHEMA)
    assert document["build"] == {"builder": "DOCKERFILE", "dockerfilePath": "Dockerfile"}
    assert document["deploy"]["healthcheckPath"] == "/ready"
    for wrong in ({"drainingSeconds": "10"}, {"healthCheckPath": "/ready"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**document, "deploy": wrong}, SCHEMA)


@pytest.mark.parametrize(("settings", "drain"), [({}, 25), ({"draining": 60}, 55), ({"draining": 3}, 0)])
def test_the_old_release_has_the_time_to_answer_on_its_open_connections(
    tiny: ProjectSettings, settings: dict[str, int], drain: int
) -> None:
    files = Railway(tiny, {"service": "titanic", **settings}).files()
    deploy = json.loads(files["railway.json"])["deploy"]
    assert deploy["drainingSeconds"] == settings.get("draining", 30)
    found = re.findall(r"^ENV .* SEATRIAL_DRAIN=(\d+)$", files["Dockerfile"], re.MULTILINE)
    assert found == ([str(drain)] if drain else [])


def test_its_dockerfile_reads_the_index_from_the_service_and_needs_no_mounts(tiny: ProjectSettings) -> None:
    dockerfile = Railway(tiny, {"service": "titanic"}).files()["Dockerfile"]
    assert "ARG PIP_EXTRA_INDEX_URL" in dockerfile
    assert "--mount" not in dockerfile
    assert (
        'ENTRYPOINT ["env", "-u", "PIP_EXTRA_INDEX_URL", "python", "-m", "seatrial.serve", "tiny_model"' in dockerfile
    )


def test_the_server_accepts_the_host_header_of_railways_health_check(titanic: Release) -> None:
    with threaded(create_app(titanic)) as (port, _):
        url = f"http://127.0.0.1:{port}/ready"
        assert httpx.get(url, headers={"Host": "healthcheck.railway.app"}).status_code == 200


def test_a_projects_own_dockerfile_takes_precedence(
    tiny: ProjectSettings, railway: FakeCommand, pinned: PinnedRelease
) -> None:
    own = tiny.root / "deploy" / "railway" / "Dockerfile"
    own.parent.mkdir(parents=True)
    own.write_text("FROM scratch\n")
    deploy(Railway(tiny, {"service": "titanic"}), pinned)
    assert railway.calls[0]["files"]["Dockerfile"] == "FROM scratch\n"


def test_with_a_url_it_waits_until_the_new_version_is_verified(
    tiny: ProjectSettings, railway: FakeCommand, pinned: PinnedRelease, service: tuple[str, dict[str, object]]
) -> None:
    url, state = service
    state["turns"] = "0.1.0"
    target = Railway(tiny, {"service": "titanic", "url": url + "/"})
    assert target.serving() == "0.0.9"
    assert deploy(target, pinned)[::2] == (url, 1)
    assert target.serving() == "0.1.0"


def test_a_service_with_wrong_predictions_is_not_committed(
    tiny: ProjectSettings, railway: FakeCommand, pinned: PinnedRelease, service: tuple[str, dict[str, object]]
) -> None:
    service[1].update(version="0.1.0", probability=0.7)
    commits: list[None] = []
    message = r"tiny-model 0\.1\.0 cannot be served: its predictions for the golden rows differ from those at training by up to 0\.05\."
    with pytest.raises(SeatrialError, match=message):
        Railway(tiny, {"service": "titanic", "url": service[0]}).switch(
            pinned, lambda: commits.append(None), lambda _: None
        )
    assert commits == []


def test_nothing_is_committed_if_the_new_version_does_not_appear(
    tiny: ProjectSettings, railway: FakeCommand, pinned: PinnedRelease, service: tuple[str, dict[str, object]]
) -> None:
    target = Railway(tiny, {"service": "titanic", "url": service[0], "patience": 0.3})
    commits: list[None] = []
    with pytest.raises(SeatrialError, match=r"does not serve 0\.1\.0 after 0 s; it serves 0\.0\.9") as refused:
        target.switch(pinned, lambda: commits.append(None), lambda _: None)
    assert refused.value.hint == "To see why, run `railway logs --build`."
    assert commits == []


def test_settle_uploads_again_only_if_another_version_is_known_to_run(
    tiny: ProjectSettings, railway: FakeCommand, pinned: PinnedRelease, service: tuple[str, dict[str, object]]
) -> None:
    url, state = service
    Railway(tiny, {"service": "titanic"}).settle(pinned, lambda _: None)
    target = Railway(tiny, {"service": "titanic", "url": url})
    target.settle(None, lambda _: None)
    state["version"] = "0.1.0"
    target.settle(pinned, lambda _: None)
    assert railway.calls == []
    state.update(version="0.0.9", requests=0, turns="0.1.0")
    target.settle(pinned, lambda _: None)
    assert len(railway.calls) == 1


def test_without_the_command_line_it_says_how_to_install_it(
    tiny: ProjectSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SeatrialError, match=r"railway is not installed\.") as refused:
        Railway(tiny, {"service": "titanic"}).check()
    assert "npm install --global @railway/cli" in refused.value.hint


def test_a_missing_token_is_named(tiny: ProjectSettings, railway: FakeCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAILWAY_TOKEN")
    with pytest.raises(SeatrialError, match="RAILWAY_TOKEN is not set") as refused:
        Railway(tiny, {"service": "titanic"}).check()
    assert "project token" in refused.value.hint


def test_an_account_token_needs_the_project(
    tiny: ProjectSettings, railway: FakeCommand, pinned: PinnedRelease, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAILWAY_TOKEN")
    monkeypatch.setenv("RAILWAY_API_TOKEN", "account")
    with pytest.raises(SeatrialError, match="the project must be named"):
        Railway(tiny, {"service": "titanic"}).check()
    deploy(Railway(tiny, {"service": "titanic", "project": "6f1c"}), pinned)
    assert railway.calls[0]["argv"][-2:] == ["--project", "6f1c"]


@pytest.mark.parametrize(
    "words",
    [
        "Invalid RAILWAY_TOKEN. Please check that your token is valid and has not expired",
        "Unauthorized. Please check that your RAILWAY_TOKEN is valid and has access to the resource",
        "Not signed in.\n  Run `railway login` to authenticate, then re-run.",
    ],
)
def test_a_rejected_token_is_named_only_by_its_variable(
    tiny: ProjectSettings, railway: FakeCommand, pinned: PinnedRelease, words: str
) -> None:
    railway.behave("up", 1, err=f"{words}\n")
    with pytest.raises(SeatrialError) as refused:
        deploy(Railway(tiny, {"service": "titanic"}), pinned)
    assert refused.value.message == "Railway rejected the token in RAILWAY_TOKEN: it is invalid or expired."
    assert TOKEN not in str(refused.value) + refused.value.hint


def test_a_failed_upload_shows_the_last_output_without_the_token(
    tiny: ProjectSettings, railway: FakeCommand, pinned: PinnedRelease
) -> None:
    railway.behave("up", 1, out="Indexing...\n", err="Service titanic not found in $TOKEN\n")
    with pytest.raises(SeatrialError, match=r"railway cannot upload\. Its output:") as refused:
        deploy(Railway(tiny, {"service": "titanic"}), pinned)
    assert "Service titanic not found in ****" in refused.value.message


def test_a_hanging_upload_is_killed(tiny: ProjectSettings, railway: FakeCommand, pinned: PinnedRelease) -> None:
    railway.behave("up", "hang")
    with pytest.raises(SeatrialError, match="railway cannot upload: it did not finish within 1 s") as refused:
        deploy(Railway(tiny, {"service": "titanic", "upload_timeout": 1.0}), pinned)
    assert "Check the network connection" in refused.value.hint


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"service": 7}, "[tool.seatrial.deploy.railway] service = 7: Input should be a valid string"),
        ({"service": "x", "enviroment": "y"}, "has an unknown key `enviroment`"),
        ({"service": "x", "overlap": -1}, "overlap = -1: Input should be greater than or equal to 0"),
        ({"service": "x", "url": "titanic.example.com"}, "url = 'titanic.example.com': String should match pattern"),
    ],
)
def test_an_invalid_setting_is_named(tiny: ProjectSettings, settings: dict[str, object], message: str) -> None:
    with pytest.raises(SeatrialError) as refused:
        Railway(tiny, settings)
    assert message in refused.value.message
