"""Seatrial's own wheel, built from the running checkout: on a local index it replaces the one on PyPI.

A version on an index never changes, but the toolkit of a developer does. So its wheel gets a local version:
0.1.0+3.h1a2b3c4d5e6f is the third one on this index, with the hash of its sources. The number makes the newest the
highest, also when the sources return to an earlier state; `>=0.1,<0.2` matches it.
"""

import hashlib
import json
import re
import shutil
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit
from urllib.request import url2pathname

from packaging.version import Version

import seatrial
from seatrial.core.errors import SeatrialError
from seatrial.core.files import touch_as_newest, write_atomic
from seatrial.core.progress import Progress, silent
from seatrial.core.state import cache_home
from seatrial.release.index import Index, IndexedRelease, newest
from seatrial.release.isolated_build import build_distributions
from seatrial.wheels.wheel import inspect

NAME = "seatrial"
VERSION_LINE = re.compile(r'^(version = "|__version__ = ")([^"+]+)(")$', re.MULTILINE)
KEPT = 4  # wheels of the last states of the sources
ROOT_FILES = ("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE")


def publish_toolkit(index: Index, progress: Progress = silent) -> IndexedRelease:
    """Put the running toolkit on an index, unless its newest wheel there is built from the same sources.

    Raises SeatrialError where Seatrial does not run from a checkout.
    """
    root = _checkout()
    fingerprint = f"h{_fingerprint(root, _sources(root))}"
    published = index.releases(NAME)
    last = newest(published)
    if last and str(Version(last.version).local).partition(".")[2] == fingerprint:
        return last
    number = 1 + max((_number(release.version) for release in published), default=0)
    local = f"{number}.{fingerprint}"
    with TemporaryDirectory(prefix="seatrial-toolkit-") as folder:
        wheel = _kept(local) or _keep(build_toolkit(Path(folder), local=local, progress=progress))
        version = index.publish([wheel], progress).version
    return index.find(f"{NAME}=={version}")


def _kept(local: str) -> Path | None:
    """A whole wheel of these sources that was built for another index."""
    for path in _wheels().glob(f"{NAME}-*+{local}-*.whl"):
        with suppress(SeatrialError):
            inspect(path)
            return path
    return None


def _keep(wheel: Path) -> Path:
    """Keep a wheel for other indexes, with the last few before it; a full disk only costs the time to build it."""
    with suppress(OSError):
        write_atomic(_wheels() / wheel.name, wheel.read_bytes())
        touch_as_newest(_wheels() / wheel.name, _wheels().glob("*.whl"))
        for old in sorted(_wheels().glob("*.whl"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
            old.unlink()
    return wheel


def _wheels() -> Path:
    return cache_home() / "toolkit"


def runs_from_checkout() -> bool:
    """Whether the running toolkit comes from a source tree, and not from an index."""
    try:
        return _checkout().is_dir()
    except SeatrialError:
        return False


def build_toolkit(destination: Path, *, local: str = "", progress: Progress = silent) -> Path:
    """Build the wheel of the running toolkit into `destination`; `local` becomes its local version segment.

    The same sources give the same bytes. Raises SeatrialError where Seatrial does not run from a checkout.
    """
    root = _checkout()
    destination.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="seatrial-source-") as folder:
        tree, out = Path(folder) / NAME, Path(folder) / "out"
        for path in _sources(root):
            target = tree / path.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
        if local:
            for path in (tree / "pyproject.toml", tree / "src" / NAME / "__init__.py"):
                path.write_text(VERSION_LINE.sub(rf"\g<1>\g<2>+{local}\g<3>", path.read_text("utf-8")), "utf-8")
        out.mkdir()
        _, wheel = build_distributions(tree, out, progress)
        return Path(shutil.move(wheel, destination / wheel.name))


def _checkout() -> Path:
    """Find the source tree of the running toolkit."""
    package = Path(seatrial.__file__).resolve().parent
    candidates = [package.parent.parent]
    try:
        origin = json.loads(distribution(NAME).read_text("direct_url.json") or "{}")
        candidates += [Path(url2pathname(urlsplit(origin.get("url", "")).path))] if origin else []
    except (PackageNotFoundError, ValueError):
        pass
    for root in candidates:
        settings = root / "pyproject.toml"
        if settings.is_file() and f'name = "{NAME}"' in settings.read_text("utf-8"):
            return root
    raise SeatrialError(
        f"Seatrial runs from {package}, which is not a checkout, so its wheel cannot be built.",
        hint="An installed Seatrial comes from an index; `pip download seatrial` fetches its wheel.",
    )


def _sources(root: Path) -> list[Path]:
    code = [p for p in (root / "src" / NAME).rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    return sorted(code) + [root / name for name in ROOT_FILES if (root / name).is_file()]


def _fingerprint(root: Path, files: list[Path]) -> str:
    total = hashlib.sha256()
    for path in files:
        total.update(f"{path.relative_to(root).as_posix()}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()[:12]


def _number(version: str) -> int:
    first = str(Version(version).local or "").partition(".")[0]
    return int(first) if first.isdigit() else 0
