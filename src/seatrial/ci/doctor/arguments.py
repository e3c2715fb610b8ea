"""What the words of a pytest command say: which paths, which expressions; and the settings that it takes."""

import posixpath
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from seatrial.ci.doctor.shell import entered
from seatrial.ci.doctor.tree import Tree

# Options of pytest and its common plugins whose value is the next word.
VALUED = {
    "-m", "-k", "-n", "-p", "-c", "-o",
    "-r", "-W", "--junitxml", "--junit-xml", "--junit-prefix", "--dist",
    "--rootdir", "--tb", "--maxfail", "--durations", "--durations-min", "--ignore",
    "--ignore-glob", "--deselect", "--confcutdir", "--import-mode", "--basetemp", "--color",
    "--capture", "--verbosity", "--show-capture", "--numprocesses", "--maxprocesses", "--max-worker-restart",
    "--maxschedchunk", "--tx", "--override-ini", "--config-file", "--report-chars", "--pythonwarnings",
    "--log-level", "--log-file", "--log-file-level", "--log-cli-level", "--log-format", "--log-date-format",
    "--cov-report", "--cov-config", "--cov-fail-under", "--cov-context", "--timeout", "--timeout-method",
    "--reruns", "--reruns-delay", "--randomly-seed", "--hypothesis-profile", "--hypothesis-seed", "--html",
    "--assert", "--pastebin", "--lfnf", "--doctest-glob", "--splits", "--group",
    "--durations-path", "--benchmark-json", "--reportportal", "--alluredir", "--asyncio-mode", "--anyio-mode",
    "--browser", "--ds", "--max-warnings", "--code-highlight", "--pdbcls", "--doctest-report",
}  # fmt: skip
# Options that take no value; of one that is in neither list, the next word may be its value.
PLAIN = {
    "-q", "-v", "-vv", "-vvv", "-x", "-s",
    "-l", "-f", "-d", "--quiet", "--verbose", "--exitfirst",
    "--strict", "--strict-markers", "--strict-config", "--lf", "--ff", "--nf",
    "--last-failed", "--failed-first", "--new-first", "--sw", "--stepwise", "--no-header",
    "--no-summary", "--showlocals", "--runxfail", "--pyargs", "--no-cov", "--cov-append",
    "--cov-branch", "--full-trace", "--cache-clear", "--pdb", "--trace", "--noconftest",
    "--disable-warnings", "--setup-show", "--keep-duplicates", "--no-cov-on-fail", "--loadscope-reorder",
    "--no-loadscope-reorder",
    "--benchmark-skip", "--benchmark-disable", "--benchmark-only", "--force-short-summary", "--co", "--collect-only",
}  # fmt: skip
OPTIONAL = {"--cov", "--debug"}  # a value may follow
COLLECTING = (
    "--doctest",
    "--nbval",
    "--nbmake",
    "--mypy",
    "--ruff",
    "--ignore-glob",
    "--pyargs",
    "--lf",
    "--last-failed",
)
LISTING = {
    "--collect-only", "--co", "--version", "-V", "--fixtures", "--funcargs", "--fixtures-per-test", "--markers", "-h",
    "--help", "--setup-plan", "--setup-only", "--cache-show", "--trace-config",
}  # fmt: skip


@dataclass
class Asked:
    """What the arguments of pytest say."""

    paths: list[str] = field(default_factory=list)
    perhaps: set[str] = field(default_factory=set)  # words that may be the value of an option that we do not know
    marker: str = ""
    keyword: str = ""
    ignored: list[str] = field(default_factory=list)
    otherwise: bool = False  # what is a test is decided in a way that we do not follow
    deselected: list[str] = field(default_factory=list)
    settings: str = ""  # the file that -c names


def read_words(asked: Asked, words: Sequence[str]) -> None:
    """Note what the words say; those that come later have their way."""
    position, unknown = 0, False
    while position < len(words):
        word = words[position]
        following = words[position + 1 : position + 2]
        position += 1
        if word == "--":
            asked.paths += words[position:]
            return
        if not word.startswith("-") or word == "-":
            asked.paths.append(word)
            asked.perhaps |= {word} if unknown else set()
            unknown = False
            continue
        option, equals, value = word.partition("=")
        if not word.startswith("--") and word[:2] in VALUED and word not in PLAIN:
            option, value = word[:2], word[2:].removeprefix("=")
        takes = option in VALUED and not value and not equals
        if takes or (option in OPTIONAL and not equals and following and not following[0].startswith("-")):
            value, position = "".join(following), position + 1
        unknown = option not in VALUED | PLAIN | OPTIONAL and not equals
        _note(asked, option, value)


def _note(asked: Asked, option: str, value: str) -> None:
    if option == "-m":
        asked.marker = value
    elif option == "-k":
        asked.keyword = value
    elif option == "--ignore":
        asked.ignored.append(value)
    elif option == "--deselect":
        asked.deselected.append(value)
    elif option in ("-c", "--config-file"):
        asked.settings = value
    elif option in ("-o", "--override-ini"):
        asked.otherwise = asked.otherwise or value.startswith(("python_", "testpaths", "addopts", "norecursedirs"))
    elif option.startswith(COLLECTING):
        asked.otherwise = True


def settings_of(tree: Tree, folder: str, paths: list[str], asked: Asked) -> dict[str, Any] | None:
    """The settings that pytest takes: of the nearest folder above what it is to run; None where we cannot tell."""
    if asked.settings:
        place = below(folder, asked.settings)
        return _of_file(tree, place) if place is not None and tree.has(place) else None
    places = [below(folder, path.partition("::")[0]) for path in paths] or [folder]
    if None in places:
        return None
    known = [place or "." for place in places if place is not None]
    at = posixpath.commonpath(known) if known else folder
    while True:
        at = "" if at == "." else at
        if {posixpath.join(at, name) for name in ("pytest.toml", ".pytest.toml")} & set(tree.files):
            return None  # of pytest 9, which we do not read
        for name in ("pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg"):
            found = _of_file(tree, posixpath.join(at, name))
            if found is not None:
                # `testpaths` counts where pytest is called beside it, and only there.
                return found if at == folder else {k: v for k, v in found.items() if k != "testpaths"}
        if not at:
            return {}
        at = posixpath.dirname(at)


def _of_file(tree: Tree, path: str) -> dict[str, Any] | None:
    """What a file says to pytest; None where it says nothing to it."""
    if path not in tree.files:
        return None
    folder, name = posixpath.split(path)
    if name.endswith(".toml"):
        table = tree.table("tool", "pytest", folder=folder)  # which pytest 9 takes as it is
        inner = table.get("ini_options", table)
        return (inner if isinstance(inner, dict) else {}) if table else None
    parser, section = tree.ini(path), "tool:pytest" if name == "setup.cfg" else "pytest"
    if parser.has_section(section):
        return dict(parser[section])
    return {} if name in ("pytest.ini", ".pytest.ini") else None


def words_of(value: Any) -> list[str]:
    """A setting's words, be it one text or a list."""
    return _split(value) if isinstance(value, str) else [str(v) for v in value] if isinstance(value, list) else []


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def below(folder: str, path: str) -> str | None:
    """A path of the command line, relative to the tree; None where it lies elsewhere, or nobody knows."""
    found = folder if path in ("", ".") else entered(folder, path)
    return None if found is None or found.startswith("..") else found
