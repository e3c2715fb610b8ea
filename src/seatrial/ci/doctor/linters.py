"""The linters of others for what they know best: zizmor and actionlint for workflows, hadolint for Dockerfiles."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seatrial.ci.doctor import NOT_CHECKED, Advice
from seatrial.ci.doctor.pipelines import pipeline_files
from seatrial.ci.doctor.tree import Tree

TIMEOUT = 120.0  # seconds
# How each one is called to print JSON, and the highest exit code of a run that came to its end.
LINTERS = {
    "zizmor": (("--offline", "--persona=auditor", "--format=json", "--no-exit-codes", "--"), 0),
    "actionlint": (("-no-color", "-format", "{{json .}}"), 1),
    "hadolint": (("--no-color", "--format", "json", "--"), 1),
}


def check(tree: Tree) -> Iterator[Advice]:
    """What each linter finds in the files of its kind."""
    workflows = [path for path, provider in pipeline_files(tree) if provider == "github" and tree.text(path)]
    for name, paths in {"zizmor": workflows, "actionlint": workflows, "hadolint": tree.dockerfiles}.items():
        yield from run_linter(name, tree.root, paths) if paths else ()


def run_linter(name: str, root: Path, paths: list[str]) -> Iterator[Advice]:
    """Run a linter. If it is not installed, or fails, or prints something else, that is reported instead."""
    beside, (arguments, highest) = Path(sys.executable).with_name(name), LINTERS[name]
    program = str(beside) if beside.is_file() else shutil.which(name)
    if not program:
        yield Advice(paths[0], 1, NOT_CHECKED, f"{name} is not installed, so it did not check {', '.join(paths)}.")
        return
    command = [program, *arguments, *paths]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, timeout=TIMEOUT, check=False)
        if not 0 <= done.returncode <= highest:
            raise ValueError(f"exit code {done.returncode}, {done.stderr.decode(errors='replace').strip()[:200]!r}")
        results = [_read(name, each) for each in json.loads(done.stdout) or []]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, subprocess.SubprocessError) as error:
        message = f"{name} failed, so its findings are missing: {error}."
        yield Advice(paths[0], 1, f"{name}/failed", message, f"Run {name} by hand to see why.")
        return
    for path, line, rule, message in filter(None, results):
        hint = f"This is a rule of {name}; its documentation explains it."
        yield Advice(str(path), int(line), f"{name}/{rule}", f"{message}", hint)


def _read(name: str, entry: dict[str, Any]) -> tuple[Any, Any, Any, Any] | None:
    """The path, line, rule and message of an entry; None for one that is ignored, or a matter of style."""
    if name == "actionlint":
        return entry["filepath"], entry["line"], entry["kind"], entry["message"]
    if name == "hadolint":
        counts = entry["level"] in ("error", "warning")
        return (entry["file"], entry["line"], entry["code"], entry["message"]) if counts else None
    place, *_ = [each for each in entry["locations"] if each["symbolic"]["kind"] == "Primary"]
    (path,), start = place["symbolic"]["key"]["Local"].values(), place["concrete"]["location"]["start_point"]
    result = path, start["row"] + 1, entry["ident"], f"{entry['desc']} ({entry['url']})"
    # Of the strictest persona only this: a releasing job's secrets that a workflow on any branch can read.
    counts = entry["determinations"]["persona"] == "Regular" or entry["ident"] == "secrets-outside-env"
    return result if counts and not entry["ignored"] else None
