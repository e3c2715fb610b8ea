"""Building: the same inputs give the same wheel, and incomplete projects are refused."""

import os
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.projects.tiny import make_project

from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings, find_project
from seatrial.release import build_release, built_release, inspect


@pytest.fixture
def project(tmp_path: Path) -> ProjectSettings:
    return find_project(make_project(tmp_path / "tiny"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> ProjectSettings:
    project = find_project(make_project(tmp_path_factory.mktemp("built") / "tiny"))
    project.data.chmod(0o600)
    build_release(project)
    return project


def test_a_build_is_an_ordinary_package_with_the_artifacts_in_it(built: ProjectSettings) -> None:
    release = built_release(built)
    wheel, sdist = release.wheel.path, release.sdist
    assert {stat.S_IMODE(path.stat().st_mode) for path in (wheel, sdist)} == {0o600}  # as private as the table in them
    info = inspect(wheel)
    assert info == release.wheel
    assert (wheel.name, sdist.name) == ("tiny_model-0.1.0-py3-none-any.whl", "tiny_model-0.1.0.tar.gz")
    assert (info.name, info.version, info.package) == ("tiny-model", "0.1.0", "tiny_model")
    assert info.requires_dist == ("seatrial<0.2,>=0.1",)
    assert info.release is not None
    assert {f"tiny_model/artifacts/{n}" for n in ("model.onnx", "schema.json", "golden.json")} <= set(info.record)
    assert [p.name for p in built.dist.iterdir() if p.name not in (wheel.name, sdist.name)] in (
        [],
        [".gitignore"],
    )


def test_the_same_inputs_give_the_same_bytes_in_another_folder_and_later(
    built: ProjectSettings, tmp_path: Path
) -> None:
    """Another folder, other times, other permissions, another umask, another working directory."""
    root = make_project(tmp_path / "elsewhere")
    for number, path in enumerate(sorted(root.rglob("*"))):
        if path.is_file():
            os.utime(path, (10**9 + number, 10**9 + number))
            path.chmod(0o600)
    before = os.umask(0o077)
    try:
        again = build_release(find_project(root))
    finally:
        os.umask(before)
    first = built_release(built)
    assert again.wheel.path.read_bytes() == first.wheel.path.read_bytes()
    assert again.sdist.read_bytes() == first.sdist.read_bytes()
    assert again.wheel.sha256 == inspect(first.wheel.path).sha256
    assert again.wheel.size == first.wheel.path.stat().st_size


@pytest.mark.parametrize("epoch", [None, "1700000000"])
def test_pypa_build_gives_the_same_wheel(
    project: ProjectSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, epoch: str | None
) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    if epoch:
        monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    ours = build_release(project)
    command = [
        sys.executable,
        "-m",
        "build",
        "--installer",
        "uv",
        "--outdir",
        str(tmp_path / "out"),
        str(project.root),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / ours.wheel.path.name).read_bytes() == ours.wheel.path.read_bytes()
    assert (tmp_path / "out" / ours.sdist.name).read_bytes() == ours.sdist.read_bytes()
    with zipfile.ZipFile(ours.wheel.path) as archive:
        years = {member.date_time[0] for member in archive.infolist()}
    assert years == {2023 if epoch else 2020}


def test_a_build_replaces_only_its_own_version(project: ProjectSettings) -> None:
    project.dist.mkdir()
    older = project.dist / "tiny_model-0.0.9-py3-none-any.whl"
    wrong_tag = project.dist / "tiny_model-0.1.0-py2-none-any.whl"
    for path in (older, wrong_tag):
        path.write_text("old")
    build_release(project)
    assert older.read_text() == "old"
    assert not wrong_tag.exists()


def without(name: str) -> Callable[[Path], object]:
    return lambda root: (root / "src/tiny_model/artifacts" / name).unlink()


def replaced(path: str, old: str, new: str) -> Callable[[Path], object]:
    def change(root: Path) -> None:
        text = (root / path).read_text()
        assert old in text
        (root / path).write_text(text.replace(old, new))

    return change


BEFORE: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "not trained": (without("release.json"), "no trained model", "seatrial train"),
    "no graph": (without("model.onnx"), "has no model.onnx", "seatrial train"),
    "no schema": (without("schema.json"), "has no schema.json", "seatrial train"),
    "no golden rows": (without("golden.json"), "has no golden.json", "seatrial train"),
    "no reference": (without("reference.csv"), "has no reference.csv", "seatrial train"),
    "an empty card": (
        replaced("src/tiny_model/artifacts/card.md", "card.md\n", ""),
        "no card.md",
        "seatrial train",
    ),
    "another project's artifacts": (
        replaced("src/tiny_model/artifacts/release.json", '"tiny-model"', '"other-model"'),
        "are for other-model, not for tiny-model",
        "seatrial train",
    ),
    "native without the extra": (
        replaced("src/tiny_model/artifacts/release.json", '"onnx"', '"native"'),
        "has no model.skops",
        "seatrial train",
    ),
    "no toolkit": (
        replaced("pyproject.toml", '"seatrial>=0.1,<0.2"', '"numpy"'),
        "dependencies lack",
        'dependencies = ["seatrial>=0.1,<0.2"]',
    ),
    "a strange dependency": (
        replaced("pyproject.toml", '"seatrial>=0.1,<0.2"', '"?"'),
        "is not a valid dependency",
        "",
    ),
    "a mistake in the code": (
        lambda root: (root / "src/tiny_model/more.py").write_text("x = 1\ndef f(:\n"),
        "^src/tiny_model/more.py, line 2: SyntaxError: ",
        "Correct this line.",
    ),
    "no version": (
        replaced("src/tiny_model/__init__.py", "0.1.0", "soon"),
        "'soon' is not a version",
        "__version__",
    ),
}


@pytest.mark.parametrize("case", BEFORE)
def test_an_incomplete_project_is_refused_before_the_build(tmp_path: Path, case: str) -> None:
    damage, message, hint = BEFORE[case]
    root = make_project(tmp_path / "tiny")
    damage(root)
    with pytest.raises(SeatrialError, match=message) as error:
        build_release(find_project(root))
    assert hint in error.value.hint
    assert not list((root / "dist").glob("*.whl"))


def test_a_native_release_needs_the_native_extra_and_shows_the_line(tmp_path: Path) -> None:
    root = make_project(tmp_path / "tiny", engine="native")
    with pytest.raises(SeatrialError) as error:
        build_release(find_project(root))
    assert '"seatrial[native]' in error.value.hint
    line = error.value.hint.removeprefix("Write ").removesuffix(".")
    replaced("pyproject.toml", 'dependencies = ["seatrial>=0.1,<0.2"]', line)(root)
    assert "seatrial[native]" in build_release(find_project(root)).wheel.requires_dist[0]


AFTER: dict[str, tuple[Callable[[Path], object], str]] = {
    "artifacts left out": (
        replaced(
            "pyproject.toml", 'artifacts = ["src/tiny_model/artifacts/*"]\nexclude = [', 'exclude = ["artifacts", '
        ),
        r"wheel lacks release\.json",
    ),
    "a second package": (
        lambda root: (
            (root / "src/numpy").mkdir(),
            (root / "src/numpy/__init__.py").write_text(""),
            replaced("pyproject.toml", '["src/tiny_model"]', '["src/tiny_model", "src/numpy"]')(root),
        ),
        "outside of tiny_model",
    ),
    "a pickle": (
        lambda root: (
            (root / "src/tiny_model/artifacts/model.pkl").write_bytes(b"x"),
            replaced("pyproject.toml", 'target = "y"', 'target = "y"\nfiles = ["src/**/*.pkl"]')(root),
        ),
        "is a pickle",
    ),
    "a broken backend": (
        replaced("pyproject.toml", "src/tiny_model/__init__.py", "src/gone.py"),
        "cannot be built",
    ),
    "no such backend": (
        replaced("pyproject.toml", "hatchling==1.33.0", "hatchling==0.0.999"),
        "hatchling==0.0.999",
    ),
}


@pytest.mark.parametrize("case", AFTER)
def test_a_wrong_wheel_is_refused_and_the_old_one_stays(tmp_path: Path, case: str) -> None:
    damage, message = AFTER[case]
    root = make_project(tmp_path / "tiny")
    (root / "dist").mkdir()
    old = root / "dist" / "tiny_model-0.1.0-py3-none-any.whl"
    old.write_text("old")
    damage(root)
    with pytest.raises(SeatrialError, match=message):
        build_release(find_project(root))
    assert [path.name for path in (root / "dist").iterdir()] == [old.name]
    assert old.read_text() == "old"


def test_without_a_build_there_is_nothing_to_publish(project: ProjectSettings) -> None:
    with pytest.raises(SeatrialError, match=r"no build of tiny-model==0\.1\.0") as error:
        built_release(project)
    assert "seatrial build" in error.value.hint


def test_a_build_older_than_the_training_is_not_published(tmp_path: Path) -> None:
    root = make_project(tmp_path / "tiny")
    project = find_project(root)
    build_release(project)
    assert len(built_release(project).files) == 2
    (project.artifacts / "model.onnx").write_bytes(b"\x08\x09")
    with pytest.raises(SeatrialError, match=r"before tiny_model/artifacts/model\.onnx changed"):
        built_release(project)
