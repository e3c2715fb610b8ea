"""A project's pipelines: a file as Seatrial renders it is known to be right, any other one is read by its structure."""

import posixpath
import re
from collections.abc import Iterator
from functools import lru_cache

import yaml

from seatrial.ci.doctor import NOT_CHECKED, Advice
from seatrial.ci.doctor.shell_lines import Command
from seatrial.ci.doctor.tree import Tree
from seatrial.ci.doctor.workflow import Jobs, read_circleci, read_github, read_gitlab
from seatrial.ci.doctor.yaml_nodes import YamlNode
from seatrial.ci.pipeline_files import is_as_rendered
from seatrial.ci.pipeline_settings import repository_of
from seatrial.ci.services import SERVICES

READERS = {"circleci": read_circleci, "github": read_github, "gitlab": read_gitlab}


def pipelines(tree: Tree) -> list[tuple[str, Jobs]]:
    """Every workflow with its file, of the files that are not as Seatrial renders them."""
    return [(path, jobs) for path, workflows, _ in _read_all(tree) for jobs in workflows]


def all_commands(tree: Tree) -> Iterator[tuple[str, Command]]:
    """Every command of every pipeline, with its file."""
    yield from ((path, each) for path, jobs in pipelines(tree) for job in jobs.values() for each in job.commands)


def pipeline_files(tree: Tree) -> Iterator[tuple[str, str]]:
    """Each pipeline file and its service: of the tree, and of the repository that it is in."""
    top = repository_of(tree.root)
    depth = len(tree.root.relative_to(top).parts) if tree.root.is_relative_to(top) else 0
    for provider, service in SERVICES.items():
        above = sorted((top / service.path).parent.glob("*.y*ml")) if depth else []
        paths = [*tree.files, *(posixpath.join("../" * depth, path.relative_to(top)) for path in above)]
        # A file in a subfolder is read too: a folder is examined as the repository that it will become.
        yield from ((path, provider) for path in paths if re.search(rf"(^|/){service.finds.pattern}$", path))


@lru_cache(maxsize=1)
def _read_all(tree: Tree) -> list[tuple[str, list[Jobs], list[Advice]]]:
    """Each file with its workflows, and what is wrong with the file as a whole."""
    return [(path, *_read(tree, path, provider)) for path, provider in pipeline_files(tree)]


def _read(tree: Tree, path: str, provider: str) -> tuple[list[Jobs], list[Advice]]:
    (text, why), line, workflows = tree.read(path), 1, list[Jobs]()
    if is_as_rendered(tree.root / path, text, provider, tree.root):
        return [], []
    try:
        *_, node = [None, *yaml.compose_all(text, Loader=yaml.SafeLoader)]  # a header may come before
        document = YamlNode(node)
        workflows = list(READERS[provider](document))
        why = why or ("" if document.entries else "it is not a mapping" if document.parts else "it is empty")
    except yaml.YAMLError as error:
        mark, problem = (getattr(error, name, None) for name in ("problem_mark", "problem"))
        why, line = f"it is not valid YAML, {problem or 'of unknown characters'}", mark.line + 1 if mark else 1
    except RecursionError:
        why = "it is nested too deeply, or contains itself"
    if why:
        hint = f"`seatrial ci {provider}` writes a valid one."
        return workflows, [Advice(path, line, "unreadable", f"This is not a pipeline: {why}.", hint)]
    message = "No job of this file is understood, so none is checked."
    return workflows, [] if any(workflows) else [Advice(path, 1, NOT_CHECKED, message)]


def check(tree: Tree) -> Iterator[Advice]:
    """A file that is not a pipeline; a step that may do anything: an action, a script, a program not known here."""
    yield from (finding for _, _, findings in _read_all(tree) for finding in findings)
    for path, job in [(path, job) for path, jobs in pipelines(tree) for job in jobs.values()]:
        unknown = [(each.line, f"`{each.text}`") for each in job.commands if each.is_unknown]
        for line, text in [*job.unread, *unknown]:
            yield Advice(path, line, NOT_CHECKED, f"In the job {job.name}, this step is not checked: {text[:80]}.")
