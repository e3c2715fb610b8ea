"""A differential test that compares a release with itself, so that it cannot fail."""

import re
from collections.abc import Iterator

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from seatrial.ci.doctor import Finding
from seatrial.ci.doctor.pipelines import pipelines
from seatrial.ci.doctor.tree import Tree

HINT = "Compare a built wheel with the release it replaces, each in its own environment: `seatrial trial`."
SPECIFIER = r"(?:===?|>=|~=|<=|!=|<|>)\s*[\w.*+!]+"
REQUIREMENTS = re.compile(r"[\w.-]*requirements[\w.-]*\.(txt|in)|\w+\.(txt|in)")
ALONE = re.compile(r"(^|/)(tox\.ini|noxfile\.py|Makefile|pyproject\.toml)$|\.ya?ml$|test")


def compared_with_itself(tree: Tree) -> Iterator[Finding]:
    """A trial of one wheel against itself, or requirements of the project's package that one version meets."""
    for path, jobs in pipelines(tree):
        for command in (each for job in jobs.values() for each in job.commands):
            trial = re.match(r"seatrial trial\b.*(--same-wheel\b| (\S+) \2( |$))", command.text)
            if trial:
                message = "The trial compares a release with itself."
                yield Finding(path, command.line, "same-release", message, HINT)
    name = "[-_.]+".join(map(re.escape, re.split(r"[-_.]+", tree.name)))
    wanted = re.compile(rf"(?i)(?<![\w.-]){name}(?:\[[^\]]*\])?\s*({SPECIFIER}(?:\s*,\s*{SPECIFIER})*)")
    earlier: dict[str, list[tuple[str, SpecifierSet]]] = {}
    for path in tree.files if tree.name else []:
        folder, _, base = path.rpartition("/")
        together = bool(REQUIREMENTS.fullmatch(base))  # the requirements files of a folder belong together
        if "deploy" in folder.split("/") or base == "CHANGELOG.md" or not (together or ALONE.search(path)):
            continue
        others = earlier.setdefault(folder if together else path, [])
        for number, line in tree.lines(path):
            for specifier in _specifiers(wanted.findall(line)):
                if other := next((each for each in others if _can_be_same(each[1], specifier)), None):
                    message = f"{tree.name}{specifier} can be the same release as {tree.name}{other[1]} in {other[0]}."
                    yield Finding(path, number, "same-release", message, HINT)
                others.append((f"{path}:{number}", specifier))


def _specifiers(texts: list[str]) -> Iterator[SpecifierSet]:
    for text in texts:
        try:
            yield SpecifierSet(text)
        except InvalidSpecifier:
            continue


def _can_be_same(one: SpecifierSet, other: SpecifierSet) -> bool:
    pairs = [(each, open_) for exact, open_ in ((one, other), (other, one)) for each in exact]
    pinned = [
        (each.version, open_) for each, open_ in pairs if each.operator in ("==", "===") and "*" not in each.version
    ]
    return any(open_.contains(version, prereleases=True) for version, open_ in pinned)


CHECKS = (compared_with_itself,)
