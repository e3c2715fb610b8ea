"""Keys of deployed services: where they are from, what refuses to be open, and what the rendered files take by default."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from tests.projects.tiny import make_project
from tests.serve.clients import threaded

from seatrial.core.access_keys import KEYS_FILE, changing_keys, make_key, parse_keys, read_key_file, render_keys
from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings, find_project
from seatrial.deploy import health
from seatrial.deploy.docker import Docker
from seatrial.deploy.health import VerificationRows
from seatrial.deploy.kubernetes import Kubernetes
from seatrial.deploy.local import Local
from seatrial.deploy.railway import Railway
from seatrial.deploy.service_keys import VERIFIER, keys_file, require_closed, verification_key
from seatrial.model import Release
from seatrial.serve import Settings as ServerSettings
from seatrial.serve import create_app


@pytest.fixture
def project(tmp_path: Path) -> ProjectSettings:
    return find_project(make_project(tmp_path / "tiny"))


def add_key(project: ProjectSettings, file: Path = KEYS_FILE) -> Path:
    with changing_keys(project.root / file) as keys:
        keys.append(make_key("web", ["predict"])[0])
    return project.root / file


def test_the_projects_keys_are_used_if_there_are_any(project: ProjectSettings) -> None:
    assert keys_file(project, None, is_open=False) is None
    own = add_key(project)
    assert keys_file(project, None, is_open=False) == own
    assert keys_file(project, None, is_open=True) is None
    named = add_key(project, Path("deploy/keys.json"))
    assert keys_file(project, "deploy/keys.json", is_open=False) == named
    with pytest.raises(SeatrialError, match="both `keys` and `open`"):
        keys_file(project, "deploy/keys.json", is_open=True)
    with pytest.raises(SeatrialError, match="cannot be read"):
        keys_file(project, "none.json", is_open=False)


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "", "10.0.0.1", "model.example"])
def test_a_service_for_other_machines_needs_keys_or_says_that_it_is_open(
    project: ProjectSettings, address: str
) -> None:
    with pytest.raises(SeatrialError, match="has no access keys") as caught:
        require_closed(project, "docker", address, None, is_open=False)
    assert "[tool.seatrial.deploy.docker] open = true" in caught.value.hint
    require_closed(project, "docker", address, None, is_open=True)
    require_closed(project, "docker", address, Path("keys.json"), is_open=False)
    require_closed(project, "docker", "127.0.0.1", None, is_open=False)


@pytest.mark.parametrize(("target", "settings"), [(Docker, {"address": "0.0.0.0"}), (Local, {"host": "0.0.0.0"})])
def test_an_open_deployment_is_refused_before_anything_changes(
    project: ProjectSettings, target: Any, settings: dict[str, Any]
) -> None:
    with pytest.raises(SeatrialError, match="has no access keys"):
        target(project, settings).check()


def test_a_container_gets_the_keys_and_one_that_verifies_it(project: ProjectSettings) -> None:
    assert Docker(project, {})._access() == ("SEATRIAL_OPEN=1", "")
    own = read_key_file(add_key(project))
    variable, secret = Docker(project, {"address": "0.0.0.0"})._access()
    name, _, text = variable.partition("=")
    *given, verifier = parse_keys(text, name)
    assert (name, tuple(given)) == ("SEATRIAL_KEYS", own)
    assert (verifier.name, verifier.scopes) == (VERIFIER, ("predict",))
    assert verifier.expires is not None
    assert secret not in text


def test_the_key_that_verifies_ends_soon() -> None:
    from datetime import UTC, datetime, timedelta

    key, _ = verification_key(60)
    assert not key.expired(datetime.now(UTC))
    assert key.expired(datetime.now(UTC) + timedelta(seconds=61))


def test_dockerfiles_take_keys_unless_they_are_to_be_open(project: ProjectSettings) -> None:
    for rendered in (Docker(project, {}).files(), Railway(project, {}).files()):
        assert '"--open"' not in rendered["Dockerfile"]
        assert "SEATRIAL_KEYS" in rendered["Dockerfile"]
    opened = Railway(project, {"open": True}).files()["Dockerfile"]
    assert '"--host", "0.0.0.0", "--open"]' in opened
    assert "SEATRIAL_KEYS" not in opened


def test_pods_take_keys_from_a_secret_unless_they_are_to_be_open(project: ProjectSettings) -> None:
    def pod(**settings: Any) -> Any:
        rendered = Kubernetes(project, settings).render("0.1.0", "0" * 64)
        return next(yaml.safe_load_all(rendered))["spec"]["template"]["spec"]

    closed = pod()
    (container,) = closed["containers"]
    variables = {each["name"]: each["value"] for each in container["env"]}
    assert variables["SEATRIAL_KEYS"] == "/run/secrets/seatrial/keys.json"
    assert container["volumeMounts"] == [{"name": "keys", "mountPath": "/run/secrets/seatrial", "readOnly": True}]
    assert closed["volumes"] == [{"name": "keys", "secret": {"secretName": "tiny-model-keys"}}]
    assert pod(keys_secret="team")["volumes"][0]["secret"] == {"secretName": "team"}
    opened = pod(open=True)
    assert {"name": "SEATRIAL_OPEN", "value": "1"} in opened["containers"][0]["env"]
    assert "volumes" not in opened
    assert "SEATRIAL_KEYS" not in str(opened)


def test_a_locked_service_is_verified_with_a_key(titanic: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    key, secret = make_key("deploy", ["predict"])
    example = titanic.metadata.example
    classes = [str(label) for label in titanic.metadata.classes]
    scores = titanic.predict([example])[0]["probabilities"]
    golden = VerificationRows([example], [[scores[name] for name in classes]], classes)
    pinned: Any = SimpleNamespace(name=titanic.name, version=titanic.version, wheel=None)
    monkeypatch.setattr(health, "read_golden_rows", lambda _: golden)
    with threaded(create_app(titanic, ServerSettings(keys_text=render_keys([key])))) as (port, _):
        url = f"http://127.0.0.1:{port}"
        with pytest.raises(SeatrialError, match="HTTP status 401") as refused:
            health.require_verified(url, pinned)
        assert "Set SEATRIAL_ACCESS_KEY to a key of the service" in refused.value.hint
        monkeypatch.setenv("SEATRIAL_ACCESS_KEY", secret)
        health.require_verified(url, pinned)
        health.verify_release(url, golden, titanic.version, secret)
