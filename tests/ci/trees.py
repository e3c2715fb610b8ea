"""Small trees for the doctor to look at: a few files, written here and now."""

from pathlib import Path

from seatrial.ci.doctor import Finding
from seatrial.ci.doctor import examine as examine_all

CIRCLE = ".circleci/config.yml"
WORKFLOW = ".github/workflows/w.yml"
GITLAB = ".gitlab-ci.yml"
Found = list[tuple[str, str]]


def examine(folder: Path) -> list[Finding]:
    """The faults that the doctor itself finds, without those of the linters."""
    return [each for each in examine_all(folder) if each.is_fault and "/" not in each.check]


def looked_at(folder: Path, files: dict[str, str | bytes]) -> Found:
    """What the doctor finds there: each fault's short name, and the text of its line (or its message, at line 1)."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [(each.check, line_of(folder, each.path, each.line)) for each in examine(folder)]


def line_of(folder: Path, name: str, line: int) -> str:
    lines = (folder / name).read_text(errors="replace").splitlines()
    return lines[line - 1].strip() if line <= len(lines) else ""


def github(steps: str = "", job: str = "", on: str = "push", more: str = "") -> str:
    """A workflow with one job that has these steps, and whatever else."""
    return (
        f"on: {on}\njobs:\n  work:\n    runs-on: x\n{job}    steps:\n      - uses: actions/checkout@v5\n{steps}{more}"
    )


def run(command: str, **more: str) -> str:
    """A step of GitHub's."""
    return f"      - run: {command}\n" + "".join(f"        {key}: {value}\n" for key, value in more.items())


def circle(steps: str, job: str = "", jobs: str = "      - work\n", more: str = "") -> str:
    return (
        "version: 2.1\njobs:\n  work:\n    docker: [{image: x}]\n"
        f"{job}    steps:\n      - checkout\n{steps}{more}workflows:\n  w:\n    jobs:\n{jobs}"
    )
