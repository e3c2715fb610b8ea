"""Turns an existing repository into a project: adds what is missing, and proposes changes to existing files.

In: a folder, an examined table, the text of its pipeline. Out: the files to write, and how they differ.
"""

import difflib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from seatrial.core.errors import SeatrialError
from seatrial.core.model_libraries import declared_libraries, imported_libraries
from seatrial.core.project import read_toml
from seatrial.template.creation import Options, make_project
from seatrial.template.inference.meaning import with_closed_categories
from seatrial.template.project_name import ProjectName, project_name
from seatrial.template.records import Examination
from seatrial.template.render import files_of

FIRST = "0.1.0"  # the version that the template writes
# Appended to an __init__.py without a Release.
PUBLIC_NAMES = """
from functools import partial  # noqa: E402

from seatrial import Release  # noqa: E402
from seatrial.model import console  # noqa: E402

{version}release = Release(__name__)
predict = release.predict
main = partial(console.main, release)
"""


@dataclass(frozen=True)
class Adoption:
    """What adopting a folder would write, by path, with the differences; and which of the template's files stay."""

    added: dict[str, bytes]
    changed: dict[str, str]
    diffs: dict[str, str]
    kept: list[str]


def names_of(root: Path) -> ProjectName:
    """The names of a project, from its pyproject.toml or else its folder."""
    name = _project_table(root).get("name", "")
    if not name:
        return project_name(root.name)
    package = name.replace("-", "_").lower()
    in_src = [path.parent.name for path in sorted((root / "src").glob("*/__init__.py"))]
    if len(in_src) == 1 and package not in in_src:
        package = in_src[0]
    if (root / package / "__init__.py").is_file() and not (root / "src" / package).is_dir():
        raise SeatrialError(
            f"The package is in {package}/, but a project needs it in src/{package}/.",
            hint=f"mkdir src; git mv {package} src/{package}. Then run `seatrial adopt` again.",
        )
    return project_name(name, package)


def adopt(root: Path, examination: Examination, options: Options, *, pipeline: str = "") -> Adoption:
    """Compute what is missing in a folder; `pipeline` is the text of pipeline.py, "" for the template's.

    A table that `options` names in the folder stays where it is, and no other is written.
    """
    package = options.names.package
    version = str(_project_table(root).get("version", FIRST))
    if pipeline:
        examination = with_closed_categories(examination)
    with tempfile.TemporaryDirectory() as folder:
        make_project(Path(folder), examination, options)
        files = files_of(Path(folder))
    if pipeline:
        files[f"src/{package}/pipeline.py"] = pipeline.encode()
    init = f"src/{package}/__init__.py"
    files[init] = files[init].replace(_version_line(FIRST).encode(), _version_line(version).encode())
    libraries = _imported(root, package, files)
    files["pyproject.toml"] = _asking_for(files["pyproject.toml"].decode(), libraries).encode()
    adoption = Adoption({}, {}, {}, [])
    for path, content in files.items():
        if options.table and path.startswith("data/"):
            continue
        existing = root / path
        if not existing.exists():
            adoption.added[path] = content
            continue
        before = _text(existing)
        after = _changed(path, before, content, options, version, libraries)
        if after is None:
            adoption.kept.append(path)
        elif after != before:
            adoption.changed[path] = after
            lines = difflib.unified_diff(before.splitlines(), after.splitlines(), path, f"{path}, adopted", lineterm="")
            adoption.diffs[path] = "\n".join(lines)
    return adoption


def _changed(
    path: str, before: str, content: bytes, options: Options, version: str, libraries: tuple[str, ...]
) -> str | None:
    """The new content of an existing file; None to leave it as it is."""
    if path == "pyproject.toml":
        return _completed(before, content.decode(), options.table, options.names.package, libraries)
    if path == ".gitignore":
        lines = before.splitlines()
        missing = [line for line in content.decode().splitlines() if line and line[0] != "#" and line not in lines]
        return before.rstrip("\n") + "\n\n# Seatrial\n" + "\n".join(missing) + "\n" if missing else before
    if path == f"src/{options.names.package}/__init__.py":
        if "Release(" in before:
            return before
        line = "" if "__version__" in before else _version_line(version)
        return before.rstrip("\n") + "\n" + PUBLIC_NAMES.format(version=line)
    return before if before.encode() == content else None


def _ship_artifacts(tool: Any, backend: str, package: str) -> None:
    """Have a build backend other than hatchling include the artifacts, which git ignores, in the wheel."""
    if backend.startswith("poetry"):
        entry = {"path": f"src/{package}/artifacts/*", "format": ["sdist", "wheel"]}
        poetry = tool.setdefault("poetry", {})
        if entry not in poetry.get("include", []):
            poetry["include"] = [*poetry.get("include", []), entry]
    if backend.startswith("setuptools"):
        data = tool.setdefault("setuptools", {}).setdefault("package-data", {})
        if "artifacts/*" not in data.get(package, []):
            data[package] = [*data.get(package, []), "artifacts/*"]


def _imported(root: Path, package: str, files: Mapping[str, bytes]) -> tuple[str, ...]:
    """The libraries of models that the package imports: its own modules, and the pipeline.py that is written."""
    own = [path.read_text(encoding="utf-8", errors="replace") for path in (root / "src" / package).rglob("*.py")]
    return imported_libraries("\n".join([*own, files[f"src/{package}/pipeline.py"].decode()]))


def _asking_for(text: str, libraries: tuple[str, ...]) -> str:
    import tomlkit

    document = tomlkit.parse(text)
    _ask_for_libraries(document, libraries)
    return tomlkit.dumps(document)


def _ask_for_libraries(document: Any, libraries: tuple[str, ...]) -> None:
    """Have the development group bring the libraries of models that nothing else in pyproject.toml asks for."""
    import tomlkit

    missing = [name for name in libraries if name not in declared_libraries(document)]
    if missing:
        groups = document.setdefault("dependency-groups", tomlkit.table())
        groups.setdefault("dev", tomlkit.array()).append(f"seatrial[{','.join(missing)}]")


def _completed(before: str, template: str, table: str, package: str, libraries: tuple[str, ...] = ()) -> str:
    """A pyproject.toml completed from the template's: missing tables and keys, and the dependency on the toolkit.

    `table` is the path of the examined table if it stays in its place; it replaces the path that was there before.
    `libraries` are those of models that the package imports.
    """
    import tomlkit

    document, rendered = tomlkit.parse(before), tomlkit.parse(template)
    project: Any = document.setdefault("project", tomlkit.table())
    ours: Any = rendered["project"]
    for key in ("name", "description", "requires-python"):
        project.setdefault(key, ours[key])
    if "version" not in project and "version" not in project.get("dynamic", []):
        project["dynamic"] = [*project.get("dynamic", []), "version"]
    dependencies = project.setdefault("dependencies", tomlkit.array())
    if "seatrial" not in map(_distribution, dependencies):
        dependencies.append(str(ours["dependencies"][0]))
    _ask_for_libraries(document, libraries)
    backend = str(document.get("build-system", {}).get("build-backend", ""))
    if not backend:
        document["build-system"] = rendered["build-system"]
    tool: Any = document.setdefault("tool", tomlkit.table(is_super_table=True))
    names = ["seatrial", "pytest", *(["hatch"] if backend in ("", "hatchling.build") else [])]
    for name in names:
        tool.setdefault(name, rendered["tool"][name])
    _ship_artifacts(tool, backend, package)
    if table:
        tool["seatrial"]["data"] = table
    text = tomlkit.dumps(document)
    return text if text.endswith("\n") else text + "\n"


def _distribution(requirement: Any) -> str:
    """The name of the distribution that a requirement names."""
    try:
        return canonicalize_name(Requirement(str(requirement)).name)
    except InvalidRequirement:
        raise SeatrialError(
            f"pyproject.toml: the dependency {str(requirement)!r} is not a valid requirement."
        ) from None


def _project_table(root: Path) -> dict[str, Any]:
    """[project] of the folder's pyproject.toml; empty if it has none, and no other file is in its place."""
    document = read_toml(root / "pyproject.toml")
    if "project" in document:
        return dict(document["project"])
    cfg = root / "setup.cfg"
    older = {
        "[tool.poetry]": "poetry" in document.get("tool", {}),
        "setup.py": (root / "setup.py").is_file(),
        "setup.cfg": cfg.is_file() and "[metadata]" in _text(cfg),
    }
    for place in [place for place, found in older.items() if found]:
        raise SeatrialError(
            f"{root / 'pyproject.toml'} has no [project] table: the name and the dependencies are in {place}.",
            hint="Move them into [project], then run `seatrial adopt` again.",
        )
    return {}


def _version_line(version: str) -> str:
    return f'__version__ = "{version}"\n'


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, OSError) as error:
        raise SeatrialError(f"{path} cannot be read: {error}") from None
