"""Pinned releases: a real one, as the deploy command makes it, and a fake one for tests that install nothing."""

import re
import shutil
import socket
import subprocess
import zipfile
from pathlib import Path

from seatrial.core.own_names import origin_line
from seatrial.core.project import ProjectSettings
from seatrial.deploy.target import PinnedRelease
from seatrial.release import FolderIndex
from seatrial.wheels.installer import find_uv


def pin_release(project: ProjectSettings, index: FolderIndex, version: str, folder: Path) -> PinnedRelease:
    """Pin a release of `index` with everything that serving needs; public packages come from PyPI."""
    release, toolkit = index.find(f"{project.name}=={version}"), index.find("seatrial")
    wheels = folder / "wheels"
    wheels.mkdir(parents=True)
    for each in (release, toolkit):
        shutil.copy(index.fetch(each), wheels)
    source = folder / "requirements.in"
    source.write_text(f"{release.requirement}\nseatrial[serve]=={toolkit.version}\n")
    command = [find_uv() or "uv", "pip", "compile", str(source), "--generate-hashes", "--no-header", "--no-annotate"]
    command += [
        "--python-version",
        "3.11",
        "--universal",
        "--find-links",
        str(wheels),
        "--quiet",
        "--no-emit-find-links",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == 0, done.stderr
    entries = re.split(r"^(?=\S)", done.stdout, flags=re.MULTILINE)
    ours = (release.name, "seatrial")
    entries.sort(key=lambda entry: ours.index(name) if (name := re.split(r"[\[=]", entry)[0]) in ours else len(ours))
    requirements = folder / "requirements.txt"
    requirements.write_text(origin_line("index", [release.name, "seatrial"]) + "".join(entries))
    return PinnedRelease(
        id=f"20261125T000000-{version.replace('.', '')}",
        name=release.name,
        version=version,
        sha256=release.sha256,
        package=project.package,
        requirements=requirements,
        wheels=wheels,
    )


def fake_pinned_release(folder: Path, project: ProjectSettings, version: str = "0.1.0") -> PinnedRelease:
    """A pinned release with invented hashes, for tests that install nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    requirements, wheels = folder / "requirements.txt", folder / "wheels"
    requirements.write_text(f"{project.name}=={version} --hash=sha256:{'a' * 64}\n")
    wheels.mkdir(exist_ok=True)
    with zipfile.ZipFile(wheels / f"{project.package}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{project.package}/artifacts/golden.json", '{"rows": [{"x": 1.0}], "scores": [[0.25, 0.75]]}')
        archive.writestr(f"{project.package}/artifacts/release.json", '{"classes": [0, 1]}')
    return PinnedRelease(f"id-{version}", project.name, version, "a" * 64, project.package, requirements, wheels)


def free_port() -> int:
    """A port that is free at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
