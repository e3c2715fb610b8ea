"""Tiny projects with made-up artifacts, and wheels made by hand in milliseconds."""

import base64
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from seatrial.release.own_imports import REQUIRED

RELEASE = {
    "format": 1,
    "name": "tiny-model",
    "task": "binary",
    "target": "y",
    "engine": "onnx",
    "inputs": {"numbers": ["x"], "strings": []},
    "typical": {"x": 1.0},
    "example": {"x": 2.0},
    "classes": [0, 1],
    "positive": 1,
    "metrics": {"auc": {"value": 0.87, "label": "ROC AUC"}},
}

PYPROJECT = """\
[build-system]
requires = ["hatchling==1.33.0"]
build-backend = "hatchling.build"

[project]
name = "tiny-model"
description = "A tiny model"
requires-python = ">=3.11"
dynamic = ["version"]
dependencies = ["seatrial>=0.1,<0.2"]

[tool.seatrial]
data = "data.csv"
target = "y"

[tool.hatch.version]
path = "src/tiny_model/__init__.py"

[tool.hatch.build]
artifacts = ["src/tiny_model/artifacts/*"]
exclude = [".seatrial", "runs", "dist"]

[tool.hatch.build.targets.wheel]
packages = ["src/tiny_model"]
"""


def make_project(root: Path, *, version: str = "0.1.0", engine: str = "onnx") -> Path:
    """Write a project as `seatrial train` leaves it, with artifacts that only look like a model."""
    package = root / "src" / "tiny_model"
    artifacts = package / "artifacts"
    artifacts.mkdir(parents=True)
    (root / "pyproject.toml").write_text(PYPROJECT)
    (root / "data.csv").write_text("x,y\n1,0\n")
    (package / "__init__.py").write_text(f'"""Tiny."""\n\n__version__ = "{version}"\n')
    for module in REQUIRED:
        (package / f"{module}.py").touch()
    (artifacts / "release.json").write_text(json.dumps({**RELEASE, "engine": engine}))
    (artifacts / ("model.onnx" if engine == "onnx" else "model.skops")).write_bytes(
        b"\x08\x0a" * 350
    )  # field 1 is 10, again and again
    for name in ("schema.json", "golden.json", "reference.csv", "card.md"):
        (artifacts / name).write_text(f"{name}\n")
    return root


def make_dist(root: Path) -> Path:
    """Put a wheel and an sdist of such a project into its dist/, as `seatrial build` leaves them; returns the wheel."""
    package = root / "src" / "tiny_model"
    (package / "__init__.py").write_text('__version__ = "0.1.0"\n\n')
    more = {f"tiny_model/{path.name}": path.read_bytes() for path in package.glob("*.py") if path.stem in REQUIRED}
    more |= {
        f"tiny_model/artifacts/{path.name}": path.read_bytes()
        for path in (package / "artifacts").iterdir()
        if path.name != "release.json"
    }
    wheel = make_wheel(root / "dist", more=more)
    make_sdist(root / "dist")
    with zipfile.ZipFile(wheel) as archive:
        for name in ("__init__.py", "artifacts/release.json"):
            (package / name).write_bytes(archive.read(f"tiny_model/{name}"))
    return wheel


def make_wheel(
    folder: Path,
    name: str = "tiny-model",
    version: str = "0.1.0",
    *,
    content: str = "",
    requires: tuple[str, ...] = (),
    requires_python: str = ">=3.8",
    release: Mapping[str, object] | None = RELEASE,
    more: Mapping[str, bytes] | None = None,
    metadata: str | None = None,
) -> Path:
    """Write an installable wheel by hand; `more` adds members, `content` goes into the package."""
    package = name.replace("-", "_")
    info = f"{package}-{version}.dist-info"
    if metadata is None:
        lines = [
            f"Name: {name}",
            f"Version: {version}",
            "Summary: Tiny & <small>",
            f"Requires-Python: {requires_python}",
        ]
        metadata = "\n".join(["Metadata-Version: 2.1", *lines, *(f"Requires-Dist: {r}" for r in requires)]) + "\n\n"
    files = {
        f"{package}/__init__.py": f'__version__ = "{version}"\n{content}\n'.encode(),
        **({f"{package}/artifacts/release.json": json.dumps({**release, "name": name}).encode()} if release else {}),
        **(more or {}),
        f"{info}/METADATA": metadata.encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_digest(data)},{len(data)}\n" for path, data in files.items())
    files[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{package}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in files.items():
            archive.writestr(zipfile.ZipInfo(member), data)
    return path


def make_sdist(
    folder: Path, name: str = "tiny-model", version: str = "0.1.0", content: str = "", *, more: Mapping[str, bytes] = {}
) -> Path:
    """Write an sdist by hand; `more` adds members."""
    stem = f"{name.replace('-', '_')}-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        data = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\n{content}".encode()
        for file, text in {"PKG-INFO": data, "pyproject.toml": b"", **more}.items():
            member = tarfile.TarInfo(f"{stem}/{file}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    return path


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
