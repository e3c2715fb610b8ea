"""A release has the files that belong to it, whatever else is in the project's folder."""

import gzip
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.projects.tiny import make_dist, make_project, make_sdist

from seatrial.core.errors import SeatrialError
from seatrial.core.project import find_project
from seatrial.model.carried_rows import CarriedRows, carried_rows
from seatrial.release import build_release, built_release, refuse_unnamed
from seatrial.release.contents import copy_release, left_out, release_files, sdist_files, uncommitted_files

ARTIFACTS = {"release.json", "schema.json", "golden.json", "reference.csv", "card.md", "model.onnx"}
MODULES = {f"src/tiny_model/{name}.py" for name in ("__init__", "features", "pipeline", "schema")}
OWN = {"pyproject.toml", "data.csv", *MODULES, *(f"src/tiny_model/artifacts/{name}" for name in ARTIFACTS)}


def git(root: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(root), "-c", "user.name=A", "-c", "user.email=a@b", *words], check=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project in git, with what must never be published, ignored in each way that git has, or not at all."""
    root = make_project(tmp_path / "tiny")
    (root / "README.md").write_text("tracked")
    (root / ".gitignore").write_text("artifacts/\nold.py\n")
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "first")
    for path in ("secrets/prod.env", "venv/bin/python", "data/raw.csv", "credentials.json", "cache.pkl", ".env"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("TOKEN")
    (root / "secrets/.gitignore").write_text("*")
    (root / ".git/info/exclude").write_text("venv/\ncredentials.json\n")
    for name in ("key.txt", "old.py", "artifacts/model.pkl"):
        (root / "src/tiny_model" / name).write_text("TOKEN")
    return root


def test_what_git_does_not_track_stays_out(root: Path) -> None:
    (root / "src/tiny_model/fresh.py").write_text("")  # code that was not added yet
    assert release_files(find_project(root)) == OWN | {"README.md", ".gitignore", "src/tiny_model/fresh.py"}
    assert left_out(find_project(root)) == [
        f"src/tiny_model/{name}" for name in ("artifacts/model.pkl", "key.txt", "old.py")
    ]


def test_the_rows_that_settings_leave_out_are_in_no_release(root: Path) -> None:
    (root / "copy.csv").write_text((root / "data.csv").read_text())  # the same table under another name
    git(root, "add", "copy.csv")
    project = find_project(root)
    assert {"data.csv", "copy.csv", "src/tiny_model/artifacts/reference.csv"} <= release_files(project)
    project = replace(project, reference="none", table_in_sdist=False)
    files = OWN | {"README.md", ".gitignore"}
    assert release_files(project) == files - {"data.csv", "src/tiny_model/artifacts/reference.csv"}
    (root / "src/tiny_model/artifacts/reference.json").write_text("{}")
    assert "src/tiny_model/artifacts/reference.json" in release_files(replace(project, reference="hashed"))


@pytest.mark.parametrize("change", [{"reference": "none"}, {"table_in_sdist": False}])
def test_a_setting_that_changed_after_the_training_is_reported(change: dict[str, object], root: Path) -> None:
    with pytest.raises(SeatrialError, match=r"\[tool.seatrial.release\] was changed after the training") as caught:
        build_release(replace(find_project(root), **change))  # type: ignore[arg-type]
    assert "seatrial train" in caught.value.hint


def test_a_release_says_what_it_carries() -> None:
    full = str(carried_rows({"reference": "full", "rows": 1500, "table": True, "examples": ["name"]}))
    assert "the wheel carries 1,500 held-out rows with their labels, and golden rows" in full
    assert full.endswith("Examples in schema.py are texts of the table: name.")
    assert "no values of a row; the sdist carries no table" in str(CarriedRows("hashed", 9, table=False))
    assert str(CarriedRows("none", table=False)).startswith(
        "Real rows: the wheel carries none; the sdist carries no table."
    )
    assert "The model itself keeps training rows (SVC)." in str(carried_rows({"memorizing": ["SVC"]}))
    assert carried_rows({}).reference == "full"  # a release from before the setting


def test_without_git_only_named_files_and_code_belong(root: Path) -> None:
    shutil.rmtree(root / ".git")
    assert release_files(find_project(root)) == OWN | {"src/tiny_model/old.py"}


def test_a_table_that_git_ignores_and_named_files_belong(root: Path) -> None:
    (root / ".git/info/exclude").write_text("*.csv\n")
    git(root, "rm", "--quiet", "--cached", "data.csv")
    with (root / "pyproject.toml").open("a") as file:
        file.write("[project.urls]\n")
    text = (root / "pyproject.toml").read_text()
    (root / "pyproject.toml").write_text(text.replace('target = "y"', 'target = "y"\nfiles = ["data/*.csv"]'))
    assert {"data.csv", "data/raw.csv"} <= release_files(find_project(root))


@pytest.mark.parametrize("pattern", ["../other.csv", "/etc/passwd", "", 3])
def test_a_pattern_outside_of_the_project_is_refused(root: Path, pattern: object) -> None:
    text = (root / "pyproject.toml").read_text()
    (root / "pyproject.toml").write_text(text.replace('target = "y"', f'target = "y"\nfiles = [{pattern!r}]'))
    with pytest.raises(SeatrialError, match="is not a path in the project"):
        find_project(root)


def test_a_tracked_link_does_not_let_another_file_in(root: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("TOKEN")
    for name, target in (
        ("out", tmp_path / "token"),
        ("in", Path("../../credentials.json")),
        ("ok", Path("__init__.py")),
        ("circle", Path("circle")),
    ):
        (root / "src/tiny_model" / name).symlink_to(target)
    git(root, "add", "src")
    belonging = {path for path in release_files(find_project(root)) if path.startswith("src/tiny_model/")}
    assert belonging & {f"src/tiny_model/{name}" for name in ("out", "in", "ok", "circle")} == {"src/tiny_model/ok"}
    copy_release(find_project(root), tmp_path / "copy")
    assert not any(path.is_symlink() for path in (tmp_path / "copy").rglob("*"))


def test_a_build_has_only_what_belongs(root: Path) -> None:
    built = build_release(find_project(root))
    assert set(sdist_files(built.sdist)) == OWN | {"README.md", ".gitignore", "PKG-INFO"}
    assert built.left_out == ("src/tiny_model/artifacts/model.pkl", "src/tiny_model/key.txt", "src/tiny_model/old.py")
    refuse_unnamed(find_project(root), built)


def test_a_build_by_other_tools_is_refused_if_it_has_more(root: Path) -> None:
    (root / "src/tiny_model/artifacts/model.pkl").unlink()
    make_dist(root)
    project = find_project(root)
    refuse_unnamed(project, built_release(project))
    make_sdist(root / "dist", more={"credentials.json": b"{}"})
    with pytest.raises(SeatrialError, match=r"tiny_model-0\.1\.0\.tar\.gz .* not belong .*: credentials\.json\."):
        refuse_unnamed(project, built_release(project))


def written(path: str, old: str, new: str) -> Callable[[Path], object]:
    return lambda root: (root / path).write_text((root / path).read_text().replace(old, new, 1))


INIT = "src/tiny_model/__init__.py"


@pytest.mark.parametrize(
    ("change", "uncommitted"),
    [
        (lambda _: None, []),
        (written(INIT, "0.1.0", "0.2.0"), []),  # the deployment commits it
        (written(INIT, "0.1.0", '0.2.0"\nx = "1'), [INIT]),
        (written("data.csv", "1,0", "1,1"), ["data.csv"]),
        (lambda root: (root / INIT).unlink(), [INIT]),
        (lambda root: (root / "src/tiny_model/fresh.py").write_text(""), ["src/tiny_model/fresh.py"]),
        (lambda root: (root / "src/tiny_model/notes.txt").write_text(""), []),  # not shipped
        (written("README.md", "tracked", "other"), []),
        (written("pyproject.toml", 'target = "y"', 'target = "y"\n[tool.seatrial.deploy.local]\nport = 8002'), []),
        (written("pyproject.toml", 'target = "y"', 'target = "y"\nseed = 3'), ["pyproject.toml"]),
        (lambda root: shutil.rmtree(root / ".git"), []),
        (
            lambda root: (shutil.rmtree(root / ".git"), git(root, "init", "--quiet")),
            ["data.csv", "pyproject.toml", *sorted(MODULES)],
        ),
    ],
)
def test_files_of_a_release_that_git_does_not_have(
    root: Path, change: Callable[[Path], object], uncommitted: list[str]
) -> None:
    (root / "src/tiny_model/old.py").unlink()
    project = find_project(root)
    change(root)
    assert uncommitted_files(project) == uncommitted


def test_a_hook_does_not_hide_what_is_uncommitted(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tmp_path, "init", "--quiet")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / ".git"))
    (root / "data.csv").write_text("x,y\n")
    assert uncommitted_files(find_project(root)) == ["data.csv"]


@pytest.mark.parametrize("content", [b"", b"null", bytes(range(128, 256)) * 9, gzip.compress(b"no tar", mtime=0)])
def test_a_damaged_sdist_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m-0.1.0.tar.gz"
    path.write_bytes(content)
    with pytest.raises(SeatrialError, match=r"m-0\.1\.0\.tar\.gz is not a readable sdist"):
        sdist_files(path)
