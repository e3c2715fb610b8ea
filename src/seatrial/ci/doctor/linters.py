"""The linters of others for what they know best: zizmor and actionlint for workflows, hadolint for Dockerfiles."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from seatrial.ci.doctor import NOT_CHECKED, Finding
from seatrial.ci.doctor.dockerfile import dockerfiles
from seatrial.ci.doctor.pipelines import pipeline_files
from seatrial.ci.doctor.tree import Tree

TIMEOUT = 120.0  # seconds
# How each one is called to print JSON, and the exit codes of a run that came to its end.
LINTERS = {
    "zizmor": (("--offline", "--persona=auditor", "--format=json", "--no-exit-codes", "--"), {0}),
    "actionlint": (("-no-color", "-format", "{{json .}}"), {0, 1}),
    "hadolint": (("--no-color", "--format", "json", "--"), {0, 1}),
}
# Of zizmor's strictest persona only this: a releasing job's secrets that a workflow on any branch can read.
AUDITED = {"secrets-outside-env"}


def findings_of_linters(tree: Tree) -> Iterator[Finding]:
    """What each linter finds in the files of its kind."""
    workflows = [path for path, provider in pipeline_files(tree) if provider == "github" and tree.text(path)]
    for name, paths in {"zizmor": workflows, "actionlint": workflows, "hadolint": dockerfiles(tree)}.items():
        if paths:
            yield from run_linter(name, tree.root, paths)


def run_linter(name: str, root: Path, paths: list[str]) -> Iterator[Finding]:
    """Run a linter. If it is not installed, or fails, or prints something else, that is reported instead."""
    beside, (arguments, codes) = Path(sys.executable).with_name(name), LINTERS[name]
    program = str(beside) if beside.is_file() else shutil.which(name)
    if not program:
        yield Finding(paths[0], 1, NOT_CHECKED, f"{name} is not installed, so it did not check {', '.join(paths)}.")
        return
    try:
        done = subprocess.run(
            [program, *arguments, *paths], cwd=root, capture_output=True, timeout=TIMEOUT, check=False
        )
        if done.returncode not in codes:
            raise ValueError(f"exit code {done.returncode}, {done.stderr.decode(errors='replace').strip()[:200]!r}")
        results = [READERS[name](each) for each in json.loads(done.stdout) or []]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, subprocess.SubprocessError) as error:
        message = f"{name} failed, so its findings are missing: {error}."
        yield Finding(paths[0], 1, f"{name}/failed", message, f"Run {name} by hand to see why.")
        return
    for path, line, rule, message, counts in results:
        if counts:
            hint = f"This is a rule of {name}; its documentation explains it."
            yield Finding(str(path), int(line), f"{name}/{rule}", f"{message}", hint)


def _of_zizmor(result: dict[str, Any]) -> tuple[Any, ...]:
    rule, message = result["ident"], f"{result['desc']} ({result['url']})"
    place = next(each for each in [*result["locations"], {}] if not each or each["symbolic"]["kind"] == "Primary")
    (path,), start = place["symbolic"]["key"]["Local"].values(), place["concrete"]["location"]["start_point"]
    counts = not result["ignored"] and (result["determinations"]["persona"] == "Regular" or rule in AUDITED)
    return path, start["row"] + 1, rule, message, counts


READERS: dict[str, Callable[[dict[str, Any]], tuple[Any, ...]]] = {
    "zizmor": _of_zizmor,
    "actionlint": lambda each: (each["filepath"], each["line"], each["kind"], each["message"], True),
    "hadolint": lambda e: (e["file"], e["line"], e["code"], e["message"], e["level"] in ("error", "warning")),
}
CHECKS = (findings_of_linters,)
