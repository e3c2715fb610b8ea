"""A lockfile with hashes for the tools that a pipeline uses, so that a job installs the same ones every time."""

import subprocess
from pathlib import Path

from packaging.utils import canonicalize_name

from seatrial.ci.pipeline_settings import LOCK, TOOLS, read_pipeline, toolkit_requirement
from seatrial.core.errors import SeatrialError
from seatrial.core.files import write_atomic
from seatrial.core.own_names import LOCKED
from seatrial.core.project import ProjectSettings
from seatrial.wheels.installer import find_uv, last_lines

HEAD = "# Written by `seatrial ci lock`: what a pipeline installs, with --require-hashes.\n"


def lock(project: ProjectSettings, index_url: str | None = None) -> Path:
    """Resolve the toolkit, pytest and ruff into requirements/ci.txt; `index_url` is an index that has the toolkit.

    A name is taken from the first index that has it, so the other index cannot supply a higher version.
    """
    uv = find_uv()
    if not uv:
        raise SeatrialError(
            "uv was not found; it is needed to resolve the tools.", hint='Run pip install "seatrial[all]".'
        )
    command = [uv, "pip", "compile", "-", "--generate-hashes", "--no-header", "--no-annotate", "--quiet", "--no-config"]
    command += ["--universal", "--python-version", read_pipeline(project).python]
    requirements = "".join(f"{line}\n" for line in (toolkit_requirement(project), *TOOLS))
    command += ["--index", index_url] if index_url else []
    done = subprocess.run(command, input=requirements, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SeatrialError(
            f"The tools cannot be locked. uv reports:\n{last_lines(done.stderr)}",
            hint="If seatrial is not on PyPI, give an index that has it with --index-url.",
        )
    for name in [] if index_url else LOCKED.findall(done.stdout):
        project.index.names.refuse_public(canonicalize_name(name), str(project.index))
    path = project.root / LOCK
    write_atomic(path, HEAD + done.stdout)
    return path
