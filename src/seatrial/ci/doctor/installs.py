"""Installations that take whatever an index offers: without hashes, without pins, from two indexes at once.

Measured (docs/architecture.md): with pip and a second index the highest version wins, wherever it lies, and where the
private index is down the public one's package comes with exit code 0. Hashes shut that out; so does one index alone.
"""

import configparser
import re
from collections.abc import Iterator
from typing import Any

from seatrial.ci.doctor.dockerfile import dockerfiles, instructions, run_calls
from seatrial.ci.doctor.findings import Finding
from seatrial.ci.doctor.pipelines import pipelines
from seatrial.ci.doctor.shell import Call
from seatrial.ci.doctor.tree import Tree
from seatrial.ci.doctor.work import plain_words

EXTRA = re.compile(r"^(--extra-index-url|--index)(=|$)")
WHERE = re.compile(r"\b(PIP_EXTRA_INDEX_URL|UV_EXTRA_INDEX_URL|UV_INDEX)\b")
CONFUSION = "Install with --require-hashes, or the model alone from the private index by --no-deps --index-url."
VALUED = {
    "-r",
    "--requirement",
    "-c",
    "--constraint",
    "--index-url",
    "-i",
    "--extra-index-url",
    "--index",
    "--python",
    "-t",
    "--target",
    "--prefix",
    "-f",
    "--find-links",
    "--progress-bar",
    "--only-binary",
    "--no-binary",
    "--default-index",
    "--index-strategy",
    "--trusted-host",
    "--cache-dir",
    "-p",
}


def deployments_without_hashes(tree: Tree) -> Iterator[Finding]:
    """A pin below deploy/ that leaves open what is installed."""
    for path in tree.files:
        if re.search(r"(^|/)deploy/(.*/)?requirements[^/]*\.(txt|in)$", path):
            yield from _requirements(tree, path)


def images_without_pins(tree: Tree) -> Iterator[Finding]:
    """A Dockerfile that installs by name alone, or begins with whatever `latest` is."""
    for path in dockerfiles(tree):
        for call in run_calls(tree, path):
            open_ = _installed(call)
            if open_ is None or _hashed(call) or "--no-index" in call.words:
                continue
            files = [word for word in open_ if word.endswith((".whl", ".tar.gz"))]
            if "--no-deps" in call.words and len(files) == len(open_):
                continue
            loose = [word for word in open_ if word not in files and "==" not in word and "@" not in word]
            what = f"unpinned: {', '.join(loose)}" if loose else "without hashes"
            yield Finding(
                path,
                call.line,
                "unhashed-install",
                f"The image installs {what}.",
                "Install a requirements file that `seatrial deploy` wrote, with --require-hashes.",
            )


def images_on_the_latest(tree: Tree) -> Iterator[Finding]:
    """A Dockerfile that begins with an image without a version, or with `latest`."""
    for path in dockerfiles(tree):
        found = instructions(tree, path)
        told = dict(each.text.partition("=")[::2] for each in found if each.word == "ARG")
        stages = {each.text.split()[-1] for each in found if each.word == "FROM" and " as " in each.text.lower()}
        for each in found:
            image = _image(each.text, told) if each.word == "FROM" else "scratch"
            tag = image.rpartition("/")[2]
            if image not in stages | {"scratch"} and (":" not in tag or tag.endswith(":latest")):
                message = f"The image is built on {image}, which is another one every time."
                yield Finding(path, each.line, "unpinned-image", message, "Name a version, as in python:3.11-slim.")


def _image(text: str, arguments: dict[str, str]) -> str:
    """The image that a FROM names, with the defaults of its arguments; what has none may be anything."""
    image = next(word for word in text.split() if not word.startswith("--"))
    return re.sub(r"\$\{?(\w+)[^}]*\}?", lambda found: arguments.get(found.group(1)) or "given:later", image)


def two_indexes(tree: Tree) -> Iterator[Finding]:
    """Two indexes at once and no hashes: whoever takes the name on the public one is installed."""
    for path, call in _everything(tree):
        if _installed(call) is None:
            continue
        risky = any(EXTRA.match(word) for word in call.words) or "unsafe-best-match" in " ".join(call.words)
        if risky and not _hashed(call):
            message = f"{call.program} install asks two indexes, and takes a package of the same name from either."
            yield Finding(path, call.line, "two-indexes", message, CONFUSION)
    yield from _by_variable(tree)
    for path in tree.named("pip.conf", "pip.ini"):
        yield from _pip_conf(tree, path)
    yield from _uv(tree)
    for path in tree.files:
        if re.search(r"(^|/)requirements[^/]*\.(txt|in)$|(^|/)requirements/[^/]+\.(txt|in)$", path):
            text = tree.text(path)
            if "--hash=" not in text:
                for number, line in tree.lines(path):
                    if line.strip().startswith("--extra-index-url"):
                        yield Finding(path, number, "two-indexes", "A second index, and no hashes.", CONFUSION)


def _requirements(tree: Tree, path: str) -> Iterator[Finding]:
    from seatrial.ci.doctor.shell import joined

    for number, line in joined(tree.text(path)):
        text = re.sub(r"(^|\s)#.*", "", line).strip()
        if not text or text.startswith("-"):
            continue
        hint = "`seatrial deploy` writes the pin, with every hash."
        name = re.split(r"[\s=<>~!;\[@]", text, maxsplit=1)[0]
        if "==" not in text and " @ " not in text:
            yield Finding(path, number, "unpinned", f"{name} is deployed in whatever version there is.", hint)
        elif "--hash=" not in text:
            yield Finding(path, number, "unhashed", f"{name} is deployed without a hash.", hint)


def _everything(tree: Tree) -> Iterator[tuple[str, Call]]:
    for path in dockerfiles(tree):
        yield from ((path, call) for call in run_calls(tree, path))
    for pipeline in pipelines(tree):
        for job in pipeline.jobs.values():
            yield from ((pipeline.path, call) for call in job.calls)


def _by_variable(tree: Tree) -> Iterator[Finding]:
    """An index that is added by a variable holds for each installation in the same file."""
    for path in [*dockerfiles(tree), *dict.fromkeys(pipeline.path for pipeline in pipelines(tree))]:
        loose = [
            call
            for where, call in _everything(tree)
            if where == path and _installed(call) is not None and not _safe(call)
        ]
        for number, line in tree.lines(path):
            told = re.sub(r"(^|\s)#.*", "", line)
            if loose and WHERE.search(told):
                name = WHERE.search(told).group(1)  # type: ignore[union-attr]
                message = f"{name} adds a second index, and line {loose[0].line} installs without hashes."
                yield Finding(path, number, "two-indexes", message, CONFUSION)
                break


def _pip_conf(tree: Tree, path: str) -> Iterator[Finding]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(tree.text(path))
    except configparser.Error:
        return
    for section in parser.sections():
        if "extra-index-url" in parser[section] and not parser[section].getboolean("require-hashes", fallback=False):
            message = "pip.conf adds a second index for every installation."
            yield Finding(path, tree.line_of(path, "extra-index-url"), "two-indexes", message, CONFUSION)


def _uv(tree: Tree) -> Iterator[Finding]:
    told: dict[str, Any] = tree.settings.get("tool", {}).get("uv", {})
    path = "pyproject.toml"
    for table in (told, told.get("pip", {})):
        for key in ("extra-index-url", "index-strategy"):
            if key in table and (key == "extra-index-url" or str(table[key]).startswith("unsafe")):
                message = f"[tool.uv] {key} lets a package of the same name come from the public index."
                hint = "Name the index with explicit = true, and the package's under [tool.uv.sources]."
                yield Finding(path, tree.line_of(path, key), "two-indexes", message, hint)
    for index in told.get("index", []):
        sourced = any(index.get("name") in str(source) for source in told.get("sources", {}).values())
        if isinstance(index, dict) and not index.get("explicit") and not index.get("default"):
            message = f"[[tool.uv.index]] {index.get('name', '')}: where it answers 404, the public index is asked."
            hint = "Set explicit = true there" + (
                "." if sourced else ", and name the package's under [tool.uv.sources]."
            )
            yield Finding(path, tree.line_of(path, "[[tool.uv.index]]"), "two-indexes", message, hint)


def _installed(call: Call) -> list[str] | None:
    """What an installer is told to install by name; None where it is no installer."""
    words = plain_words(call)
    if words[0] == "uv" and words[1:2] == ["pip"]:
        words = words[1:]
    if not re.fullmatch(r"pip3?(\.\d+)?", words[0]) or "install" not in words:
        return None
    found, waiting = [], iter(words[words.index("install") + 1 :])
    for word in waiting:
        if word in VALUED:
            next(waiting, "")
        elif not word.startswith("-"):
            found.append(word)
    return found


def _hashed(call: Call) -> bool:
    return "--require-hashes" in call.words


def _safe(call: Call) -> bool:
    """Hashed, without any index, or local files alone."""
    return (
        _hashed(call) or "--no-index" in call.words or all(w.startswith((".", "/")) for w in _installed(call) or ["x"])
    )


CHECKS = (deployments_without_hashes, images_without_pins, images_on_the_latest, two_indexes)
