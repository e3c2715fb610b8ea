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
IN_ADDRESS = re.compile(
    r"\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://([^\s/@:'\"`<>]*)(?::([^\s/@'\"`<>]*))?@(\[[0-9a-fA-F:]+\]|[\w.-]+|[<${])"
)
HERE = {"localhost", "127.0.0.1", "[::1]", "0.0.0.0"}  # noqa: S104 - a password for this machine is for nobody else
NAMED = r"(?:TOKEN|PASSWORD|PASSWD|SECRET|API_?KEY)"
ASSIGNED = re.compile(rf"""\b\w*{NAMED}\w*["']?\s*(?::=|[:=])\s*["']?([^\s"'`,;#]{{12,}})""", re.IGNORECASE)
# Files whose very purpose is to hold credentials: there any value will do.
KEPT = re.compile(r"(^|/)(\.env(\.\w+)?|pip\.conf|pip\.ini|\.pypirc|\.?netrc|_netrc)$")
SAMPLE = re.compile(r"\.(example|sample|template|dist|tmpl)$")
HELD = re.compile(
    rf"""^\s*(?:export\s+)?[\w.-]*(?:{NAMED}|PASS)[\w.-]*\s*[:=]\s*["']?([^\s"'#]+)|^.*\bpassword\s+(\S+)""",
    re.IGNORECASE,
)
# What stands for a secret and is none: a variable, a mark to fill in, a word for what belongs there.
VARIABLE = re.compile(r"[$<>{}…]|\*\*|%\(|^%\w+%$|^\.+$|^x{3,}$|^[\[(].*[\])]$", re.IGNORECASE)
WORD = re.compile(
    r"(?:(?:my|your|the|some|a|an|put|new|private|pull|push|read|deploy|api|access|auth|index|user|account|team)[-_]?)*"
    r"(?:token|password|passwd|pass|pw|user|username|account|name|key|example|changeme|change[-_]me|placeholder|redacted"
    r"|here|todo|none|null|true|false)(?:[-_]?(?:here|name|id))?",
    re.IGNORECASE,
)
SHOUTED = re.compile(r"[A-Z][A-Z_]*")  # TOKEN, SECRET, INDEX_PASSWORD
HINT = "Take it out, make it invalid where it came from, and give it to the job by the CI service's own secrets."


def secrets_in_files(tree: Tree) -> Iterator[Finding]:
    """A credential in an address, in a known shape, or as a value assigned to something called a token."""
    for path in tree.files:
        kept = KEPT.search(path) is not None and not SAMPLE.search(path)
        for number, line in tree.lines(path):
            if len(line) < 5000:  # longer ones are data, or minified
                what = _secret(line) or (_held(line) if kept else "")
                if what:
                    yield Finding(path, number, "secret", f"There is {what} in this line.", HINT)


def secrets_in_images(tree: Tree) -> Iterator[Finding]:
    """A token that is made a part of an image: what ARG and ENV hold can be read by whoever has it."""
    for path in dockerfiles(tree):
        for each in instructions(tree, path):
            if each.word not in ("ARG", "ENV"):
                continue
            named = re.search(rf"\b\w*{NAMED}\w*", each.text.partition("=")[0], re.IGNORECASE)
            index = re.search(
                r"\b(?:PIP_(?:EXTRA_)?INDEX_URL|UV_(?:(?:EXTRA_)?INDEX_URL|(?:DEFAULT_)?INDEX))\b", each.text
            )
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
        user, password, host = found.group(1), found.group(2) or "", found.group(3)
        if len(password) >= 3 and not _placeholder(password) and (host not in HERE or _random(password)):
            return "an address with a password"
        # A token may stand where the user's name does; a name as people have it is none.
        if not password and len(user) >= 12 and not _placeholder(user) and _random(user):
            return "an address with a token"
    for found in ASSIGNED.finditer(line):
        value = found.group(1)
        if not _placeholder(value) and "/" not in value and len(value) >= 12 and _random(value):
            return "a value that looks like a token"
    return ""


def _held(line: str) -> str:
    found = HELD.match(line)
    value = (found.group(1) or found.group(2)) if found and not line.lstrip().startswith("#") else ""
    return "a password or a token" if value and "/" not in value and not _placeholder(value) else ""


def _placeholder(value: str) -> bool:
    return bool(VARIABLE.search(value) or WORD.fullmatch(value) or SHOUTED.fullmatch(value))


def _random(value: str) -> bool:
    """Whether a value looks drawn and not written: digits among letters, and 3 bits or more a character."""
    counts = Counter(value)
    bits = -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
    mixed = any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
    return mixed and bits >= 3.0 and not re.fullmatch(r"[\w.]+\([^)]*|[a-z_]+(\.[a-z_]+)+", value)


CHECKS = (secrets_in_files, secrets_in_images)
