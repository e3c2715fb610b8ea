"""The prediction log of each target: what the settings say, and what its files and servers get."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.projects.tiny import make_project

from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings, find_project
from seatrial.deploy.docker import Docker
from seatrial.deploy.kubernetes import Kubernetes
from seatrial.deploy.local import Local
from seatrial.deploy.railway import Railway
from seatrial.deploy.service_log import SPOOL, container_log, logs_in_containers, target_log

BUCKET = "s3://bucket/log"


def project(root: Path, more: str = "") -> ProjectSettings:
    if not (root / "pyproject.toml").exists():
        make_project(root)
    text = (
        (root / "pyproject.toml").read_text().partition("\n[tool.seatrial.log]")[0].partition("\n[tool.seatrial.dep")[0]
    )
    (root / "pyproject.toml").write_text(f"{text}\n{more}\n")
    return find_project(root)


def log(to: str) -> str:
    return f'\n[tool.seatrial.log]\nto = "{to}"\n'


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", "{root}/.seatrial/log"),
        (log(""), ""),
        (log("elsewhere"), "{root}/elsewhere"),
        (log("/srv/log"), "/srv/log"),
        (log(BUCKET), BUCKET),
        ("\n[tool.seatrial.log]\ndays = 30\n", "{root}/.seatrial/log"),
    ],
)
def test_the_target_local_has_a_log_unless_it_is_turned_off(tmp_path: Path, more: str, expected: str) -> None:
    settings = project(tmp_path, more)
    assert target_log(settings, "local", None, by_default=True).to == expected.format(root=tmp_path)
    assert target_log(settings, "local", "", by_default=True).to == ""
    assert target_log(settings, "local", "other", by_default=True).to == f"{tmp_path}/other"


@pytest.mark.parametrize(
    ("more", "own", "expected"),
    [
        *[("", None, ""), (log("folder"), None, ""), (log("/srv/log"), None, "/srv/log"), (log(BUCKET), None, BUCKET)],
        *[(log("folder"), BUCKET, BUCKET), (log(BUCKET), "", ""), (log(BUCKET), "folder", "")],
    ],
)
def test_a_container_has_no_folder_of_the_project(tmp_path: Path, more: str, own: str | None, expected: str) -> None:
    settings = project(tmp_path, more)
    assert container_log(settings, "docker", own).to == expected
    own_table = "" if own is None else f'\n[tool.seatrial.deploy.docker]\nlog = "{own}"\n'
    assert logs_in_containers(project(tmp_path, more + own_table)) == (BUCKET in more + (own or "") or "/srv" in more)


@pytest.mark.parametrize("to", ["postgresql://me:secret@host/db", "postgresql://host/db?password=secret", "s3://a:b@c"])
def test_no_password_gets_into_an_image(tmp_path: Path, to: str) -> None:
    settings = project(tmp_path, log(to))
    for target in (Docker(settings, {}).files, Railway(settings, {}).files):
        with pytest.raises(SeatrialError, match="has a password in its URL") as caught:
            target()
        assert "secret" not in caught.value.message


def test_files_have_the_settings(tmp_path: Path) -> None:
    without = {target: target(project(tmp_path), {}) for target in (Docker, Railway, Kubernetes)}
    assert not any("SEATRIAL_LOG" in without[target].files()["Dockerfile"] for target in (Docker, Railway))  # type: ignore[union-attr]
    settings = project(tmp_path, log("postgresql://db/$x?a=1").replace('"\n', '"\nhashed = ["x"]\n'))
    for target in (Docker, Railway):
        lines = target(settings, {}).files()["Dockerfile"].splitlines()
        (line,) = [each for each in lines if each.startswith("ENV SEATRIAL_LOG=")]
        document = json.loads(json.loads(line.removeprefix("ENV SEATRIAL_LOG=").replace("\\$", "$")))
        assert document == {"to": "postgresql://db/$x?a=1", "hashed": ["x"], "spool": SPOOL}
        assert f"RUN install -d -o 10001 -g 10001 {SPOOL}" in lines
        assert lines.index("USER 10001:10001") > lines.index(f"RUN install -d -o 10001 -g 10001 {SPOOL}")


def deployment(text: str) -> Any:
    (found,) = [each for each in yaml.safe_load_all(text) if each["kind"] == "Deployment"]
    return found["spec"]["template"]["spec"]


@pytest.mark.parametrize("is_open", [True, False])
def test_manifests_have_the_settings_and_a_place_for_the_spool(tmp_path: Path, is_open: bool) -> None:
    pod = deployment(Kubernetes(project(tmp_path), {"open": is_open}).render("0.1.0", "a" * 64))
    assert [volume["name"] for volume in pod.get("volumes", [])] == ([] if is_open else ["keys"])
    pod = deployment(Kubernetes(project(tmp_path, log(BUCKET)), {"open": is_open}).render("0.1.0", "a" * 64))
    (container,) = pod["containers"]
    variables = {each["name"]: each["value"] for each in container["env"]}
    assert json.loads(variables["SEATRIAL_LOG"]) == {"to": BUCKET, "spool": SPOOL}
    assert {"name": "spool", "mountPath": SPOOL} in container["volumeMounts"]
    assert [volume["name"] for volume in pod["volumes"]] == (["spool"] if is_open else ["keys", "spool"])


def test_wrong_settings_are_reported_where_they_are(tmp_path: Path) -> None:
    with pytest.raises(SeatrialError, match=r"\[tool.seatrial.log\] has an unknown key `day`") as caught:
        Local(project(tmp_path, "\n[tool.seatrial.log]\nday = 3\n"), {}).check()
    assert "`days`" in caught.value.hint
    with pytest.raises(SeatrialError, match="label_delay 'soon' is not a length of time"):
        target_log(project(tmp_path, '\n[tool.seatrial.log]\nlabel_delay = "soon"\n'), "local", None)
