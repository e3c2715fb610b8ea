"""The artifacts of a run as an sdist and a wheel: checked before the build, and looked into after it."""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings
from seatrial.model.metadata import METADATA_FILE, Metadata, read_metadata
from seatrial.release.isolated_build import build_distributions
from seatrial.wheels.wheel import WheelInfo, inspect, refuse_unsafe

ENGINE_FILES = {"onnx": "model.onnx", "native": "model.skops"}
ARTIFACTS = (METADATA_FILE, "schema.json", "golden.json", "reference.csv", "card.md")
TRAIN = "Run `seatrial train` first."


@dataclass(frozen=True)
class BuiltRelease:
    """What a build made; hash and size (bytes) are the wheel's."""

    sdist: Path
    wheel: Path
    sha256: str
    size: int


def build_release(project: ProjectSettings, progress: Callable[[str], None] = lambda _: None) -> BuiltRelease:
    """Build the trained project into `dist/`, by PyPA's build, in an environment of its own.

    Same inputs, same bytes: hatchling stamps files with SOURCE_DATE_EPOCH, or a fixed day where it is unset.
    Raises SeatrialError where the artifacts are missing or incomplete, where the wheel would not be what it
    should, and with the end of the log where the build itself fails. dist/ then keeps what it had.
    """
    _version(project)
    metadata = _check_artifacts(project)
    _check_dependencies(project, metadata)
    project.dist.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=project.dist, prefix=".build-") as folder:
        sdist, wheel = build_distributions(project.root, Path(folder), progress)
        progress("looking into the wheel")
        info = inspect(wheel)
        _check_wheel(project, info, metadata)
        # In this order, so that a build cut off here leaves no wheel beside the sdist of another one.
        for old in _same_version(project):
            old.unlink()
        sdist = sdist.replace(project.dist / sdist.name)
        wheel = wheel.replace(project.dist / wheel.name)
    return BuiltRelease(sdist=sdist, wheel=wheel, sha256=info.sha256, size=info.size)


def built_files(project: ProjectSettings) -> tuple[Path, Path]:
    """Find the wheel and the sdist of the project's present version in `dist/`.

    Raises SeatrialError where they are missing, or where the project was changed or trained since then.
    """
    files = sorted(_same_version(project), key=lambda path: not path.name.endswith(".whl"))
    if len(files) != 2 or not files[0].name.endswith(".whl"):
        raise SeatrialError(
            f"{project.dist} has no build of {project.requirement}.", hint="Run `seatrial build` first."
        )
    stale = _changed_since(project, files[0])
    if stale:
        raise SeatrialError(f"{files[0].name} was built before {stale} changed.", hint="Run `seatrial build` again.")
    return files[0], files[1]


def _check_artifacts(project: ProjectSettings) -> Metadata:
    metadata = read_metadata(project.artifacts)
    if canonicalize_name(metadata.name) != canonicalize_name(project.name):
        raise SeatrialError(
            f"The artifacts in {project.artifacts} are of {metadata.name}, not of {project.name}.", hint=TRAIN
        )
    wanted = (*ARTIFACTS, ENGINE_FILES[metadata.engine])
    for name in wanted:
        path = project.artifacts / name
        if not path.is_file() or not path.stat().st_size:
            raise SeatrialError(f"The trained model in {project.artifacts} has no {name}.", hint=TRAIN)
    return metadata


def _check_dependencies(project: ProjectSettings, metadata: Metadata) -> None:
    """Hold the project to depending on the toolkit that its release runs on."""
    wanted = {"native"} if metadata.engine == "native" else set()
    found = None
    for line in project.dependencies:
        try:
            requirement = Requirement(line)
        except InvalidRequirement as error:
            raise SeatrialError(f"{project.root / 'pyproject.toml'}: {line!r} is no dependency: {error}") from None
        if canonicalize_name(requirement.name) == "seatrial":
            found = requirement
    if found is None or not wanted <= found.extras:
        extras = ",".join(sorted(wanted | (found.extras if found else set())))
        specifier = str(found.specifier) if found and found.specifier else ">=0.1,<0.2"
        line = f'"seatrial{f"[{extras}]" if extras else ""}{specifier}"'
        why = "the model runs natively, with scikit-learn" if wanted else "the release runs on it"
        raise SeatrialError(
            f"{project.root / 'pyproject.toml'}: [project] dependencies lack {line}: {why}.",
            hint=f"Write dependencies = [{line}].",
        )


def _check_wheel(project: ProjectSettings, wheel: WheelInfo, metadata: Metadata) -> None:
    where = project.root / "pyproject.toml"
    if wheel.name != canonicalize_name(project.name) or wheel.package != project.package:
        raise SeatrialError(
            f"The wheel is {wheel.name} with the package {wheel.package}, which {where} did not ask for."
        )
    if Version(wheel.version) != _version(project):
        raise SeatrialError(f"The wheel is of version {wheel.version}, the project of {project.version}: see {where}.")
    missing = [
        name
        for name in (*ARTIFACTS, ENGINE_FILES[metadata.engine])
        if f"{project.package}/artifacts/{name}" not in wheel.members
    ]
    if missing:
        raise SeatrialError(
            f"The wheel lacks {', '.join(missing)}.",
            hint=f'[tool.hatch.build] in {where} needs artifacts = ["src/{project.package}/artifacts/*"]; another back '
            "end has its own way to ship what git ignores.",
        )
    refuse_unsafe(wheel)
    changed = _changed_since(project, wheel.path)
    if changed:
        raise SeatrialError(f"{changed} changed during the build.", hint="Run `seatrial build` again.")


def _version(project: ProjectSettings) -> Version:
    try:
        return Version(project.version)
    except InvalidVersion:
        raise SeatrialError(
            f"{project.version!r} is no version.", hint='Write it as __version__ = "0.1.0" (PEP 440).'
        ) from None


def _same_version(project: ProjectSettings) -> list[Path]:
    from seatrial.wheels.simple_api import parse_filename

    found = []
    for path in project.dist.glob("*"):
        if path.name.endswith((".whl", ".tar.gz")) and not path.name.startswith("."):
            try:
                name, version = parse_filename(path.name)
            except SeatrialError:
                continue
            if name == canonicalize_name(project.name) and version == _version(project):
                found.append(path)
    return found


def _changed_since(project: ProjectSettings, wheel: Path) -> str:
    """Name a file of the package that the wheel has otherwise; one that only the wheel has is no change."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name in sorted(archive.namelist()):
                path = project.source / name
                if (
                    name.startswith(f"{project.package}/")
                    and path.is_file()
                    and path.read_bytes() != archive.read(name)
                ):
                    return name
    except (zipfile.BadZipFile, OSError) as error:
        raise SeatrialError(f"{wheel} is damaged: {error}.", hint="Run `seatrial build` again.") from None
    return ""
