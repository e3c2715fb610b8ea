"""Which files belong to a release: what the project names, its code, and what git tracks.

A build back end takes what is in the folder: credentials, raw data, caches, backups. So it is given a copy of the
files that belong to the release, and nothing else.
"""

import os
import shutil
import tarfile
import tomllib
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.core.git import ask_git, repository_root
from seatrial.core.project import ProjectSettings, read_toml
from seatrial.core.version import version_diff, version_in_diff
from seatrial.model.carried_rows import CarriedRows
from seatrial.model.metadata import METADATA_FILE, SBOM_FILE

ENGINE_FILES = {"onnx": "model.onnx", "native": "model.skops"}
ARTIFACTS = (METADATA_FILE, "schema.json", "golden.json", "card.md")
BUILD_FILES = ("pyproject.toml", "hatch.toml", "hatch_build.py", "setup.py", "setup.cfg", "MANIFEST.in")
GENERATED = ("PKG-INFO", ".gitignore", ".hgignore")  # what build back ends add to an sdist; and *.egg-info
LICENCES = ("LICEN[CS]E*", "COPYING*", "NOTICE*", "AUTHORS*")  # the default of [project] license-files
CODE = (".py", ".pyi", "py.typed")


def release_files(project: ProjectSettings) -> set[str]:
    """The files that belong to a release, by their path below the project, with `/`.

    Where git does not answer, these are the files that the settings name, and the code in src/. Of a link that
    nobody named, git knows where it leads, but not what is there: it must lead to another of these files.
    """
    root, package, table = project.root, f"src/{project.package}", _below(project.root, project.data)
    named = {*BUILD_FILES, *_metadata_files(root), *([table] if project.table_in_sdist else [])}
    named |= {f"{package}/artifacts/{name}" for name in (*artifact_names(project.reference, *ENGINE_FILES), SBOM_FILE)}
    named |= {_below(root, path) for pattern in project.files for path in root.glob(pattern)}
    tracked = _listed(root, "--cached", "--recurse-submodules")
    fresh = _listed(root, "--others", "--exclude-standard", "--", "src")
    if f"{package}/__init__.py" not in tracked | fresh:  # no git, or it ignores the whole project
        tracked, fresh = set(), _source_files(project)
    known = named | tracked | {path for path in fresh if path.endswith(CODE)}
    linked = {path for path in known - named if (root / path).is_symlink()}
    # A link may lead in circles, of which realpath makes no error.
    ends = {path: Path(os.path.realpath(root / path)) for path in linked}
    lost = {path for path, end in ends.items() if _below(root.resolve(), end) not in known - linked}
    tables = set() if project.table_in_sdist else {path for path in known if _is_copy(root / path, project.data)}
    return {path for path in known - lost - tables if (root / path).is_file()}


def artifact_names(reference: str, *engines: str) -> tuple[str, ...]:
    """The files of a release's artifacts, by what it carries of real rows and the engine that it runs on."""
    carried = CarriedRows(reference).file
    return (*ARTIFACTS, *(ENGINE_FILES[engine] for engine in engines), *([carried] if carried else []))


def _is_copy(path: Path, table: Path) -> bool:
    """Whether a file is the table, or has the same content."""
    if not path.is_file() or not table.is_file():
        return path == table
    return path.stat().st_size == table.stat().st_size and path.read_bytes() == table.read_bytes()


def copy_release(project: ProjectSettings, destination: Path) -> None:
    """Copy the files that belong to a release. Links become what they lead to."""
    (destination / ".git").mkdir(parents=True)  # hatchling looks for a .gitignore from here up to this folder
    for path in release_files(project):
        (destination / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(project.root / path, destination / path)


def left_out(project: ProjectSettings) -> list[str]:
    """The files in src/ that do not belong to a release, since nobody named them."""
    return sorted(_source_files(project) - release_files(project))


def sdist_files(sdist: Path) -> list[str]:
    """The files in an sdist, without its top folder."""
    try:
        with tarfile.open(sdist) as archive:
            return sorted(member.name.partition("/")[2] for member in archive if not member.isdir())
    except (tarfile.TarError, EOFError, zlib.error, ValueError):
        raise SeatrialError(f"{sdist} is not a readable sdist.", hint="Run `seatrial build` again.") from None


def uncommitted_files(project: ProjectSettings) -> list[str]:
    """The code, settings and table of a release that differ from the last commit; none where there is no repository.

    Neither a raised version alone counts, which the deployment commits, nor the settings of deployments and pipelines.
    Raises GitError where git refuses.
    """
    root, init = project.root, project.version_file
    if repository_root(root) is None:
        return []
    table = "" if project.data_url else _below(root, project.data)  # its copy is nothing to commit
    paths = ["--", "src", "pyproject.toml", *([table] if table else []), *(f":(glob){each}" for each in project.files)]
    differing = ask_git(root, "diff", "--name-only", "--relative", "-z", "HEAD", *paths)
    changed = _listed(root, *paths) if differing is None else set(differing.split("\0")) - {""}
    changed |= _listed(root, "--others", "--exclude-standard", *paths) & release_files(project)
    changed = {path for path in changed if not path.startswith(_below(root, project.artifacts))}
    if _training_settings(ask_git(root, "show", "HEAD:./pyproject.toml")) == _training_settings(
        (root / "pyproject.toml").read_text("utf-8")
    ):
        changed.discard("pyproject.toml")
    bump = changed == {_below(root, init)} and version_in_diff(version_diff(root, "HEAD", path=init))
    return [] if bump else sorted(changed)


def unnamed(project: ProjectSettings, paths: Iterable[str]) -> list[str]:
    """Those of an sdist's files that do not belong to the release of this project."""
    strange = sorted(set(paths) - release_files(project) - set(GENERATED))
    return [path for path in strange if not any(part.endswith(".egg-info") for part in Path(path).parts)]


def _training_settings(pyproject: str | None) -> dict[str, Any] | None:
    """pyproject.toml without what does not change a release."""
    try:
        document = tomllib.loads(pyproject or "")
    except tomllib.TOMLDecodeError:
        return None
    for key in ("ci", "deploy", "index", "trial"):
        document.get("tool", {}).get("seatrial", {}).pop(key, None)
    return document


def _metadata_files(root: Path) -> set[str]:
    """The README and the licences that pyproject.toml names."""
    about = read_toml(root / "pyproject.toml").get("project", {})
    readme, licence, patterns = about.get("readme"), about.get("license"), about.get("license-files", LICENCES)
    files = {each.get("file") if isinstance(each, dict) else each for each in (readme, licence)}
    if isinstance(patterns, dict):  # as setuptools and hatchling took it before it was standard
        patterns = patterns.get("globs", patterns.get("paths", []))
    return {file for file in files if file} | {_below(root, path) for each in patterns for path in root.glob(each)}


def _listed(root: Path, *options: str) -> set[str]:
    """Files that git lists, by their path below `root`; none where git does not answer."""
    return set((ask_git(root, "ls-files", "-z", *options) or "").split("\0")) - {""}


def _source_files(project: ProjectSettings) -> set[str]:
    """The files in src/, without what tools generate there, and what is behind links to folders."""
    files = {
        Path(folder, name).relative_to(project.root)
        for folder, _, names in os.walk(project.source)
        if not folder.endswith((".egg-info", "__pycache__"))
        for name in names
    }
    return {path.as_posix() for path in files}


def _below(root: Path, path: Path) -> str:
    """A path below `root`, with `/`; empty if it is elsewhere."""
    relative = os.path.relpath(path, root) if path.drive == root.drive else ".."
    return "" if relative.startswith("..") else Path(relative).as_posix()
