"""Tokens and passwords in files that git keeps. What was found is never shown, only that it is there."""

import math
import re
from collections import Counter
from collections.abc import Iterator

from seatrial.ci.doctor.dockerfile import dockerfiles, instructions
from seatrial.ci.doctor.findings import Finding
from seatrial.ci.doctor.tree import Tree

SHAPES = {
    "a GitHub token": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})"),
    "a GitLab token": re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}"),
    "an AWS key": re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    "a PyPI token": re.compile(r"\bpypi-AgE[A-Za-z0-9_-]{50,}"),
    "an npm token": re.compile(r"\bnpm_[A-Za-z0-9]{36}\b"),
    "a Slack token": re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{20,}"),
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"),
}
IN_ADDRESS = re.compile(r"\bhttps?://([^\s/@:'\"<>]+)(?::([^\s/@'\"<>]*))?@[\w.-]+")
ASSIGNED = re.compile(
    r"""\b\w*(?:TOKEN|PASSWORD|PASSWD|SECRET|API_?KEY)\w*["']?\s*(?::=|[:=])\s*["']?([^\s"'`,;#]{12,})""", re.IGNORECASE
)
# What stands for a secret and is none.
PLACEHOLDER = re.compile(
    r"[$<>{}*%()\[\]]|^\.+$|…|\b(?:token|user|username|password|passwd|secret|account|name|example|changeme|your|xxx+)\b",
    re.IGNORECASE,
)
HINT = "Take it out, make it invalid where it came from, and give it to the job by the CI service's own secrets."


def secrets_in_files(tree: Tree) -> Iterator[Finding]:
    """A credential in an address, in a known shape, or as a random value assigned to something called a token."""
    for path in tree.files:
        for number, line in tree.lines(path):
            if len(line) < 5000:  # longer ones are data, or minified
                what = _secret(line)
                if what:
                    yield Finding(path, number, "secret", f"There is {what} in this line.", HINT)


def secrets_in_images(tree: Tree) -> Iterator[Finding]:
    """A token that is made a part of an image: what ARG and ENV hold can be read by whoever has it."""
    for path in dockerfiles(tree):
        for each in instructions(tree, path):
            if each.word not in ("ARG", "ENV"):
                continue
            named = re.search(r"\b\w*(?:TOKEN|PASSWORD|SECRET|API_?KEY)\w*", each.text.partition("=")[0], re.IGNORECASE)
            index = re.search(r"\b(?:PIP|UV)_(?:EXTRA_)?INDEX_URL\b", each.text)
            if named or (index and (each.last or each.word == "ENV")):
                name = (named or index).group(0)  # type: ignore[union-attr]
                yield Finding(
                    path,
                    each.line,
                    "secret-in-image",
                    f"{each.word} {name} stays in the image and its history.",
                    "Use RUN --mount=type=secret, in a stage that does not become the image.",
                )


def _secret(line: str) -> str:
    for what, shape in SHAPES.items():
        if shape.search(line):
            return what
    for found in IN_ADDRESS.finditer(line):
        told = [part for part in found.groups() if part]
        if told and not any(PLACEHOLDER.search(part) for part in told) and len(max(told, key=len)) >= 6:
            return "an address with a credential"
    for found in ASSIGNED.finditer(line):
        value = found.group(1)
        if not PLACEHOLDER.search(value) and "/" not in value and _random(value):
            return "a value that looks like a token"
    return ""


def _random(value: str) -> bool:
    """Whether a value looks drawn and not written: digits among letters, and 3 bits or more a character."""
    counts = Counter(value)
    bits = -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
    mixed = any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
    return mixed and bits >= 3.0 and not re.fullmatch(r"[\w.]+\([^)]*|[a-z_]+(\.[a-z_]+)+", value)


CHECKS = (secrets_in_files, secrets_in_images)
