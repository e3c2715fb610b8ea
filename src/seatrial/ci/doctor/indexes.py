"""Two indexes at once and no hashes: whoever takes the name of a package on the public one is installed.

Measured (docs/architecture.md): with pip and a second index the highest version wins, wherever it lies, and where the
private index is down the public one's package comes with exit code 0. uv takes a name from the first index that has it,
so that the public one is asked only where the private one answers that it has none. Hashes shut that out; so does one
index alone.
"""

import re
from collections.abc import Iterator

from seatrial.ci.doctor.dockerfile import dockerfiles, run_calls
from seatrial.ci.doctor.findings import Finding
from seatrial.ci.doctor.installers import ADDING, HASHES, Install, installation
from seatrial.ci.doctor.pipelines import pipelines
from seatrial.ci.doctor.tree import Tree

PIP = "Install with --require-hashes, or the model alone from the private index by --no-deps --index-url."
EXPLICIT = "name the index in [[tool.uv.index]] with explicit = true, and the package's under [tool.uv.sources]"
UV_PIP = f"Install with `uv pip install --require-hashes`, or {EXPLICIT}."
UV_TOOL = "Name the private index alone, by --default-index: this takes no hashes."
UV_LOCK = f"{EXPLICIT[0].upper()}{EXPLICIT[1:]}; then `uv sync --locked` takes nothing else."
STRATEGY = re.compile(r"\bUV_INDEX_STRATEGY\b.*\bunsafe-")


def two_indexes(tree: Tree) -> Iterator[Finding]:
    """An installation, or what holds for installations, that has two indexes."""
    found = list(_installs(tree))
    for path, line, install in found:
        if (install.adds_an_index or install.strategy) and not _safe(install, tree):
            message = f"`{install.verb}` asks two indexes, and takes a package of the same name from either."
            yield Finding(path, line, "two-indexes", message, _remedy(install))
    for path in dict.fromkeys(path for path, _, _ in found):
        yield from _by_variable(tree, path, [(line, install) for at, line, install in found if at == path])
    for path in tree.named("pip.conf", "pip.ini"):
        yield from _pip_conf(tree, path)
    yield from _uv(tree)
    for path in tree.files:
        if re.search(r"(^|/)requirements[^/]*\.(txt|in)$|(^|/)requirements/[^/]+\.(txt|in)$", path):
            for number, told in tree.lines(path) if "--hash=" not in tree.text(path) else ():
                if told.strip().startswith("--extra-index-url"):
                    yield Finding(path, number, "two-indexes", "A second index, and no hashes.", PIP)


def _installs(tree: Tree) -> Iterator[tuple[str, int, Install]]:
    calls = [(path, call) for path in dockerfiles(tree) for call in run_calls(tree, path)]
    calls += [(each.path, call) for each in pipelines(tree) for job in each.jobs.values() for call in job.calls]
    for path, call in calls:
        install = installation(call)
        if install:
            yield path, call.line, install


def _safe(install: Install, tree: Tree) -> bool:
    return install.has_no_index or install.hashed(tree)


def _remedy(install: Install) -> str:
    if install.tool == "pip":
        return PIP
    told = f"Take out {install.strategy}. " if install.strategy else ""
    if install.verb.startswith("uv pip"):
        return told + UV_PIP
    return told + (UV_TOOL if install.verb in ("uvx", "uv tool install", "uv tool run") else UV_LOCK)


def _by_variable(tree: Tree, path: str, installs: list[tuple[int, Install]]) -> Iterator[Finding]:
    """An index that is added by a variable holds for each installation of its tool in the same file."""
    for tool, names in ADDING.items():
        text = tree.text(path)
        loose = [(line, each) for line, each in installs if each.tool == tool and not _safe(each, tree)]
        if not loose or re.search(rf"\b{HASHES[tool]}\b[\"']?\s*[:= ]\s*[\"']?(1|true|yes)\b", text):
            continue
        for number, line in tree.lines(path):
            bare = re.sub(r"(^|\s)#.*", "", line)
            if re.search(r"--build-arg|\bdocker\b|\bpodman\b", bare):
                continue  # it is for what is built, not for this file's own installations
            given = _given(bare, names) or ("UV_INDEX_STRATEGY" if tool == "uv" and STRATEGY.search(bare) else "")
            if given:
                adds = "takes names from any index" if given == "UV_INDEX_STRATEGY" else "adds a second index"
                message = f"{given} {adds}, and line {loose[0][0]} installs without hashes."
                yield Finding(path, number, "two-indexes", message, _remedy(loose[0][1]))
                break


def _given(line: str, names: tuple[str, ...]) -> str:
    """Which of these variables a line declares or sets."""
    for name in names:
        if re.search(rf"\b(ARG|ENV)\s+{name}\b|(?<![$\w{{]){name}[\"']?\s*[:=]", line):
            return name
    return ""


def _pip_conf(tree: Tree, path: str) -> Iterator[Finding]:
    parser = tree.ini(path)
    for section in parser.sections():
        hashes = (parser[section].get("require-hashes") or "").lower() in ("1", "true", "yes", "on")
        if "extra-index-url" in parser[section] and not hashes:
            message = "pip.conf adds a second index for every installation."
            yield Finding(path, tree.line_of(path, "extra-index-url"), "two-indexes", message, PIP)


def _uv(tree: Tree) -> Iterator[Finding]:
    told, path = tree.table("tool", "uv"), "pyproject.toml"
    for table in (told, tree.table("tool", "uv", "pip")):
        for key in ("extra-index-url", "index-strategy"):
            if key in table and (key == "extra-index-url" or str(table[key]).startswith("unsafe")):
                message = f"[tool.uv] {key} lets a package of the same name come from the public index."
                hint = f"{EXPLICIT[0].upper()}{EXPLICIT[1:]}."
                yield Finding(path, tree.line_of(path, key), "two-indexes", message, hint)
    sources = tree.table("tool", "uv", "sources")
    listed = told.get("index")
    for index in listed if isinstance(listed, list) else []:
        if isinstance(index, dict) and not index.get("explicit") and not index.get("default"):
            name = index.get("name", "")
            message = f"[[tool.uv.index]] {name}: where it answers 404, the public index is asked."
            sourced = any(name in str(source) for source in sources.values())
            hint = "Set explicit = true there" + (
                "." if sourced else ", and name the package's under [tool.uv.sources]."
            )
            yield Finding(path, tree.line_of(path, "[[tool.uv.index]]"), "two-indexes", message, hint)


CHECKS = (two_indexes,)
