"""Small projects for the doctor to examine: a few files, written by the test."""

from pathlib import Path
from unittest.mock import patch

from seatrial.ci.doctor import Advice
from seatrial.ci.doctor import examine as examine_all

CIRCLE = ".circleci/config.yml"
WORKFLOW = ".github/workflows/w.yml"
GITLAB = ".gitlab-ci.yml"


def examine(folder: Path) -> list[Advice]:
    """The faults that the doctor itself finds, without the linters."""
    with patch("seatrial.ci.doctor.linters.check", lambda tree: ()):
        return [finding for finding in examine_all(folder) if finding.is_fault]


def not_checked(folder: Path) -> list[str]:
    """What the doctor reports as not checked."""
    with patch("seatrial.ci.doctor.linters.check", lambda tree: ()):
        return [finding.message for finding in examine_all(folder) if not finding.is_fault]


def diagnosed(folder: Path, files: dict[str, str | bytes]) -> list[tuple[str, str]]:
    """Write the files; of each fault that the doctor finds there, the check and the text of its line."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [(each.check, line_of(folder, each.path, each.line)) for each in examine(folder)]


def line_of(folder: Path, name: str, line: int) -> str:
    lines = (folder / name).read_text(errors="replace").splitlines()
    return lines[line - 1].strip() if line <= len(lines) else ""


def github(steps: str = "", job: str = "", on: str = "push", more: str = "") -> str:
    """A workflow with one job that has these steps."""
    return (
        f"on: {on}\njobs:\n  work:\n    runs-on: x\n{job}    steps:\n      - uses: actions/checkout@v5\n{steps}{more}"
    )


def run(command: str, **more: str) -> str:
    """A step of a GitHub workflow."""
    return f"      - run: {command}\n" + "".join(f"        {key}: {value}\n" for key, value in more.items())


def circle(steps: str, job: str = "", jobs: str = "      - work\n", more: str = "") -> str:
    """A CircleCI file with one job that has these steps."""
    return (
        "version: 2.1\njobs:\n  work:\n    docker: [{image: x}]\n"
        f"{job}    steps:\n      - checkout\n{steps}{more}workflows:\n  w:\n    jobs:\n{jobs}"
    )
