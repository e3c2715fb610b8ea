"""A project: a folder whose pyproject.toml has [project] and [tool.seatrial]; read and validated here."""

import difflib
import sys
import tomllib
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name, is_normalized_name

from seatrial.core.data_url import copy_of_url
from seatrial.core.errors import SeatrialError
from seatrial.core.git import ignored_files
from seatrial.core.index_settings import DEFAULT_FOLDER, IndexSettings, read_index_settings
from seatrial.core.model_libraries import import_hint
from seatrial.core.project_code import note_import
from seatrial.core.results import results
from seatrial.core.settings import unknown_key
from seatrial.core.split_settings import SplitSettings, read_split
from seatrial.core.version import read_version

KEYS = {
    "data": (str, "the table to train on, CSV or Parquet: a path relative to the project, or a URL as s3://..."),
    "target": (str, "the column to predict"),
    "task": (str, "binary, multiclass or regression; default: derived from the target's values"),
    "positive": ((str, int, bool), "binary tasks: the label that counts as yes; default: the last one in sort order"),
    "labels": (dict, "the text shown to people for each label"),
    "unit": (str, "regression: the unit of the target, shown to people: €, years, kWh"),
    "threshold": (float, "binary tasks: the lowest probability at which the positive label is predicted"),
    "costs": (dict, "binary tasks: the costs of the two errors, false_positive and false_negative, for the report"),
    "test_share": (float, "the share of rows held out for the metrics, between 0 and 1"),
    "sample": (
        int,
        "the most rows to fit on: a seeded sample of those that are not held out, so that the table may be larger "
        "than memory; default: all of them",
    ),
    "split": (dict, "what decides which rows are held out, [tool.seatrial.split]"),
    "weight": (str, "the column with each row's weight in fitting and in metrics; it is never an input of the model"),
    "seed": (int, "the seed of the split and of every other random choice"),
    "threads": (int, "the number of threads for training; one thread gives the same bytes on every machine"),
    "files": (list, "more files that belong to a release, as patterns: what its code reads and git does not track"),
    "licences": (list, "the licences that the libraries of a release may have, as SPDX identifiers; default: all"),
    "release": (dict, "what a release carries of real rows, [tool.seatrial.release]"),
    "index": ((str, dict), "the package index: a folder, a URL, or a table of named indexes"),
    "first_release": (str, "the version that is the first one on the index, although the project had earlier ones"),
    "trial": (dict, "the policy of the trial, [tool.seatrial.trial]"),
    "signing": (dict, "who signs passed trials, [tool.seatrial.signing]"),
    "deploy": (dict, "the settings of each target, as in [tool.seatrial.deploy.local]"),
    "log": (dict, "the prediction log, [tool.seatrial.log]"),
    "watch": (dict, "how the prediction log is watched, [tool.seatrial.watch]"),
    "ci": (dict, "the contents of the pipeline files that `seatrial ci` writes, [tool.seatrial.ci]"),
}
RELEASE_KEYS = {
    "reference": "the held-out rows that a wheel carries for trials: full, hashed (recognizable, not readable) or none",
    "table_in_sdist": "whether the sdist contains the table",
}
REFERENCES = ("full", "hashed", "none")
FEWEST_SAMPLED = 100
COSTS = ("false_positive", "false_negative")


@dataclass(frozen=True)
class ProjectSettings:
    """The settings of one project; every path is absolute."""

    root: Path
    name: str
    package: str
    version: str
    data: Path  # of a URL, the copy that `seatrial train` makes
    target: str
    index: IndexSettings
    indexes: tuple[IndexSettings, ...]
    dependencies: tuple[str, ...] = ()
    data_url: str = ""
    description: str = ""
    task: str | None = None
    positive: str | int | bool | None = None
    labels: dict[str, str] = field(default_factory=dict)
    unit: str = ""
    threshold: float = 0.5
    costs: dict[str, float] = field(default_factory=dict)
    test_share: float = 0.25
    sample: int = 0
    split: SplitSettings = field(default_factory=SplitSettings)
    weight: str = ""
    seed: int = 1912
    threads: int = 1
    files: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()
    first_release: str = ""
    reference: str = "full"
    table_in_sdist: bool = True
    trial: dict[str, Any] = field(default_factory=dict)
    signing: dict[str, Any] = field(default_factory=dict)
    deploy: dict[str, Any] = field(default_factory=dict)
    log: dict[str, Any] = field(default_factory=dict)
    watch: dict[str, Any] = field(default_factory=dict)
    ci: dict[str, Any] = field(default_factory=dict)

    @property
    def source(self) -> Path:
        """The folder that the package is imported from."""
        return self.root / "src"

    @property
    def version_file(self) -> Path:
        """The file with `__version__`."""
        return self.source / self.package / "__init__.py"

    @property
    def artifacts(self) -> Path:
        """The folder for what `seatrial train` writes and the wheel contains."""
        return self.source / self.package / "artifacts"

    @property
    def runs(self) -> Path:
        """The folder for the metrics and the report of each training."""
        return self.root / "runs"

    @property
    def dist(self) -> Path:
        """The folder for the sdist and the wheel that `seatrial build` makes."""
        return self.root / "dist"

    def kept_table(self, digest: str) -> Path:
        """The copy of a training table, by its SHA-256: a trial retrains the baseline on it."""
        return self.root / ".seatrial" / "tables" / f"{digest}{self.data.suffix}"

    @property
    def requirement(self) -> str:
        """The release as a pinned requirement, `titanic-model==0.1.0`."""
        return f"{self.name}=={self.version}"


def find_project(start: Path) -> ProjectSettings:
    """Read the project that `start` is in.

    Raises SeatrialError where there is none, or where a setting is missing, unknown or of the wrong type.
    """
    document = _document(start)
    if document:
        return _project(*document)
    start = start.resolve()
    raise SeatrialError(
        f"No Seatrial project in {start} or above it.",
        hint="Change to a folder whose pyproject.toml has [tool.seatrial], or name one with --project.",
    )


def files_git_ignores(project: ProjectSettings) -> list[str]:
    """The project's own files that git ignores, so that a clone lacks them; except a table that DVC keeps."""
    root, table = project.root, project.data
    own = ["pyproject.toml", "README.md", "src", "tests", "deploy"]
    own += [str(table.relative_to(root))] if table.is_relative_to(root) and not project.data_url else []
    made = (f"src/{project.package}/artifacts/", "__pycache__/", ".egg-info/", ".pyc")
    files = [path for path in ignored_files(root, *own) if not any(part in path for part in made)]
    return [path for path in files if not (root / f"{path}.dvc").exists()]


def in_project(start: Path) -> bool:
    """Whether `start` is in a project, valid or not."""
    return _document(start) is not None


@contextmanager
def importable(project: ProjectSettings) -> Iterator[None]:
    """Import the project's package from its source, whatever is installed under its name.

    What its code prints goes to standard error. An error that it raises becomes a SeatrialError with its file and line.
    """
    for name in [n for n in sys.modules if n == project.package or n.startswith(project.package + ".")]:
        del sys.modules[name]
    note_import(project.root)
    sys.path.insert(0, str(project.source))
    try:
        with results():
            yield
    except SeatrialError:
        raise
    except Exception as error:
        text = error.msg if isinstance(error, SyntaxError) else str(error)
        if place := place_of_error(project, error):
            hint = import_hint(error) or _hint(project, error)
            raise SeatrialError(f"{place}: {type(error).__name__}: {text}", hint=hint) from error
        if file := _unreadable_module(project, error):
            raise SeatrialError(f"{file}: {type(error).__name__}: {text}", hint="Restore this file.") from error
        raise
    finally:
        sys.path.remove(str(project.source))


def place_of_error(project: ProjectSettings, error: Exception) -> str:
    """The file and line of the project's own code that an error comes from; empty if it comes from elsewhere."""
    places = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError):
        places.append((error.filename or "", error.lineno))
    own = [(Path(file), line) for file, line in places if Path(file).is_relative_to(project.source)]
    return f"{own[-1][0].relative_to(project.root).as_posix()}, line {own[-1][1]}" if own else ""


def _hint(project: ProjectSettings, error: Exception) -> str:
    package = str(error.name).partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if package in ("", "None", project.package):
        return "Correct this line."
    return f"Install the package that contains {package}, and add it to pyproject.toml; or correct this line."


def _unreadable_module(project: ProjectSettings, error: Exception) -> str:
    """The file of a module of the project's package that is missing or binary; empty for any other error."""
    files: list[Path] = []
    if isinstance(error, ModuleNotFoundError) and f"{error.name}.".startswith(f"{project.package}."):
        files = [(project.source / str(error.name).replace(".", "/")).with_suffix(".py")]
    elif isinstance(error, (SyntaxError, ValueError)) and getattr(error, "filename", None) is None:
        files = [file for file in (project.source / project.package).glob("*.py") if b"\0" in file.read_bytes()]
    return files[0].relative_to(project.root).as_posix() if files else ""


def toolkit_of(project: ProjectSettings) -> Requirement | None:
    """What the project requires of the toolkit; raises SeatrialError where a dependency is not valid."""
    found = None
    for line in project.dependencies:
        try:
            requirement = Requirement(line)
        except InvalidRequirement as error:
            where = project.root / "pyproject.toml"
            raise SeatrialError(f"{where}: {line!r} is not a valid dependency: {error}") from None
        found = requirement if canonicalize_name(requirement.name) == "seatrial" else found
    return found


def _document(start: Path) -> tuple[Path, dict[str, Any]] | None:
    start = start.resolve()
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        if path.is_file():
            document = read_toml(path)
            tool = document.get("tool")
            if isinstance(tool, dict) and "seatrial" in tool:
                return folder, document
    return None


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file; a missing one is empty. Raises SeatrialError where it is not valid."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SeatrialError(f"{path} cannot be read: {error}.", hint="Correct it, or restore it from git.") from None


def _project(root: Path, document: dict[str, Any]) -> ProjectSettings:
    where = root / "pyproject.toml"
    for name in set(document["tool"]) - {"seatrial"}:
        if difflib.get_close_matches(name, ["seatrial"], 1, cutoff=0.8):
            raise SeatrialError(f"{where}: nothing reads [tool.{name}].", hint="Did you mean [tool.seatrial]?")
    project, settings = document.get("project", {}), document["tool"]["seatrial"]
    if "name" not in project:
        raise SeatrialError(f"{where} has no [project] name.", hint='Write name = "my-model" under [project].')
    split = check_settings(where, settings)
    for key in ("data", "target"):
        if key not in settings:
            raise SeatrialError(f"{where}: [tool.seatrial] needs `{key}`: {KEYS[key][1]}.")
    if settings.get("task", "binary") not in ("binary", "multiclass", "regression"):
        raise SeatrialError(f"{where}: [tool.seatrial] task must be binary, multiclass or regression.")
    package = _package(where, project["name"])
    if not (root / "src" / package / "__init__.py").is_file():
        raise SeatrialError(
            f"{root} has no package src/{package}, which the project {project['name']!r} needs.",
            hint="Move the package there, or change [project] name.",
        )
    read_apart = ("data", "index", "files", "licences", "release", "split")
    others = {key: value for key, value in settings.items() if key not in read_apart}
    if others.get("weight") == settings["target"]:
        raise SeatrialError(f"{where}: [tool.seatrial] weight is the target.", hint="Name another column.")
    if not 0 < others.get("test_share", 0.25) < 1 or not 0 < others.get("threshold", 0.5) < 1:
        raise SeatrialError(f"{where}: [tool.seatrial] test_share and threshold must be between 0 and 1.")
    if "sample" in others and others["sample"] < FEWEST_SAMPLED:
        raise SeatrialError(
            f"{where}: [tool.seatrial] sample is {others['sample']:,}, and models need {FEWEST_SAMPLED} rows or more.",
            hint="Set the most rows to fit on, such as sample = 2_000_000, or remove it.",
        )
    _check_costs(where, others.get("costs", {}))
    indexes = read_index_settings(settings.get("index", DEFAULT_FOLDER), root, str(where))
    names = indexes[0].names.of_project(project["name"], root)
    indexes = tuple(replace(index, names=names) for index in indexes)
    return ProjectSettings(
        root=root,
        name=project["name"],
        package=package,
        version=project.get("version") or read_version(root / "src" / package / "__init__.py"),
        description=project.get("description", ""),
        dependencies=tuple(project.get("dependencies", ())),
        data=root / (copy_of_url(where, settings["data"]) or settings["data"]),
        data_url=settings["data"] if "://" in settings["data"] else "",
        split=split,
        index=indexes[0],
        indexes=indexes,
        files=_patterns(where, settings.get("files", [])),
        licences=_texts(where, "licences", settings.get("licences", [])),
        **_release(where, settings.get("release", {})),
        **others,
    )


def check_settings(where: Path, settings: dict[str, Any]) -> SplitSettings:
    """Check the keys of [tool.seatrial] in the file `where`, and how rows are split, which is returned.

    Raises SeatrialError for an unknown key, or a value that is not possible.
    """
    for key, value in settings.items():
        _check(where, key, value)
    return read_split(settings.get("split", {}), where, settings.get("target", ""))


def _package(where: Path, name: object) -> str:
    """The package of a project's name; what is not a name in Python packaging cannot be built or imported."""
    package = str(name).replace("-", "_").lower()
    if not isinstance(name, str) or not is_normalized_name(canonicalize_name(name)) or not package.isidentifier():
        raise SeatrialError(
            f"{where}: [project] name = {name!r} cannot be the name of a model package.",
            hint='Use letters, digits and single hyphens, as in name = "my-model".',
        )
    return package


def _texts(where: Path, key: str, values: list[Any]) -> tuple[str, ...]:
    if not all(isinstance(value, str) and value for value in values):
        raise SeatrialError(f"{where}: [tool.seatrial] {key} must be a list of texts.", hint=f"It is {KEYS[key][1]}.")
    return tuple(values)


def _patterns(where: Path, files: list[Any]) -> tuple[str, ...]:
    for pattern in files:
        if not isinstance(pattern, str) or not pattern or Path(pattern).anchor or ".." in Path(pattern).parts:
            raise SeatrialError(
                f"{where}: [tool.seatrial] files has {pattern!r}, which is not a path in the project.",
                hint='Example: files = ["data/regions.csv"].',
            )
    return tuple(files)


def _release(where: Path, settings: dict[str, Any]) -> dict[str, Any]:
    for key, value in settings.items():
        if key not in RELEASE_KEYS:
            raise unknown_key(f"{where}: [tool.seatrial.release]", key, RELEASE_KEYS)
        if value not in REFERENCES if key == "reference" else not isinstance(value, bool):
            raise SeatrialError(
                f"{where}: [tool.seatrial.release] {key} = {value!r} is not possible.",
                hint=f"It is {RELEASE_KEYS[key]}.",
            )
    return settings


def _check_costs(where: Path, costs: dict[str, Any]) -> None:
    valid = [type(cost) in (int, float) and 0 <= cost < float("inf") for cost in costs.values()]
    if costs and (set(costs) != set(COSTS) or not all(valid) or not any(costs.values())):
        raise SeatrialError(
            f"{where}: [tool.seatrial] costs needs {' and '.join(COSTS)}, both at least 0 and one above.",
            hint="Example: costs = { false_positive = 1, false_negative = 5 }.",
        )


def _check(where: Path, key: str, value: object) -> None:
    if key not in KEYS:
        raise unknown_key(f"{where}: [tool.seatrial]", key, KEYS)
    kind, meaning = KEYS[key]
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise SeatrialError(f"{where}: [tool.seatrial] {key} = {value!r} has the wrong type.", hint=f"It is {meaning}.")
