"""A small CircleCI: reads a config.yml and really executes its jobs, each on a machine that starts out empty.

It knows the part of the language that our files use and refuses the rest, so that nothing is ignored silently.
A machine has a home folder that is emptied before each job, the `image` on its path, and nothing else of ours:
files get from job to job by the workspace and the caches alone, as they do there.
"""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

Steps = list[Any]


@dataclass
class Job:
    """The result of a job: `success`, `failed`, or `not run`; `halted` where it ended itself before its last step."""

    name: str
    status: str = "not run"
    log: str = ""
    artifacts: list[str] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)  # by step
    halted: bool = False


@dataclass
class Circle:
    """The service: `origin` is the repository, `store` is where it keeps things, `image` the folder with its python.

    `variables` are those of the project's settings, `contexts` further ones by the name of the context.
    """

    origin: Path
    store: Path
    image: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    contexts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    runs: int = 0
    heads: dict[str, str] = field(default_factory=dict)  # by branch, the commit of its last pipeline

    def run(self, branch: str, parameters: Mapping[str, Any] | None = None) -> dict[str, Job]:
        """Run the pipeline of a branch's head; all jobs of the workflows that apply, by name."""
        self.runs += 1
        pipeline = self.store / f"pipeline-{self.runs}"
        pipeline.mkdir(parents=True)
        config = self._config(branch)
        values = {name: p["default"] for name, p in config.get("parameters", {}).items()} | dict(parameters or {})
        base, self.heads[branch] = self.heads.get(branch, ""), self._git("rev-parse", branch).strip()
        values |= {"git.base_revision": base}
        done: dict[str, Job] = {}
        for flow, workflow in config["workflows"].items():
            if applies(workflow, values):
                for name, entry in ordered(workflow):
                    job = done[name] = Job(name)
                    needed = [done[each].status for each in entry.get("requires", [])]
                    if reached(entry, branch) and all(status == "success" for status in needed):
                        self._job(job, config, entry, branch, pipeline / flow, values)
        return done

    def _config(self, branch: str) -> dict[str, Any]:
        return yaml.safe_load(self._git("show", f"{branch}:.circleci/config.yml"))

    def _git(self, *words: str) -> str:
        command = ["git", "-C", str(self.origin), *words]
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout

    def _job(
        self,
        job: Job,
        config: dict[str, Any],
        entry: dict[str, Any],
        branch: str,
        pipeline: Path,
        values: Mapping[str, Any],
    ) -> None:
        what = config["jobs"][job.name]
        executor = config["executors"][what["executor"]]
        assert set(executor) <= {"docker", "working_directory", "environment"}, executor
        assert set(what) <= {"executor", "steps", "environment"}, what
        home = self.store / "home"
        shutil.rmtree(home, ignore_errors=True)
        (home / "agent").mkdir(parents=True)
        halt = home / "halted"
        agent = home / "agent" / "circleci-agent"
        agent.write_text(f'#!/bin/sh\n[ "$*" = "step halt" ] && touch {halt}\n')
        agent.chmod(0o755)
        machine = _Machine(self, job, home, branch, pipeline)
        contexts = entry.get("context", [])
        machine.variables = {
            "PATH": f"{self.image}:{agent.parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "CI": "true",
            "CIRCLECI": "true",
            "CIRCLE_BRANCH": branch,
            "CIRCLE_BUILD_URL": f"https://circle.example/{self.runs}/{job.name}",
            **self.variables,
            **{
                k: v
                for name in ([contexts] if isinstance(contexts, str) else contexts)
                for k, v in self.contexts[name].items()
            },
            **executor.get("environment", {}),
            **what.get("environment", {}),
        }
        machine.folder = machine.path(executor.get("working_directory", "~/project"))
        machine.folder.mkdir(parents=True, exist_ok=True)
        job.status = "success"
        for kind, details in expanded(what["steps"], config.get("commands", {}), values):
            when = details.get("when", "on_success")
            if job.status == "failed" and when not in ("always", "on_fail"):
                continue
            if halt.exists():
                job.halted = True
                break
            begun = time.monotonic()
            if not getattr(machine, kind)(**{k: filled(v, values) for k, v in details.items() if k != "when"}):
                job.status = "failed"
            job.seconds[f"{kind} {details.get('command', '')}".strip()] = time.monotonic() - begun


@dataclass
class _Machine:
    circle: Circle
    job: Job
    home: Path
    branch: str
    pipeline: Path
    variables: dict[str, str] = field(default_factory=dict)
    folder: Path = Path()

    def path(self, text: str) -> Path:
        return self.home / text[2:] if text.startswith("~/") else self.folder / text

    def checkout(self, path: str = "") -> bool:
        where = self.path(path) if path else self.folder
        shutil.rmtree(where, ignore_errors=True)
        return self._shell(f"git clone --quiet --branch {self.branch} {self.circle.origin} {where}", self.home) and (
            self.folder.is_dir()
        )

    def run(self, command: str, name: str = "", environment: Mapping[str, str] | None = None) -> bool:
        return self._shell(command, self.folder, environment or {})

    def restore_cache(self, keys: list[str]) -> bool:
        for key in map(self._key, keys):
            # An exact key, or the newest that begins with it.
            fitting = [f for f in (self.circle.store / "caches").glob("*") if (f / "key").read_text().startswith(key)]
            if fitting:
                source = max(fitting, key=lambda folder: folder.stat().st_mtime)
                for number, target in enumerate((source / "paths").read_text().splitlines()):
                    _copy(source / str(number), Path(target))
                self.job.log += f"restored {key}\n"
                return True
        self.job.log += "no cache\n"
        return True

    def save_cache(self, key: str, paths: list[str]) -> bool:
        key = self._key(key)
        folder = self.circle.store / "caches" / sha256(key.encode()).hexdigest()[:16]
        if not folder.exists():  # a cache is never written again
            folder.mkdir(parents=True)
            for number, path in enumerate(paths):
                _copy(self.path(path), folder / str(number))
            (folder / "paths").write_text("".join(f"{self.path(path)}\n" for path in paths))
            (folder / "key").write_text(key)
        return True

    def persist_to_workspace(self, root: str, paths: list[str]) -> bool:
        base = self.path(root)
        for path in paths:
            found = list(base.glob(path))
            if not found:
                self.job.log += f"nothing to persist at {path}\n"
                return False
            for each in found:
                _copy(each, self.pipeline / "workspace" / each.relative_to(base))
        return True

    def attach_workspace(self, at: str) -> bool:
        shutil.copytree(self.pipeline / "workspace", self.path(at), dirs_exist_ok=True)
        return True

    def store_artifacts(self, path: str, destination: str = "") -> bool:
        self.job.artifacts += _files(self.path(path))
        return True

    def store_test_results(self, path: str) -> bool:
        self.job.results += [name for name in _files(self.path(path)) if name.endswith(".xml")]
        return True

    def _key(self, template: str) -> str:
        def filled(found: re.Match[str]) -> str:
            word = found.group(1).strip()
            if word == "arch":
                return "linux"
            file = re.fullmatch(r'checksum "(.+)"', word)
            assert file, f"{word} is not known here"
            return sha256(self.path(file.group(1)).read_bytes()).hexdigest()

        return re.sub(r"\{\{(.+?)\}\}", filled, template)

    def _shell(self, command: str, folder: Path, more: Mapping[str, str] | None = None) -> bool:
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", command],
            cwd=folder,
            env={**self.variables, **(more or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=600,
        )
        self.job.log += f"$ {command}\n{done.stdout}"
        return done.returncode == 0


def applies(workflow: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Whether a workflow's `when` and `unless` let it run."""
    assert set(workflow) <= {"when", "unless", "jobs"}, workflow
    return ("when" not in workflow or holds(workflow["when"], values)) and (
        "unless" not in workflow or not holds(workflow["unless"], values)
    )


def holds(condition: str, values: Mapping[str, Any]) -> bool:
    """Whether the pipeline's parameter that a condition names is true."""
    name = re.fullmatch(r"<< pipeline\.parameters\.(\w+) >>", condition)
    assert name, f"{condition} is not known here"
    return bool(values[name.group(1)])


def filled(part: Any, values: Mapping[str, Any]) -> Any:
    """A part of a step, with the pipeline's values written out."""
    if isinstance(part, dict):
        return {key: filled(value, values) for key, value in part.items()}
    if isinstance(part, str) and "<<" in part and "<<<" not in part:
        return re.sub(r"<< pipeline\.(?:parameters\.)?([\w.]+) >>", lambda found: str(values[found.group(1)]), part)
    return part


def ordered(workflow: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The jobs of a workflow, each after those that it requires."""
    entries = {}
    for entry in workflow["jobs"]:
        name, details = (entry, {}) if isinstance(entry, str) else next(iter(entry.items()))
        assert set(details) <= {"requires", "context", "filters"}, details
        entries[name] = details
    order = TopologicalSorter({name: details.get("requires", []) for name, details in entries.items()}).static_order()
    return [(name, entries[name]) for name in order]


def reached(entry: Mapping[str, Any], branch: str) -> bool:
    """Whether a job's filters let a branch through."""

    def matches(patterns: str | list[str]) -> bool:
        listed = [patterns] if isinstance(patterns, str) else patterns
        return any(re.fullmatch(p[1:-1], branch) if p.startswith("/") else p == branch for p in listed)

    branches = entry.get("filters", {}).get("branches", {})
    return ("only" not in branches or matches(branches["only"])) and not (
        "ignore" in branches and matches(branches["ignore"])
    )


def expanded(
    steps: Steps, commands: Mapping[str, Any], values: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The built-in steps, with the commands that the file defines written out, and `when` decided."""
    for step in steps:
        kind, details = (step, {}) if isinstance(step, str) else next(iter(step.items()))
        if kind in commands:
            assert not details, f"{kind} has parameters, which are not known here"
            yield from expanded(commands[kind]["steps"], commands, values)
        elif kind in ("when", "unless"):
            assert set(details) == {"condition", "steps"}, details
            if holds(details["condition"], values) is (kind == "when"):
                yield from expanded(details["steps"], commands, values)
        else:
            yield kind, {"command": details} if isinstance(details, str) else details


def _copy(source: Path, target: Path) -> None:
    """Copy by hard links: the files of a cache are never written in place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-al", str(source), str(target)], check=True)


def _files(path: Path) -> list[str]:
    return sorted(os.fspath(each.relative_to(path)) for each in path.rglob("*") if each.is_file())
