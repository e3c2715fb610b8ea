"""Load: a release from an index, or a wheel, into this interpreter, without installing it.

The wheel is vetted as before any installation, unpacked into a cache folder named by its hash, and imported from there.
Its modules are kept apart from `sys.modules`, so that several releases of a model, and the project itself, can be used
side by side.
"""

import shutil
import sys
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any

from packaging.requirements import Requirement

from seatrial.core.errors import SeatrialError
from seatrial.core.index_settings import IndexSettings, choose_index
from seatrial.core.project import find_project, in_project
from seatrial.core.state import state_home
from seatrial.model.features import Columns, Floats
from seatrial.model.release import Release
from seatrial.release import open_index
from seatrial.wheels.wheel import WheelInfo, inspect, refuse_unsafe

_IMPORTS = threading.RLock()  # all threads share sys.modules


class LoadedRelease(Release):
    """A release that was loaded from a wheel; its package is importable only while the release itself is working."""

    def __init__(self, wheel: WheelInfo, folder: Path) -> None:
        super().__init__(wheel.package)
        self._folder = folder
        self._modules: dict[str, ModuleType] = {}
        self._working = False
        self._title = f"{wheel.name} {wheel.version}"

    def __repr__(self) -> str:
        return f"<Release {self._title}>"

    def load(self) -> "LoadedRelease":
        """Import the package, and load everything that a prediction needs."""
        with self._importable():
            _ = self.version, self.card, self.schema, self.checker, self.features, self.engine
            super().load()
        return self

    def predict(self, rows: Any) -> Any:
        """Predict rows or a table, as `Release.predict` does."""
        with self._importable():
            return super().predict(rows)

    def score_table(self, columns: Columns) -> Floats:
        """Score checked columns, as `Release.score_table` does."""
        with self._importable():
            return super().score_table(columns)

    def explain(self, rows: Any) -> Any:
        """Explain rows or a table, as `Release.explain` does."""
        with self._importable():
            return super().explain(rows)

    @contextmanager
    def _importable(self) -> Iterator[None]:
        """Let imports of the package's name find this release, and restore the earlier modules afterwards."""
        with _IMPORTS:
            if self._working:  # one method calls another
                yield
                return
            self._working = True
            before = _take_modules(self.package)
            sys.modules.update(self._modules)
            sys.path.insert(0, str(self._folder))
            try:
                yield
            finally:
                sys.path.remove(str(self._folder))
                self._modules = _take_modules(self.package)
                sys.modules.update(before)
                self._working = False


def load(release: str | Path | WheelInfo, index: str | IndexSettings | None = None) -> LoadedRelease:
    """Load a release into this interpreter: a wheel, or name==version on an index.

    `index` is a folder, a URL, or the name of one of the project's indexes; default: the index of the project that the
    current folder is in. Several releases can be loaded at once, also of one model.
    """
    path = Path(release.path if isinstance(release, WheelInfo) else release)
    wheel = inspect(path.absolute() if path.suffix == ".whl" else _fetch(str(release), index))
    refuse_unsafe(wheel)
    _check_requirements(wheel)
    try:
        return LoadedRelease(wheel, _unpacked(wheel)).load()
    except ModuleNotFoundError as error:
        raise SeatrialError(
            f"{wheel.name} {wheel.version} needs {error.name}, which is not installed here.",
            hint=f"pip install {error.name}",
        ) from None


def _fetch(requirement: str, index: str | IndexSettings | None) -> Path:

    project = find_project(Path()) if in_project(Path()) else None
    if isinstance(index, str):
        index = choose_index(project.indexes if project else (), index)
    settings = index or (project.index if project else None)
    if settings is None:
        raise SeatrialError(
            f"No index to load {requirement} from: none was named, and the current folder is not in a project.",
            hint='Name one: load("titanic-model==0.1.0", index="folder or URL"); or pass the path of a wheel.',
        )
    opened = open_index(settings)
    return opened.fetch(opened.find(requirement))


def _check_requirements(wheel: WheelInfo) -> None:
    """Raise SeatrialError where this interpreter does not have what the wheel requires."""

    wrong = []
    for requirement in map(Requirement, wheel.requires_dist):
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            installed = version(requirement.name)
        except PackageNotFoundError:
            wrong.append(f"{requirement} (not installed)")
            continue
        if not requirement.specifier.contains(installed, prereleases=True):
            wrong.append(f"{requirement} (installed: {installed})")
    if wrong:
        raise SeatrialError(
            f"{wheel.name} {wheel.version} cannot be loaded here: it requires {', '.join(wrong)}.",
            hint="Install these versions, or run it in an environment of its own: `seatrial serve`.",
        )


def _unpacked(wheel: WheelInfo) -> Path:
    """The folder with the wheel's content; it appears whole or not at all."""
    folder = state_home() / "loaded" / wheel.sha256
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".unpacking-"))
        try:
            with zipfile.ZipFile(wheel.path) as archive:
                archive.extractall(unfinished)
            with suppress(OSError):  # another process was faster
                unfinished.rename(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def _take_modules(package: str) -> dict[str, ModuleType]:
    """Remove a package with its submodules from sys.modules, and return them."""
    names = [name for name in sys.modules if name == package or name.startswith(f"{package}.")]
    return {name: sys.modules.pop(name) for name in names}
