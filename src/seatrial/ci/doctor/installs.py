"""What is installed without hashes: by lockfiles, by images, and from two indexes at once.

Measured (docs/architecture.md): with pip and a second index the highest version wins, wherever it is, and while the
private index is down the public one's package is installed with exit code 0. uv takes a name from the first index that
has it, so that the public one is asked only when the private one answers that it does not. Hashes prevent both.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from seatrial.ci.doctor import Finding
from seatrial.ci.doctor.dockerfile import dockerfiles, image_commands, joined
from seatrial.ci.doctor.pipelines import all_commands
from seatrial.ci.doctor.tree import Tree

VERB = re.compile(r"(pip)[\d.]* (install)\b(.*)|(uv) (?:-\S+ )*(pip install|pip sync|tool install|add)\b(.*)")
OPTION = re.compile(  # with its value
    r" (?:-[rcfitp]|--(?:requirements?|constraint|find-links|index(?:-url|-strategy)?|extra-index-url|default-index"
    r"|target|prefix|python|progress-bar|only-binary|no-binary|cache-dir|extra|group|package))[ =]\S+| -\S+"
)
EXTRA = {"pip": r" --extra-index-url( |=|$)", "uv": r" --(extra-index-url|index)( |=|$)|unsafe-(best|first)-match"}
ADDED = {"pip": "PIP_EXTRA_INDEX_URL", "uv": "UV_INDEX|UV_EXTRA_INDEX_URL|UV_INDEX_STRATEGY(?=.*unsafe-)"}
SETTINGS = re.compile(r"(^|/)(pip\.(conf|ini)|tox\.ini|requirements[^/]*\.(txt|in)|requirements/[^/]*\.(txt|in))$")
HINTS = {
    "pip": "Install with --require-hashes, or the model alone from the private index by --no-deps --index-url.",
    "uv": "Use `uv pip install --require-hashes`, or `uv sync --locked`.",
}


@dataclass(frozen=True)
class Install:
    """One installation: by pip or uv, its options as text, names of packages, requirements files."""

    path: str
    line: int
    tool: str
    options: str
    names: list[str]
    files: list[str]

    def has_hashes(self, tree: Tree) -> bool:
        """Whether each file must match a hash, or no index is asked."""
        if re.search(r" --(require-hashes|no-index)\b", self.options):
            return True
        if self.names or not self.files:
            local = all(re.match(r"[./]|.*\.(whl|tar\.gz)$", name) for name in self.names)
            return bool(self.names) and local and not self.files and " --no-deps" in self.options
        locked = [path for name in self.files for path in tree.files if f"/{path}".endswith(f"/{name}")]
        # pip checks every hash as soon as one requirement has one; uv checks only those that are there.
        enough = [not unlocked(tree, each) or (self.tool == "pip" and "--hash=" in tree.text(each)) for each in locked]
        return bool(enough) and all(enough)


def installs(tree: Tree) -> Iterator[Install]:
    """Every installation in Dockerfiles and pipelines, apart from `uv sync`, whose lockfile has hashes."""
    run = [(path, each) for path in dockerfiles(tree) for each in image_commands(tree, path)]
    for path, command in [*run, *all_commands(tree)]:
        if match := VERB.match(command.text):
            tool, verb, options = (group for group in match.groups() if group is not None)
            names, files = OPTION.sub("", options).split(), re.findall(r" (?:-r ?=?|--requirements?[ =])(\S+)", options)
            names, files = ([], names) if verb == "pip sync" else (names, files)
            yield Install(path, command.line, tool, options, names, files)


def unlocked(tree: Tree, path: str) -> list[tuple[int, str]]:
    """The requirements of a file that have no hash."""
    lines = [(number, re.sub(r"(^|\s)#.*", "", line).strip()) for number, line in joined(tree.text(path))]
    return [(number, text) for number, text in lines if text and text[0] != "-" and "--hash=" not in text]


def installs_without_hashes(tree: Tree) -> Iterator[Finding]:
    """A Dockerfile, or a lockfile below deploy/, that leaves open what is installed."""
    images = dockerfiles(tree)
    for each in [each for each in installs(tree) if each.path in images and not each.has_hashes(tree)]:
        loose = [name for name in each.names if not re.search(r"==|@|\.whl$|\.tar\.gz$", name)]
        message = f"The image installs {'unpinned: ' + ', '.join(loose) if loose else 'without hashes'}."
        yield Finding(each.path, each.line, "unhashed-install", message, HINTS[each.tool])
    for path in [each for each in tree.files if re.search(r"(^|/)deploy/(.*/)?requirements[^/]*\.(txt|in)$", each)]:
        for number, text in unlocked(tree, path):
            name, pinned = re.split(r"[\s=<>~!;\[@]", text, maxsplit=1)[0], "==" in text or " @ " in text
            message = f"{name} is deployed {'without a hash' if pinned else 'in whatever version is newest'}."
            hint = "`seatrial deploy` writes this lockfile, with every hash."
            yield Finding(path, number, "unhashed" if pinned else "unpinned", message, hint)


def two_indexes(tree: Tree) -> Iterator[Finding]:
    """A second index without hashes: of one installation, by a variable, or by settings."""
    loose = [each for each in installs(tree) if not each.has_hashes(tree)]
    for each in loose:
        if re.search(EXTRA[each.tool], each.options):
            message = "This command asks two indexes, and takes a package of the same name from either."
            yield Finding(each.path, each.line, "two-indexes", message, HINTS[each.tool])
    for (path, tool), line in {(each.path, each.tool): each.line for each in reversed(loose)}.items():
        required = rf"\b{tool.upper()}_REQUIRE_HASHES\b[\"']?\s*[:= ]\s*[\"']?(1|true|yes)\b"
        added = re.compile(rf"\b(ARG|ENV)\s+({ADDED[tool]})\b|(?<![$\w{{])({ADDED[tool]})[\"']?\s*[:=]")
        lines = [] if re.search(required, tree.text(path)) else tree.lines(path)
        build = r"(^|\s)#.*|.*(--build-arg|\bdocker\b|\bpodman\b).*"  # a comment, or for an image and not here
        for number in [number for number, text in lines if added.search(re.sub(build, "", text))][:1]:
            message = f"This adds a second index, and line {line} installs without hashes."
            yield Finding(path, number, "two-indexes", message, HINTS[tool])
    safe = re.compile(r"(?im)require-hashes\s*=\s*(1|true|yes|on)|--require-hashes|--hash=")
    for path in [each for each in tree.files if SETTINGS.search(each) and not safe.search(tree.text(each))]:
        for number, text in tree.lines(path):
            if re.match(r"[^#]*\b(extra-index-url|PIP_EXTRA_INDEX_URL)", text):
                message = "A second index for every installation, and no hashes."
                yield Finding(path, number, "two-indexes", message, HINTS["pip"])


CHECKS = (installs_without_hashes, two_indexes)
