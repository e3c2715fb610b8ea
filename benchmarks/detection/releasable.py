"""Makes the benchmark's small projects releasable: with the files that `seatrial build` needs, and a version."""

from pathlib import Path

from benchmarks.detection.projects import Source, write_project

_BACKEND = '[build-system]\nrequires = ["hatchling==1.33.0"]\nbuild-backend = "hatchling.build"\n\n'
_PACKAGING = """
[tool.hatch.version]
path = "src/{package}/__init__.py"

[tool.hatch.build]
artifacts = ["src/{package}/artifacts/*"]
exclude = [".seatrial", "runs", "dist"]

[tool.hatch.build.targets.wheel]
packages = ["src/{package}"]
"""
_INIT = """from functools import partial

from seatrial import Release
from seatrial.model import console

__version__ = "{version}"
release = Release(__name__)
predict = release.predict
main = partial(console.main, release)
"""


def write_releasable(source: Source, model: str, table: dict[str, list[str]], root: Path) -> Path:
    """Write a project that can be built, and return the file that has its version."""
    write_project(source, model, table, root)
    (package,) = (path.name for path in (root / "src").iterdir())
    settings = root / "pyproject.toml"
    text = settings.read_text(encoding="utf-8").replace(
        'version = "0.1.0"', 'dynamic = ["version"]\nrequires-python = ">=3.11"\ndependencies = ["seatrial>=0.1,<0.2"]'
    )
    settings.write_text(_BACKEND + text + _PACKAGING.format(package=package), encoding="utf-8")
    return root / "src" / package / "__init__.py"


def set_version(init: Path, version: str) -> None:
    """Write a version."""
    init.write_text(_INIT.format(version=version), encoding="utf-8")
