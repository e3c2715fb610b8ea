"""Base images that are named by a tag, which may be another image at the next build."""

import re
from collections.abc import Iterator, Mapping

from seatrial.ci.doctor import NOT_CHECKED, Advice
from seatrial.ci.doctor.tree import Tree

TARGET = re.compile(r"(^|/)deploy/([\w-]+)/[^/]*$")
VARIABLE = re.compile(r"\$\{?(\w+)(?::-([^}]*))?\}?")
DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")


def check(tree: Tree) -> Iterator[Advice]:
    """The images that Dockerfiles are based on, without a digest: what they contain is not checked."""
    for path in tree.dockerfiles:
        target = TARGET.search(path)
        how = f"`seatrial deploy {target[2]} --pin-base`" if target else "FROM IMAGE:TAG@sha256:..."
        for image, line in _base_images(tree, path).items():
            if image != "scratch" and not DIGEST.search(image):
                what = f"{image or 'The base image'} has no digest, so what a build takes for it is not checked."
                yield Advice(path, line, NOT_CHECKED, f"{what} Pin it: {how}.")


def _base_images(tree: Tree, path: str) -> dict[str, int]:
    """The images in the FROM lines of a Dockerfile, except its own stages, each with the line that names it first."""
    arguments, stages, images = dict[str, str](), set[str](), dict[str, int]()
    for line, word, rest in tree.instructions(path):
        words = [part for part in rest.split() if not part.startswith("--")]
        if word == "ARG":
            name, _, default = rest.partition("=")
            arguments.setdefault(name.strip(), default.strip().strip("\"'"))
        elif word == "FROM" and words:
            image = _expand(words[0], arguments)
            if image not in stages:
                images.setdefault(image, line)
            stages |= {words[2]} if len(words) == 3 else set()
    return images


def _expand(text: str, arguments: Mapping[str, str]) -> str:
    return VARIABLE.sub(lambda each: arguments.get(each[1]) or each[2] or "", text)
