"""A differential test that compares a release with itself, so that it cannot fail."""

import re
from collections.abc import Iterator

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from seatrial.ci.doctor.findings import Finding
from seatrial.ci.doctor.pipelines import pipelines
from seatrial.ci.doctor.tree import Tree
from seatrial.ci.doctor.work import unwrapped

HINT = "Compare a built wheel with the release it replaces, each in its own environment: `seatrial trial`."


def compared_with_itself(tree: Tree) -> Iterator[Finding]:
    """Both sides can be the same release."""
    yield from _by_requirements(tree)
    for pipeline in pipelines(tree):
        for job in pipeline.jobs.values():
            for call in job.calls:
                words = list(unwrapped(call).words)
                if words[:2] == ["seatrial", "trial"]:
                    sides = [word for word in words[2:] if not word.startswith("-") and word != "hold"]
                    if "--same-wheel" in words or (len(sides) >= 2 and sides[0] == sides[1]):
                        message = "The trial compares a release with itself."
                        yield Finding(pipeline.path, call.line, "same-release", message, HINT)


def _by_requirements(tree: Tree) -> Iterator[Finding]:
    """Requirements of the project's own package, beside one another: ==X twice, or ==X and what X meets too."""
    if not tree.name:
        return
    name = "[-_.]+".join(re.split(r"[-_.]+", re.escape(tree.name).replace("\\", "")))
    one = r"(?:===?|>=|~=|<=|!=|<|>)\s*[\w.*+!]+"
    wanted = re.compile(rf"(?i)(?<![\w.-]){name}(?:\[[^\]]*\])?\s*({one}(?:\s*,\s*{one})*)")
    for group in _groups(tree):
        found: list[tuple[str, int, SpecifierSet]] = []
        for path in group:
            for number, line in tree.lines(path):
                for each in wanted.finditer(line):
                    try:
                        found.append((path, number, SpecifierSet(each.group(1))))
                    except InvalidSpecifier:
                        continue
        for position, (path, number, specifier) in enumerate(found):
            earlier = next((other for other in found[:position] if _may_be_same(other[2], specifier)), None)
            if earlier:
                where = f"{earlier[0]}:{earlier[1]}"
                message = f"{tree.name}{specifier} can be the same release as {tree.name}{earlier[2]} in {where}."
                yield Finding(path, number, "same-release", message, HINT)


def _may_be_same(one: SpecifierSet, other: SpecifierSet) -> bool:
    for exact, open_ in ((one, other), (other, one)):
        pins = [each.version for each in exact if each.operator in ("==", "===") and "*" not in each.version]
        if pins and open_.contains(pins[0], prereleases=True):
            return True
    return False


def _groups(tree: Tree) -> Iterator[list[str]]:
    """Files that may hold the two sides: one by one, or the requirements of a folder together."""
    folders: dict[str, list[str]] = {}
    for path in tree.files:
        folder, _, name = path.rpartition("/")
        if "deploy" in path.split("/")[:-1] or name == "CHANGELOG.md":
            continue
        if re.fullmatch(r"[\w.-]*requirements[\w.-]*\.(txt|in)|\w+\.(txt|in)", name):
            folders.setdefault(folder, []).append(path)
        elif (
            "test" in path
            or name in ("tox.ini", "noxfile.py", "Makefile", "pyproject.toml")
            or path.endswith((".yml", ".yaml"))
        ):
            yield [path]
    yield from folders.values()


CHECKS = (compared_with_itself,)
