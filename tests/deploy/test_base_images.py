"""Base images by digest: what a registry answers, and where the digest is written."""

import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.deploy.registry import Registry, running_registry
from tests.projects.tiny import make_project

from seatrial.core.errors import SeatrialError, UsageError
from seatrial.core.project import find_project
from seatrial.deploy.base_images import ImageReference, parse_reference, resolve, with_base
from seatrial.deploy.docker import Docker
from seatrial.deploy.images import edited_or
from seatrial.steps.deploy import pin_base

OTHER = f"sha256:{'e' * 64}"


@pytest.fixture
def registry() -> Iterator[Registry]:
    with running_registry() as registry:
        yield registry


@pytest.mark.parametrize(
    ("text", "host", "repository", "tag"),
    [
        ("python:3.11-slim", "docker.io", "library/python", "3.11-slim"),
        ("docker.io/library/python", "docker.io", "library/python", ""),
        ("docker.io/python:3", "docker.io", "library/python", "3"),
        ("team/python", "docker.io", "team/python", ""),
        ("registry.example:5000/a/b:1", "registry.example:5000", "a/b", "1"),
        ("localhost/python:1", "localhost", "python", "1"),
        (f"registry.example/python:3@{OTHER}", "registry.example", "python", "3"),
    ],
)
def test_a_reference_is_read_as_docker_reads_it(text: str, host: str, repository: str, tag: str) -> None:
    image = parse_reference(text)
    assert (image.host, image.repository, image.tag, str(image)) == (host, repository, tag, text)


@pytest.mark.parametrize("text", ["", "Python", "a b", "a:", "a@sha256:1", "a\nRUN x", "http://a/b", "a:$(x)", "-a"])
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(SeatrialError, match="is not the name of an image"):
        parse_reference(text)


@pytest.mark.parametrize("token", ["", "for-anyone"])
@pytest.mark.parametrize("header", [None, ""])
def test_the_digest_is_the_one_of_the_list_of_platforms(registry: Registry, token: str, header: str | None) -> None:
    digest = registry.put("team/python", "3.11-slim", b'{"manifests": []}')
    registry.token, registry.digest_header = token, header
    image = parse_reference(f"{registry.host}/team/python:3.11-slim@{OTHER}")
    assert resolve(image) == ImageReference(f"{registry.host}/team/python", "3.11-slim", digest)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": 404}, "has no image"),
        ({"status": 503}, "answered 503"),
        ({"status": 302}, "answered 302"),
        ({"digest_header": "md5:1"}, "names no SHA-256"),
        ({"digest_header": f"{OTHER} and more"}, "names no SHA-256"),
        ({"token": "x", "challenge": 'Basic realm="here"'}, "wants a password"),
        ({"token": "x", "challenge": 'Bearer realm="http://elsewhere.example/"'}, "wants a password"),
        ({"token": "x", "challenge": ""}, ""),
        ({"token": "with a space"}, "token .* cannot be used"),
    ],
)
def test_what_a_registry_refuses_is_named(registry: Registry, change: dict[str, object], message: str) -> None:
    registry.put("python", "3", b"{}")
    for name, value in change.items():
        setattr(registry, name, value)
    image = parse_reference(f"{registry.host}/python:3")
    if not message:
        assert resolve(image).digest
        return
    with pytest.raises(SeatrialError, match=message):
        resolve(image)


def test_a_registry_that_is_down_is_named() -> None:
    with running_registry() as registry:
        host = registry.host
    with pytest.raises(SeatrialError, match=f"The registry {host} cannot be reached") as raised:
        resolve(parse_reference(f"{host}/python:3"))
    assert "base_image" in raised.value.hint


def test_the_digest_is_written_into_the_settings_and_the_dockerfile_and_refreshed(
    registry: Registry, tmp_path: Path
) -> None:
    root = make_project(tmp_path / "tiny")
    base, settings = f"{registry.host}/python:3.12-slim", root / "pyproject.toml"
    settings.write_text(
        f'{settings.read_text()}\n[tool.seatrial.deploy.docker]\nbase_image = "{base}"  # ours\nport = 9\n'
    )
    (root / "deploy" / "docker").mkdir(parents=True)
    (root / "deploy" / "docker" / "Dockerfile").write_text("ARG BASE=python:3\nFROM ${BASE}\nRUN my own\n")
    before = base
    for content in (b"{}", b'{"newer": 1}'):
        digest = registry.put("python", "3.12-slim", content)
        assert pin_base(find_project(root), "docker") == (before, f"{base}@{digest}")
        before = f"{base}@{digest}"
        table = tomllib.loads(settings.read_text())["tool"]["seatrial"]["deploy"]["docker"]
        assert table == {"base_image": before, "port": 9}
        assert "# ours" in settings.read_text()
        dockerfile = (root / "deploy" / "docker" / "Dockerfile").read_text()
        assert dockerfile == f"ARG BASE={before}\nFROM ${{BASE}}\nRUN my own\n"
    target = Docker(find_project(root), table)
    assert f"ARG BASE={before}\n" in target.files()["Dockerfile"]


def test_a_setting_is_added_where_there_is_no_table(registry: Registry, tmp_path: Path) -> None:
    root = make_project(tmp_path / "tiny")
    project = find_project(root)
    digest = registry.put("python", "3", b"{}")
    from seatrial.core.settings import write_setting

    write_setting(root, ("deploy", "kubernetes", "base_image"), f"{registry.host}/python:3")
    assert pin_base(find_project(root), "kubernetes")[1] == f"{registry.host}/python:3@{digest}"
    assert find_project(root).deploy["kubernetes"] == {"base_image": f"{registry.host}/python:3@{digest}"}
    with pytest.raises(UsageError, match="local builds no image"):
        pin_base(project, "local")


def test_the_setting_holds_for_a_dockerfile_of_the_projects_own(tmp_path: Path) -> None:
    own = "ARG BASE=python:3\nFROM ${BASE}\n"
    (tmp_path / "Dockerfile").write_text(own)
    base = f"python:3@{OTHER}"
    assert edited_or({"Dockerfile": "x"}, tmp_path, base)["Dockerfile"] == with_base(own, base)
    assert edited_or({"Dockerfile": "x"}, tmp_path, None)["Dockerfile"] == own
    assert with_base("FROM python:3\n", base) == "FROM python:3\n"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("buildah") is None, reason="buildah is not installed")
def test_the_digest_is_what_buildah_pushed(registry: Registry, tmp_path: Path) -> None:
    storage = ["buildah", "--root", str(tmp_path / "r"), "--runroot", str(tmp_path / "rr"), "--storage-driver", "vfs"]

    def run(*words: str) -> str:
        return subprocess.run([*storage, *words], capture_output=True, text=True, check=True).stdout.strip()

    try:
        container = run("from", "scratch")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"buildah does not run here: {error.stderr.strip()[-80:]}")
    run("commit", "--disable-compression", container, "base")
    digest = tmp_path / "digest"
    target = f"{registry.host}/team/base:1"
    run("push", "--tls-verify=false", "--digestfile", str(digest), "base", f"docker://{target}")
    assert resolve(parse_reference(target)).digest == digest.read_text()
