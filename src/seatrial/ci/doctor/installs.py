"""Deployments and images that install whatever there is: without hashes, without pins, on the latest of an image."""

import re
from collections.abc import Iterator

from seatrial.ci.doctor.dockerfile import dockerfiles, instructions, run_calls
from seatrial.ci.doctor.findings import Finding
from seatrial.ci.doctor.installers import installation
from seatrial.ci.doctor.shell import joined
from seatrial.ci.doctor.tree import Tree

REMEDY = {
    "pip": "Install a requirements file that `seatrial deploy` wrote, with --require-hashes.",
    "uv": "Install the pin by `uv pip install --require-hashes -r`, or a uv.lock by `uv sync --locked`.",
}


def deployments_without_hashes(tree: Tree) -> Iterator[Finding]:
    """A pin below deploy/ that leaves open what is installed."""
    for path in tree.files:
        if re.search(r"(^|/)deploy/(.*/)?requirements[^/]*\.(txt|in)$", path):
            yield from _requirements(tree, path)


def images_without_pins(tree: Tree) -> Iterator[Finding]:
    """A Dockerfile that installs by name alone."""
    for path in dockerfiles(tree):
        for call in run_calls(tree, path):
            found = installation(call)
            if found is None or found.has_no_index or not (found.names or found.files):
                continue
            if "--require-hashes" in found.words:
                continue
            files = [name for name in found.names if name.endswith((".whl", ".tar.gz"))]
            loose = [name for name in found.names if name not in files and "==" not in name and "@" not in name]
            what = f"unpinned: {', '.join(loose)}" if loose else "without hashes"
            yield Finding(path, call.line, "unhashed-install", f"The image installs {what}.", REMEDY[found.tool])


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
    image = next((word for word in text.split() if not word.startswith("--")), "given:later")
    return re.sub(r"\$\{?(\w+)[^}]*\}?", lambda found: arguments.get(found.group(1)) or "given:later", image)


def _requirements(tree: Tree, path: str) -> Iterator[Finding]:
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


CHECKS = (deployments_without_hashes, images_without_pins, images_on_the_latest)
