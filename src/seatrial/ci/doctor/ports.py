"""A port that is written down where the platform gives one in PORT."""

import json
import re
from collections.abc import Iterator

from seatrial.ci.doctor.dockerfile import dockerfiles, instructions
from seatrial.ci.doctor.findings import Finding
from seatrial.ci.doctor.tree import Tree

WRITTEN = re.compile(
    r"(?:--port|--bind|--listen|-p|-b)[\"',= ]+(?:[\"']?[\w.\[\]:*]*:)?(\d{2,5})\b"
    r"|\b(?:0\.0\.0\.0|localhost|127\.0\.0\.1):(\d{2,5})\b"
)
HINT = "Let it come from the environment: --port ${PORT:-8001}, or nothing, since Seatrial's server reads PORT itself."


def fixed_ports(tree: Tree) -> Iterator[Finding]:
    """A start command that does not listen where the platform expects it."""
    for path in dockerfiles(tree):
        default = ""
        for each in instructions(tree, path):
            if each.word == "ENV":
                found = re.search(r"\bPORT[= ](\d+)", each.text)
                default = found.group(1) if found else default
            if each.word in ("CMD", "ENTRYPOINT"):
                yield from _command(path, each.line, each.text)
            if (
                each.word == "EXPOSE"
                and default
                and each.text.split("/")[0].isdigit()
                and each.text.split("/")[0] != default
            ):
                message = f"The image exposes {each.text}, and listens on {default} by default."
                yield Finding(path, each.line, "fixed-port", message, "Give both the same number.")
    for path in tree.named("Procfile"):
        for number, line in tree.lines(path):
            if line.startswith("web:"):
                yield from _command(path, number, line)
    for path in tree.named("railway.json", "railway.toml"):
        for number, line in tree.lines(path):
            if re.search(r"startCommand", line):
                yield from _command(path, number, line)
        yield from _fixed_variable(tree, path)


def _fixed_variable(tree: Tree, path: str) -> Iterator[Finding]:
    """PORT itself, set to a number in a platform's file."""
    try:
        told = json.loads(tree.text(path)) if path.endswith(".json") else {}
    except ValueError:
        return
    if isinstance(told, dict) and re.search(r'"PORT": *"?\d', json.dumps(told)):
        yield Finding(
            path, tree.line_of(path, '"PORT"'), "fixed-port", "PORT is the platform's to choose.", "Remove it."
        )


def _command(path: str, line: int, text: str) -> Iterator[Finding]:
    found = WRITTEN.search(text)
    if found and not re.search(r"\$\{?PORT\b", text):
        message = f"The service listens on {found.group(1) or found.group(2)} and not on PORT."
        yield Finding(path, line, "fixed-port", message, HINT)


CHECKS = (fixed_ports,)
