"""What is installed without hashes: by lockfiles, by images, and from two indexes at once.

With two indexes, pip takes the highest version of both, and uv asks the second for a name that the first lacks.
"""

import re
from collections.abc import Iterator

from seatrial.ci.doctor import Advice
from seatrial.ci.doctor.pipelines import all_commands
from seatrial.ci.doctor.shell_lines import Command, commands
from seatrial.ci.doctor.tree import Tree

Install = tuple[str, int, str, str, list[str]]  # path, line, pip or uv, its options, the packages that it names
VERB = re.compile(r"(pip)[\d.]* install\b(.*)|(uv) (?:-\S+ )*(?:pip install|pip sync|tool install|add)\b(.*)")
OPTION = re.compile(  # with its value
    r" (?:-[rcfitp]|--(?:requirements?|constraint|find-links|index(?:-url|-strategy)?|extra-index-url|default-index"
    r"|target|prefix|python|progress-bar|only-binary|no-binary|cache-dir|extra|group|package))[ =]\S+| -\S+"
)
EXTRA = {
    "pip": re.compile(r" --extra-index-url( |=|$)"),
    "uv": re.compile(r" --(extra-index-url|index)( |=|$)|unsafe-(best|first)-match"),
}
ADDED = {"pip": "PIP_EXTRA_INDEX_URL", "uv": "UV_INDEX|UV_EXTRA_INDEX_URL|UV_INDEX_STRATEGY(?=.*unsafe-)"}
SETTINGS = re.compile(r"(^|/)(pip\.(conf|ini)|tox\.ini|requirements[^/]*\.(txt|in)|requirements/[^/]*\.(txt|in))$")
HINTS = {
    "pip": "Install with --require-hashes, or the model alone from the private index by --no-deps --index-url.",
    "uv": "Use `uv pip install --require-hashes`, or `uv sync --locked`.",
}


def loose_installs(tree: Tree) -> Iterator[Install]:
    """Every installation in Dockerfiles and pipelines that neither demands hashes nor is of local wheels alone."""
    run = list[tuple[str, Command]]()
    images = [(path, *part) for path in tree.dockerfiles for part in tree.instructions(path) if part[1] == "RUN"]
    for path, line, _, text in images:
        script = re.sub(r"^(--\S+\s+)+", "", text)  # and ["pip", "install"] is read as its words
        script = re.sub(r"[\[\]\",]+", " ", script) if script.startswith("[") else script
        run += [(path, each) for each in commands(script, line)]
    for path, command in [*run, *all_commands(tree)]:
        if match := VERB.match(command.text):
            tool, options = (group for group in match.groups() if group is not None)
            names = OPTION.sub("", options).split()
            local = names and all(re.match(r"[./]|.*\.(whl|tar\.gz)$", name) for name in names)
            if not re.search(r" --(require-hashes|no-index)\b", options) and not (local and " --no-deps" in options):
                yield path, command.line, tool, options, names


def check(tree: Tree) -> Iterator[Advice]:
    """What leaves open which file is installed: an image, a lockfile below deploy/, a second index."""
    loose = list(loose_installs(tree))
    for path, line, tool, _, packages in [each for each in loose if each[0] in tree.dockerfiles]:
        names = [name for name in packages if not re.search(r"==|@|\.whl$|\.tar\.gz$", name)]
        message = f"The image installs {'unpinned: ' + ', '.join(names) if names else 'without hashes'}."
        yield Advice(path, line, "unhashed-install", message, HINTS[tool])
    for path in [each for each in tree.files if re.search(r"(^|/)deploy/(.*/)?requirements[^/]*\.(txt|in)$", each)]:
        lines = [(number, re.sub(r"(^|\s)#.*", "", line).strip()) for number, line in tree.joined(path)]
        for number, text in [each for each in lines if each[1] and each[1][0] != "-" and "--hash=" not in each[1]]:
            name, pinned = re.split(r"[\s=<>~!;\[@]", text, maxsplit=1)[0], "==" in text or " @ " in text
            message = f"{name} is deployed {'without a hash' if pinned else 'in whatever version is newest'}."
            hint = "`seatrial deploy` writes this lockfile, with every hash."
            yield Advice(path, number, "unhashed" if pinned else "unpinned", message, hint)
    for path, line, tool, message in _second_indexes(tree, loose):
        yield Advice(path, line, "two-indexes", message, HINTS[tool])


def _second_indexes(tree: Tree, loose: list[Install]) -> Iterator[tuple[str, int, str, str]]:
    """A second index without hashes, of one installation, by a variable, or by settings; and the tool that asks it."""
    message = "This command asks two indexes, and takes a package of the same name from either."
    for path, line, tool in [each[:3] for each in loose if EXTRA[each[2]].search(each[3])]:
        yield path, line, tool, message
    for (path, tool), line in {(path, tool): line for path, line, tool, *_ in reversed(loose)}.items():
        added = re.compile(rf"\b(ARG|ENV)\s+({ADDED[tool]})\b|(?<![$\w{{])({ADDED[tool]})[\"']?\s*[:=]")
        build = r"(^|\s)#.*|.*(--build-arg|\bdocker\b|\bpodman\b).*"  # a comment, or for an image and not here
        for number in [number for number, text in tree.lines(path) if added.search(re.sub(build, "", text))][:1]:
            yield path, number, tool, f"This adds a second index, and line {line} installs without hashes."
    safe = re.compile(r"(?im)require-hashes\s*=\s*(1|true|yes|on)|--require-hashes|--hash=")
    for path in [each for each in tree.files if SETTINGS.search(each) and not safe.search(tree.text(each))]:
        for number in [n for n, text in tree.lines(path) if re.match(r"[^#]*\b(extra-index-url|PIP_EXTRA_)", text)]:
            yield path, number, "pip", "A second index for every installation, and no hashes."
