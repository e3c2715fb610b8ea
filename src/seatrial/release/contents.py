"""Which files belong to a release: what the project names, its code, and what git tracks.

A build back end may put the whole folder into an sdist: credentials, raw data, notebooks, caches, backups. What nobody
named is taken out before the wheel is built from the sdist.
"""

import gzip
import os
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from seatrial.core.git import ask_git
from seatrial.core.project import ProjectSettings, read_toml
from seatrial.model.metadata import METADATA_FILE

ENGINE_FILES = {"onnx": "model.onnx", "native": "model.skops"}
ARTIFACTS = (METADATA_FILE, "schema.json", "golden.json", "reference.csv", "card.md")
BUILD_FILES = (  # that build back ends read or write
    *("pyproject.toml", "hatch.toml", "hatch_build.py", "setup.py", "setup.cfg", "MANIFEST.in", "PKG-INFO"),
    *(".gitignore", ".hgignore"),
)
LICENCES = ("LICEN[CS]E*", "COPYING*", "NOTICE*", "AUTHORS*")  # the default of [project] license-files
CODE = (".py", ".pyi", "py.typed")


@dataclass(frozen=True)
class Contents:
    """The files that belong to a release, by their path below `root`, with `/`.

    `named` are those that the settings name, wherever they are linked to; `known` are code and what git tracks.
    """

    root: Path
    table: str  # "" if it is outside of the project
    named: frozenset[str]
    known: frozenset[str]

    def has(self, path: str) -> bool:
        """Whether a file belongs to the release. Git knows where a link leads, but not what is there."""
        if path in self.named or any(part.endswith(".egg-info") for part in path.split("/")):
            return True
        if path not in self.known:
            return False
        target = _below(self.root.resolve(), (self.root / path).resolve())
        return not (self.root / path).is_symlink() or (target != path and self.has(target))

    def unnamed(self, paths: Iterable[str]) -> list[str]:
        """The files that nobody named."""
        return sorted(path for path in paths if not self.has(path))


def contents_of(project: ProjectSettings) -> Contents:
    """Find what belongs to a release of the project; without git, what is named and the code of its package."""
    root, package = project.root, f"src/{project.package}"
    table = _below(root, project.data)
    named = {path for pattern in project.files for path in root.glob(pattern) if path.is_file()}
    artifacts = [f"{package}/artifacts/{name}" for name in (*ARTIFACTS, *ENGINE_FILES.values())]
    tracked = _listed(root, "--cached", "--recurse-submodules")
    fresh = _listed(root, "--others", "--exclude-standard", "--", package)
    if f"{package}/__init__.py" not in tracked | fresh:  # no git, or it ignores the whole project
        tracked, fresh = set(), _walked(root, package)
    return Contents(
        root,
        table,
        frozenset({*BUILD_FILES, *artifacts, *_metadata_files(root), *(_below(root, path) for path in named), table}),
        frozenset(tracked | {path for path in fresh if path.endswith(CODE)}),
    )


def sdist_files(sdist: Path) -> tuple[str, ...]:
    """The files in an sdist, without its top folder."""
    with tarfile.open(sdist) as archive:
        return tuple(sorted(_member_path(member) for member in archive if not member.isdir()))


def keep_contents(contents: Contents, left_out: list[str], sdist: Path) -> None:
    """Take out of an sdist what nobody named, which is added to `left_out`, and put in the table if it is missing.

    Links become what they lead to. The file is written again only if something changes, so an sdist that is right
    already has the bytes that `python -m build` gives it.
    """
    with tarfile.open(sdist) as archive:
        members = {_member_path(member): member for member in archive if not member.isdir()}
        kept = {path: member for path, member in members.items() if contents.has(path)}
        links = {path for path, member in kept.items() if not member.isreg()}
        from_disk = links | ({contents.table} - kept.keys() - {""})
        from_disk = {path for path in from_disk if (contents.root / path).is_file()}
        if from_disk or len(kept) < len(members):
            regular = [member for path, member in kept.items() if path not in links]
            _rewrite(sdist, archive, regular, {path: contents.root / path for path in sorted(from_disk)})
    left_out += sorted(members.keys() - (kept.keys() - links) - from_disk)


def _rewrite(sdist: Path, archive: tarfile.TarFile, members: list[tarfile.TarInfo], more: dict[str, Path]) -> None:
    """Write an sdist with these members and with files from the disk; the same files give the same bytes."""
    stamp = int(members[0].mtime) if members else 0
    top = sdist.name.removesuffix(".tar.gz")
    unfinished = sdist.with_name(f".{sdist.name}")
    with (
        unfinished.open("wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=stamp) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as result,
    ):
        for member in members:
            result.addfile(member, archive.extractfile(member))
        for path, source in more.items():
            member = tarfile.TarInfo(f"{top}/{path}")
            member.size, member.mtime = source.stat().st_size, stamp
            with source.open("rb") as content:
                result.addfile(member, content)
    unfinished.replace(sdist)


def _metadata_files(root: Path) -> list[str]:
    """The README and the licences that pyproject.toml names."""
    about = read_toml(root / "pyproject.toml").get("project", {})
    readme, licence, patterns = about.get("readme"), about.get("license"), about.get("license-files", LICENCES)
    files = [each.get("file") if isinstance(each, dict) else each for each in (readme, licence)]
    if isinstance(patterns, dict):  # as setuptools and hatchling took it before it was standard
        patterns = patterns.get("globs", patterns.get("paths", []))
    licences = [_below(root, path) for pattern in patterns for path in root.glob(pattern)]
    return [*(file for file in files if isinstance(file, str)), *licences]


def _listed(root: Path, *options: str) -> set[str]:
    """Files that git lists, by their path below `root`; none where git does not answer."""
    return set((ask_git(root, "ls-files", "-z", *options) or "").split("\0")) - {""}


def _walked(root: Path, package: str) -> set[str]:
    """The files of a package, without what lies behind links to folders."""
    return {
        (Path(folder) / name).relative_to(root).as_posix()
        for folder, _, names in os.walk(root / package)
        for name in names
    }


def _member_path(member: tarfile.TarInfo) -> str:
    return member.name.partition("/")[2]


def _below(root: Path, path: Path) -> str:
    """A path below `root`, with `/`; empty if it is elsewhere."""
    relative = os.path.relpath(path, root) if path.drive == root.drive else ".."
    return "" if relative.startswith("..") else Path(relative).as_posix()
