"""Tokens and passwords in files that git tracks, and in images. A secret is never shown, only that there is one."""

import math
import re
from collections import Counter
from collections.abc import Iterator

from seatrial.ci.doctor import Advice
from seatrial.ci.doctor.tree import Tree

SHAPES = {
    "a GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})",
    "a GitLab token": r"\bglpat-[A-Za-z0-9_-]{20,}",
    "an AWS key": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "a PyPI token": r"\bpypi-AgE[A-Za-z0-9_-]{50,}",
    "an npm or a Slack token": r"\b(?:npm_[A-Za-z0-9]{36}\b|xox[abprs]-[A-Za-z0-9-]{20,})",
    "the URL of a Slack webhook": r"\bhooks\.slack\.com/services/\w+/\w+/\w+",
    "a Google key": r"\bAIza[A-Za-z0-9_-]{35}\b|\bGOCSPX-[A-Za-z0-9_-]{20,}",
    "a Hugging Face or a Databricks token": r"\b(?:hf_[A-Za-z0-9]{34}|dapi[a-f0-9]{32})\b",
    "a Stripe key": r"\b[sr]k_live_[A-Za-z0-9]{20,}",
    "a key of a language model's API": r"\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{32,}",
    "an access key of a Seatrial server": r"\bst_[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])",
    "a key of Azure storage": r"\bAccountKey=[A-Za-z0-9+/]{40,}",
    "a signed token (JWT)": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}",
    "a private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----",
}
IN_URL = re.compile(r"\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://([^\s/@:'\"`<>]*)(?::([^\s/@'\"`<>]*))?@([\w.-]+|[\[<${])")
LOCAL = {"localhost", "127.0.0.1"}  # a password for this machine is of no use elsewhere
NAMED = r"(?:TOKEN|PASSWORD|PASSWD|SECRET|API_?KEY)"
ASSIGNED = re.compile(rf"""(?i)\b\w*{NAMED}\w*["']?\s*(?::=|[:=])\s*["']?([^\s"'`,;#/]{{12,}})(?![^\s"'`,;#])""")
# Files that exist to hold credentials: there any value will do.
CREDENTIALS = re.compile(
    r"(?i)(^|/)([\w.-]*\.env(\.(?!example|sample|template|dist)\w+)?|pip\.(conf|ini)|\.pypirc|[._]?netrc"
    r"|[\w-]*secrets?\.(json|ya?ml|toml|ini|txt|cfg))$"
)
# Files that are a secret as a whole, whatever their format.
KEYS = re.compile(
    r"(?i)(^|/)(id_(rsa|dsa|ecdsa|ed25519)|[^/]+\.(p12|pfx|jks|keystore|kdbx|ppk)|\.git-credentials|\.pgpass|kaggle\.json"
    r"|\.?(aws/)?credentials(\.(json|ya?ml|toml|ini|txt))?|(client_secret|service[_-]account)[\w.-]*\.json)$"
)
ENTRY = re.compile(
    rf"""(?i)^\s*(?:export\s+)?[\w.-]*(?:{NAMED}|PASS)[\w.-]*\s*[:=]\s*["']?([^\s"'#/]+)["']?\s*($|\s\#)|^[^#]*\bpassword\s+(\S+)"""
)
# What stands for a secret: a variable, a mark to fill in, a word for what belongs there, TOKEN in capitals.
PLACEHOLDER = re.compile(
    r"""(?ix) .* ([$<>{}…] | \*\* | %\() .* | %\w+% | \.+ | x{3,} | [\[(] .* [\])] | (?-i:[A-Z][A-Z_]*)
    | ((my|your|the|some|a|an|put|new|private|pull|push|read|deploy|api|access|auth|index|user|account|team)[-_]?)*
      (token|password|passwd|pass|pw|user|username|account|name|key|example|change[-_]?me|placeholder|redacted|here
      |todo|none|null|true|false) ([-_]?(here|name|id))?"""
)
IN_IMAGE = re.compile(rf"(?i)\b\w*{NAMED}\w*")
INDEX = re.compile(r"\b(?:PIP_(?:EXTRA_)?INDEX_URL|UV_(?:(?:EXTRA_)?INDEX_URL|(?:DEFAULT_)?INDEX))\b")
HINT = "Remove it, revoke it where it came from, and pass it to the job by the CI service's own secrets."


def check(tree: Tree) -> Iterator[Advice]:
    """A credential in a file, or a token in ARG or ENV, which anyone who has the image can read."""
    for path in tree.files:
        if KEYS.search(path):
            yield Advice(path, 1, "secret", "Files of this name hold keys or passwords.", HINT)
            continue
        for number, line in tree.lines(path):
            if len(line) < 5000 and (what := _secret(line, bool(CREDENTIALS.search(path)))):  # longer ones are data
                yield Advice(path, number, "secret", f"This line contains {what}.", HINT)
    for path in tree.dockerfiles:
        parts = tree.instructions(path)
        last_stage = max((number for number, word, _ in parts if word == "FROM"), default=0)
        for number, word, text in [part for part in parts if part[1] in ("ARG", "ENV")]:
            of_index = INDEX.search(text) if word == "ENV" or number > last_stage else None
            if name := IN_IMAGE.search(text.partition("=")[0]) or of_index:
                message = f"{word} {name[0]} stays in the image and its history."
                yield Advice(path, number, "secret-in-image", message, "Use RUN --mount=type=secret in its place.")


def _secret(line: str, is_credentials: bool) -> str:
    """A credential in a URL, in a known shape, or as a value of something called a token."""
    for what, shape in SHAPES.items():
        if re.search(shape, line):
            return what
    for user, password, host in IN_URL.findall(line):
        if len(password) >= 3 and not PLACEHOLDER.fullmatch(password) and (host not in LOCAL or _is_random(password)):
            return "a URL with a password"
        # A token may be in the place of the user's name; a name as people have it is not one.
        if not password and len(user) >= 12 and not PLACEHOLDER.fullmatch(user) and _is_random(user):
            return "a URL with a token"
    if any(not PLACEHOLDER.fullmatch(value) and _is_random(value) for value in ASSIGNED.findall(line)):
        return "a value that looks like a token"
    entry = ENTRY.match(line) if is_credentials else None
    value = (entry[1] or entry[3]) if entry else ""
    return "a password or a token" if value and not PLACEHOLDER.fullmatch(value) else ""


def _is_random(value: str) -> bool:
    """Whether a value looks drawn and not written: digits among letters, and 3 bits or more a character."""
    bits = -sum(n / len(value) * math.log2(n / len(value)) for n in Counter(value).values())
    mixed = any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
    return mixed and bits >= 3.0 and not re.fullmatch(r"[\w.]+\([^)]*|[a-z_]+(\.[a-z_]+)+", value)
