"""A project in git, with several releases on its index that have passed their trials, and commands to deploy them."""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from packaging.utils import parse_wheel_filename
from tests.commands import run_here
from tests.trial.samples import BASELINE, CANDIDATE, COMPLETE

from seatrial.core.files import sha256
from seatrial.core.project import find_project
from seatrial.deploy.local import Local
from seatrial.release import open_index
from seatrial.trial import gate
from seatrial.trial.records import Outcome, Verdict
from seatrial.trial.report.formats import to_json

PACKAGE = "titanic_model"
ROW = {"pclass": 3, "name": "Dawson, Mr. Jack", "sex": "male", "age": 20}
COMMAND = (sys.executable, "-m", "seatrial")


def reversion(
    wheel: Path, version: str, folder: Path, changes: Mapping[str, Callable[[bytes], bytes]] | None = None
) -> Path:
    """Copy a wheel as another version, with some of its files changed."""
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    old = str(parse_wheel_filename(wheel.name)[1])
    renamed = {}
    for name, data in files.items():
        content = data
        if name.endswith("/METADATA"):
            content = content.replace(f"Version: {old}".encode(), f"Version: {version}".encode())
        elif name == f"{PACKAGE}/__init__.py":
            content = content.replace(f'"{old}"'.encode(), f'"{version}"'.encode())
        if change := (changes or {}).get(name):
            content = change(content)
        renamed[name.replace(f"-{old}.dist-info", f"-{version}.dist-info")] = content
    record = next(name for name in renamed if name.endswith("/RECORD"))
    lines = [f"{name},sha256={_digest(data)},{len(data)}" for name, data in renamed.items() if name != record]
    renamed[record] = "\n".join([*lines, f"{record},,", ""]).encode()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{PACKAGE}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in renamed.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return path


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


class ProjectRepo:
    """One project. `close` stops its service."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.wheels: dict[str, Path] = {}

    @classmethod
    def make(cls, source: Path, root: Path, index: Path) -> "ProjectRepo":
        """Copy a project and an index, and commit the project to git."""
        shutil.copytree(source, root, ignore=shutil.ignore_patterns(".seatrial", "__pycache__", "runs", "deploy"))
        shutil.copytree(index, root / ".seatrial" / "index")
        (root / ".gitignore").write_text(".seatrial/\ndist/\nruns/\nartifacts/\n__pycache__/\n")
        repo = cls(root)
        repo.settings("port = 0")
        repo.git("init", "--quiet", "--initial-branch", "main")
        repo.git("config", "user.name", "Ada Tester")
        repo.git("config", "user.email", "ada@example.invalid")
        repo.git("add", "-A")
        repo.git("commit", "--quiet", "-m", "Start the project")
        return repo

    def settings(self, lines: str) -> None:
        """Replace the settings under [tool.seatrial.deploy.local]."""
        path = self.root / "pyproject.toml"
        text = path.read_text().partition("\n[tool.seatrial.deploy.local]")[0]
        path.write_text(f"{text}\n[tool.seatrial.deploy.local]\n{lines}\n")

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", "-C", str(self.root), *words], capture_output=True, text=True, check=True)
        return done.stdout

    def publish(self, wheel: Path) -> None:
        open_index(self.root / ".seatrial" / "index").publish([wheel])
        self.wheels[wheel.name.split("-")[1]] = wheel

    def sha(self, version: str) -> str:
        if version in self.wheels:
            return sha256(self.wheels[version])
        return open_index(self.root / ".seatrial" / "index").find(f"titanic-model=={version}").sha256

    def pass_trial(self, new: str, old: str | None, outcome: Outcome = Outcome.passed) -> None:
        """Store a verdict as a trial would; the trials themselves are tested elsewhere."""
        new_sha, old_sha = self.sha(new), self.sha(old) if old else None
        candidate = replace(CANDIDATE, version=new, sha256=new_sha)
        baseline = replace(BASELINE, version=old, sha256=old_sha) if old and old_sha else None
        verdict = Verdict(
            kind="retrain",
            task="binary",
            rows={"golden": 249},
            policy={},
            outcome=outcome,
            cause="Passed: all checks passed." if outcome is Outcome.passed else "Blocked: it is worse.",
            checks=(replace(COMPLETE[0], outcome=outcome), *COMPLETE[1:]),
            candidate=candidate,
            baseline=baseline,
        )
        folder = gate.result_folder(self.root, new_sha, old_sha)
        gate.write_results(folder, {"verdict.json": to_json(verdict)})

    def run(self, *words: str, **more: Any) -> subprocess.CompletedProcess[str]:
        if not more:
            return run_here(*words, cwd=self.root)
        return subprocess.run([*COMMAND, *words], cwd=self.root, capture_output=True, text=True, check=False, **more)

    def ok(self, *words: str) -> str:
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def listed(self) -> dict[str, Any]:
        (target,) = json.loads(self.ok("deployments", "local", "--json"))
        return dict(target)

    def local(self) -> Local:
        project = find_project(self.root)
        return Local(project, project.deploy.get("local", {}))

    def status(self) -> dict[str, Any]:
        status = self.local()._supervisor.status()
        assert status is not None
        return status

    def served(self) -> str:
        """The version that the service reports with a prediction."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.status()['port']}/api/v1/predict",
            json.dumps(ROW).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            document = json.load(answer)
            assert answer.headers["x-release"] == f"titanic-model=={document['version']}"
        return str(document["version"])

    def lockfile(self) -> str:
        return (self.root / "deploy" / "local" / "requirements.txt").read_text()

    def pinned(self) -> str:
        """The version that the lockfile names."""
        return self.lockfile().partition("titanic-model==")[2].split()[0]

    def history(self) -> list[dict[str, Any]]:
        path = self.root / "deploy" / "local" / "history.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def traces(self) -> dict[str, bytes]:
        """Everything that a refused command might have changed."""
        folders = [self.root / "deploy", self.root / ".seatrial" / "deploy"]
        files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
        contents = {str(path.relative_to(self.root)): path.read_bytes() for path in files if path.name != "lock"}
        return {**contents, "git": self.git("log", "--format=%H").encode() + self.git("status", "--porcelain").encode()}

    def close(self) -> None:
        self.local().stop()
