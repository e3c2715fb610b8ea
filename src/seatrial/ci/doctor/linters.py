"""The linters of others for what they know best: zizmor and actionlint for workflows, hadolint for Dockerfiles."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
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
        command = [program, *arguments, *paths]
        done = subprocess.run(command, cwd=root, capture_output=True, timeout=TIMEOUT, check=False)
        if done.returncode not in codes:
            raise ValueError(f"exit code {done.returncode}, {done.stderr.decode(errors='replace').strip()[:200]!r}")
        yield from [finding for each in json.loads(done.stdout) or [] if (finding := _read(name, each))]
    except (
        OSError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        StopIteration,
        subprocess.SubprocessError,
    ) as error:
        message = f"{name} failed, so its findings are missing: {error}."
        yield Finding(paths[0], 1, f"{name}/failed", message, f"Run {name} by hand to see why.")


def _read(name: str, result: dict[str, Any]) -> Finding | None:
    """One finding of a linter; None for what it reports as a matter of style, or as ignored by a comment."""
    if name == "actionlint":
        path, line, rule, message = (result[key] for key in ("filepath", "line", "kind", "message"))
    elif name == "hadolint":
        path, line, rule, message = (result[key] for key in ("file", "line", "code", "message"))
        if result["level"] not in ("error", "warning"):
            return None
    else:
        rule, message = result["ident"], f"{result['desc']} ({result['url']})"
        if result["ignored"] or (result["determinations"]["persona"] != "Regular" and rule not in AUDITED):
            return None
        (place,) = [each for each in result["locations"] if each["symbolic"]["kind"] == "Primary"][:1]
        (path,) = place["symbolic"]["key"]["Local"].values()
        line = place["concrete"]["location"]["start_point"]["row"] + 1
    return Finding(
        str(path), int(line), f"{name}/{rule}", str(message), f"This rule is {name}'s; its manual explains it."
    )


CHECKS = (findings_of_linters,)
