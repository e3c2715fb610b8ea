"""A project whose table is in a bucket: the same run as from a file, fetched again only where it has changed."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from tests.projects.tiny import make_project
from tests.s3_server import BUCKET, Store

from seatrial.core.errors import SeatrialError
from seatrial.core.files import read_json
from seatrial.core.project import ProjectSettings, find_project
from seatrial.release.contents import release_files
from seatrial.steps.project_table import fetch_project_table
from seatrial.steps.refresh import refresh
from seatrial.steps.train import train


@pytest.fixture
def bucket_env(store: Store, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a table, as a setting has it: the rest is in the environment."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{store.port}")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "user")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-word")
    return f"s3://{BUCKET}/tables/customers.csv"


def put(store: Store, content: bytes, folder: str = "tables") -> None:
    with store.files().open_output_stream(f"{BUCKET}/{folder}/customers.csv") as stream:
        stream.write(content)


def tiny(root: Path, url: str) -> ProjectSettings:
    path = make_project(root) / "pyproject.toml"
    path.write_text(path.read_text().replace('data = "data.csv"', f'data = "{url}"'))
    return find_project(root)


def test_the_copy_is_as_new_as_the_bucket(store: Store, bucket_env: str, tmp_path: Path) -> None:
    put(store, b"x,y\n1,0\n")
    project = tiny(tmp_path / "tiny", bucket_env)
    subprocess.run(["git", "init", "-q", project.root], check=True)
    first = fetch_project_table(project)
    assert project.data.read_bytes() == b"x,y\n1,0\n"
    assert first["url"] == bucket_env
    said: list[str] = []
    assert fetch_project_table(project, said.append) == first
    assert said == []
    project.data.write_bytes(b"x,y\n9,9\n")  # by whoever
    fetch_project_table(project)
    assert project.data.read_bytes() == b"x,y\n1,0\n"
    put(store, b"x,y\n2,1\n")
    assert fetch_project_table(project)["sha256"] != first["sha256"]
    assert project.data.read_bytes() == b"x,y\n2,1\n"
    listed = ["git", "-C", project.root, "status", "--porcelain", "-uall"]
    assert "data/customers.csv" in release_files(project)  # an sdist has it, so that a trial needs no network
    assert "customers.csv" not in subprocess.run(listed, capture_output=True, text=True, check=True).stdout


def test_the_same_bytes_elsewhere_are_recorded_from_there(store: Store, bucket_env: str, tmp_path: Path) -> None:
    put(store, b"x,y\n1,0\n")
    put(store, b"x,y\n1,0\n", "copies")
    project = tiny(tmp_path / "tiny", bucket_env)
    first = fetch_project_table(project)
    moved = bucket_env.replace("/tables/", "/copies/")
    assert fetch_project_table(replace(project, data_url=moved)) == {**first, "url": moved}


def test_a_table_in_a_bucket_is_not_refreshed(bucket_env: str, tmp_path: Path) -> None:
    with pytest.raises(SeatrialError, match="which `seatrial train` downloads"):
        refresh(tiny(tmp_path / "tiny", bucket_env), "other.csv")


@pytest.mark.soak
def test_the_same_bytes_give_the_same_run(store: Store, bucket_env: str, tmp_path: Path) -> None:
    from seatrial.steps.project import Project

    rows = "".join(f"{n % 17},{n % 5},{'yes' if n % 17 > 8 else 'no'}\n" for n in range(120))
    table = tmp_path / "customers.csv"
    table.write_text(f"size,kind,y\n{rows}")
    put(store, table.read_bytes())
    made = Project.new("shop", bucket_env, "y", model="logistic", into=tmp_path, git=False, progress=False)
    project = made.settings
    project.data.rename(project.root / "data" / "customers.csv")
    path = project.root / "pyproject.toml"
    text = path.read_text().replace(f"data/{project.data.name}", "data/customers.csv")
    path.write_text(text)
    local = train(find_project(project.root))
    (project.root / "data" / "customers.csv").unlink()
    path.write_text(text.replace("data/customers.csv", bucket_env))
    fetched = train(find_project(project.root))
    assert fetched.id == local.id
    record = read_json(fetched.folder / "run.json")["fetched"]
    assert (record["url"], record["sha256"]) == (bucket_env, fetched.metadata.data["sha256"])
    assert record["etag"]
    assert "secret-word" not in (fetched.folder / "run.json").read_text()
