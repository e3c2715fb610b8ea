"""A rendered project fits Windows and macOS too: names, line ends, links, and portable commands."""

import re
import subprocess
from pathlib import Path

import pytest
from tests.template.commands import git, new

from seatrial.core.files import sha256

FORBIDDEN = re.compile(r'[<>:"\\|?*\x00-\x1f]|[ .]$')  # in a name on Windows
DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    everything = ("--licence", "mit", "--ci", "github", "--deploy", "docker,railway,kubernetes")
    return new(tmp_path_factory.mktemp("made"), *everything)


def files_in(project: Path) -> list[Path]:
    return [project / name for name in git("ls-files", "-z", cwd=project).split("\0") if name]


def test_names_fit_every_file_system(project: Path) -> None:
    names = [path.relative_to(project).as_posix() for path in files_in(project)]
    parts = {part for name in names for part in name.split("/")}
    assert not {part for part in parts if FORBIDDEN.search(part) or part.split(".")[0].casefold() in DEVICES}
    assert len({name.casefold() for name in names}) == len(names)
    assert max(map(len, names)) < 100  # a Windows path may have 260


def test_no_links_and_only_unix_line_ends(project: Path) -> None:
    for path in files_in(project):
        assert not path.is_symlink(), path
        assert b"\r" not in path.read_bytes(), path
        assert not path.stat().st_mode & 0o111, path  # no file needs to be executable


def test_a_windows_checkout_has_the_same_bytes(project: Path, tmp_path: Path) -> None:
    """With the git setting of Windows, which converts line ends unless a project disables it."""
    command = ("git", "clone", "--quiet", "--config", "core.autocrlf=true", str(project), str(tmp_path / "clone"))
    subprocess.run(command, check=True)
    for path in files_in(project):
        assert sha256(tmp_path / "clone" / path.relative_to(project)) == sha256(path), path
    (tmp_path / "clone/.gitattributes").unlink()  # which is what prevents the conversion
    git("rm", "--cached", "--quiet", ".gitattributes", cwd=tmp_path / "clone")
    table = tmp_path / "clone/data/churn.csv"
    table.unlink()
    git("checkout", "--", "data/churn.csv", cwd=tmp_path / "clone")
    assert b"\r\n" in table.read_bytes()


def test_each_target_of_the_makefile_is_a_command_of_the_readme(project: Path) -> None:
    """Commands run in any terminal: no pipes, shell variables or globs."""
    lines = re.findall(r"^\t(.+)$", (project / "Makefile").read_text(), re.MULTILINE)
    assert len(lines) > 8
    for line in lines:
        plain = re.sub(r"\$\((BIN|SCRIPTS|PYTHON)\)", "", line)
        assert not re.search(r"[$|&;<`*]", plain.replace('"seatrial[all]>=0.1,<0.2"', "")), line
    readme = (project / "README.md").read_text()
    for line in lines[2:]:
        command = line.removeprefix("$(BIN)")
        assert command in readme or command in ("ruff check --fix .", "ruff format ."), command
