"""The artifacts of a run as an sdist and a wheel: checked before the build, and inspected after it."""

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.utils import canonicalize_name
from packaging.version import Version

from seatrial.core.errors import SeatrialError
from seatrial.core.files import restrict
from seatrial.core.progress import Progress, silent
from seatrial.core.project import ProjectSettings, toolkit_of
from seatrial.core.version import parse_version
from seatrial.model.carried_rows import CarriedRows, carried_rows
from seatrial.model.metadata import Metadata, read_metadata
from seatrial.release.build_requirements import BuildPins
from seatrial.release.contents import artifact_names, copy_release, left_out, sdist_files, unnamed
from seatrial.release.isolated_build import build_distributions
from seatrial.release.licences import LicensedLibrary, licensed_libraries, questionable, refuse_licences
from seatrial.release.own_imports import missing_module
from seatrial.wheels.simple_api import parse_filename
from seatrial.wheels.wheel import WheelInfo, inspect, refuse_unsafe

TRAIN = "Run `seatrial train` first."
BUILD = "Run `seatrial build` first."
REBUILD = "Run `seatrial build` again."


@dataclass(frozen=True)
class BuiltRelease:
    """The result of a build: the inspected wheel, and the sdist.

    `left_out` are files in src/ that are in neither, since nobody named them.
    """

    wheel: WheelInfo
    sdist: Path
    left_out: tuple[str, ...] = ()

    @property
    def carried(self) -> CarriedRows:
        """What both contain of the table's rows."""
        return carried_rows((self.wheel.release or {}).get("carries", {}))

    @property
    def questionable(self) -> list[LicensedLibrary]:
        """The libraries that it runs with, and whose licence somebody should look at: copyleft, or none stated."""
        return questionable(licensed_libraries(self.wheel))

    @property
    def files(self) -> tuple[WheelInfo, Path]:
        """Both, to publish them."""
        return self.wheel, self.sdist

    @property
    def contents(self) -> list[str]:
        """The files in the sdist, which has all of the wheel's."""
        return sdist_files(self.sdist)


def build_release(project: ProjectSettings, progress: Progress = silent) -> BuiltRelease:
    """Build the trained project into `dist/` by PyPA's build, in an isolated environment.

    The same inputs give the same bytes: hatchling stamps files with SOURCE_DATE_EPOCH or a fixed day.
    Raises SeatrialError where artifacts are missing or incomplete, where the wheel has the wrong content, and, with the
    end of the log, where the build fails. `dist/` then keeps what it had.
    """
    _version(project)
    metadata = _check_artifacts(project)
    _check_dependencies(project, metadata)
    _check_syntax(project)
    project.dist.mkdir(parents=True, exist_ok=True)
    with (
        TemporaryDirectory(prefix="seatrial-source-") as source,
        TemporaryDirectory(dir=project.dist, prefix=".build-") as folder,
    ):
        copy_release(project, Path(source))
        pins = BuildPins(project.root, project.index.names)
        sdist, path = build_distributions(Path(source), Path(folder), progress, pins)
        progress("inspecting the wheel")
        wheel = inspect(path)
        _check_wheel(project, wheel, metadata)
        refuse_licences(wheel, project.licences)
        # In this order, so that an interrupted build leaves no wheel next to the sdist of another build.
        for old in _same_version(project):
            old.unlink()
        for built in (sdist, path):  # they carry rows
            restrict(built, project.data)
        sdist = sdist.replace(project.dist / sdist.name)
        path = path.replace(project.dist / path.name)
    return BuiltRelease(replace(wheel, path=path), sdist, tuple(left_out(project)))


def built_release(project: ProjectSettings) -> BuiltRelease:
    """Find the wheel and the sdist of the project's current version in `dist/`, and inspect the wheel.

    Raises SeatrialError where they are missing, or where the project was changed or trained since then.
    """
    files = sorted(_same_version(project), key=lambda path: not path.name.endswith(".whl"))
    if len(files) != 2 or not files[0].name.endswith(".whl"):
        raise SeatrialError(f"{project.dist} has no build of {project.requirement}.", hint=BUILD)
    wheel = inspect(files[0])
    changed = wheel.changed_file(project.source, required=False)
    if changed:
        raise SeatrialError(f"{wheel.filename} was built before {changed} changed.", hint=REBUILD)
    return BuiltRelease(wheel, files[1])


def refuse_unnamed(project: ProjectSettings, built: BuiltRelease) -> None:
    """Raise SeatrialError if a built file has something that does not belong to the release of this project."""
    in_wheel = [f"src/{name}" for name in built.wheel.record if name.startswith(f"{project.package}/")]
    for path, names in ((built.wheel.path, in_wheel), (built.sdist, built.contents)):
        if found := unnamed(project, names):
            more = f" and {len(found) - 3} more" if len(found) > 3 else ""
            raise SeatrialError(
                f"{path.name} contains files that do not belong to the release: {', '.join(found[:3])}{more}.",
                hint="`seatrial build` leaves them out. To ship one, add it to git, or to `files` in [tool.seatrial].",
            )


def _check_syntax(project: ProjectSettings) -> None:
    """Refuse code that cannot be imported, before a build and a trial spend minutes on it."""
    for path in sorted((project.source / project.package).rglob("*.py")):
        try:
            compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:  # a NUL byte is a ValueError
            line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
            where = f"{path.relative_to(project.root).as_posix()}{line}"
            text = error.msg if isinstance(error, SyntaxError) else str(error)
            raise SeatrialError(f"{where}: {type(error).__name__}: {text}", hint="Correct this line.") from None


def _check_artifacts(project: ProjectSettings) -> Metadata:
    metadata = read_metadata(project.artifacts)
    if canonicalize_name(metadata.name) != canonicalize_name(project.name):
        raise SeatrialError(
            f"The artifacts in {project.artifacts} are for {metadata.name}, not for {project.name}.", hint=TRAIN
        )
    carried = carried_rows(metadata.carries)
    if (carried.reference, carried.table) != (project.reference, project.table_in_sdist):
        raise SeatrialError(
            "[tool.seatrial.release] was changed after the training, which decides what a release carries.", hint=TRAIN
        )
    for name in artifact_names(carried.reference, metadata.engine):
        path = project.artifacts / name
        if not path.is_file() or not path.stat().st_size:
            raise SeatrialError(f"The trained model in {project.artifacts} has no {name}.", hint=TRAIN)
    return metadata


def _check_dependencies(project: ProjectSettings, metadata: Metadata) -> None:
    """Require that the project depends on the toolkit, with the extras that its release needs."""
    where = project.root / "pyproject.toml"
    needed = {"native"} if metadata.engine == "native" else set()
    toolkit = toolkit_of(project)
    if toolkit is None or not needed <= toolkit.extras:
        extras = ",".join(sorted(needed | (toolkit.extras if toolkit else set())))
        specifier = str(toolkit.specifier) if toolkit and toolkit.specifier else ">=0.1,<0.2"
        line = f'"seatrial{f"[{extras}]" if extras else ""}{specifier}"'
        reason = "the model runs natively, with scikit-learn" if needed else "the release runs on it"
        raise SeatrialError(
            f"{where}: [project] dependencies lack {line}: {reason}.", hint=f"Write dependencies = [{line}]."
        )


def _check_wheel(project: ProjectSettings, wheel: WheelInfo, metadata: Metadata) -> None:
    where = project.root / "pyproject.toml"
    if wheel.name != canonicalize_name(project.name) or wheel.package != project.package:
        raise SeatrialError(
            f"The build made a wheel of {wheel.name} with the package {wheel.package}, which does not match {where}."
        )
    if Version(wheel.version) != _version(project):
        raise SeatrialError(
            f"The wheel has the version {wheel.version}, but the project has {project.version}: see {where}."
        )
    names = artifact_names(project.reference, metadata.engine)
    missing = [name for name in names if f"{project.package}/artifacts/{name}" not in wheel.record]
    if missing:
        raise SeatrialError(
            f"The wheel lacks {', '.join(missing)}.",
            hint=f"Have the build back end include src/{project.package}/artifacts/* in the wheel: see {where}.",
        )
    refuse_unsafe(wheel)
    if lacking := missing_module(project.source, project.package, wheel.record):
        raise SeatrialError(
            f"{lacking} from the wheel.",
            hint="Restore that module; or add it to git, or to `files` in [tool.seatrial], so that it is shipped.",
        )
    changed = wheel.changed_file(project.source, required=False)
    if changed:
        raise SeatrialError(f"{changed} changed during the build.", hint=REBUILD)


def _version(project: ProjectSettings) -> Version:
    return parse_version(project.version, project.version_file)


def _same_version(project: ProjectSettings) -> list[Path]:
    files = []
    for path in project.dist.glob("[!.]*"):
        if path.name.endswith((".whl", ".tar.gz")) and path.is_file():
            try:
                identity = parse_filename(path.name)
            except SeatrialError:
                continue
            if identity == (canonicalize_name(project.name), _version(project)):
                files.append(path)
    return files
