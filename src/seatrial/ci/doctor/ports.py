"""A fixed port where the platform assigns one in PORT."""

import re
from collections.abc import Iterator

from seatrial.ci.doctor import Finding
from seatrial.ci.doctor.dockerfile import dockerfiles, instructions
from seatrial.ci.doctor.tree import Tree

FIXED = re.compile(
    r"(?:--port|--bind|--listen|-p|-b)[\"',= ]+(?:[\"']?[\w.\[\]:*]*:)?(\d{2,5})\b"
    r"|\b(?:0\.0\.0\.0|localhost|127\.0\.0\.1):(\d{2,5})\b"
)
START = re.compile(r"Procfile:web:|railway\.(json|toml):.*startCommand")
PORT_SET = re.compile(r"railway\.(json|toml):.*\bPORT\"?\s*[:=]\s*\"?\d")
HINT = "Take it from the environment: --port ${PORT:-8001}, or leave it out, since Seatrial's server reads PORT itself."


def fixed_ports(tree: Tree) -> Iterator[Finding]:
    """A start command that does not listen where the platform expects it."""
    lines = [
        (path, *line)
        for path in tree.files
        if re.search(r"(^|/)(Procfile|railway\.\w+)$", path)
        for line in tree.lines(path)
    ]
    starts = [line for line in lines if START.search(f"{line[0]}:{line[2]}")]
    for path, number, text in lines:
        if PORT_SET.search(f"{path}:{text}"):
            yield Finding(path, number, "fixed-port", "The platform chooses PORT; this file sets it.", "Remove it.")
    for path in dockerfiles(tree):
        default = re.search(r"^ENV\b.*\bPORT[= ](\d+)", tree.text(path), re.MULTILINE)
        for number, word, text in instructions(tree, path):
            starts += [(path, number, text)] if word in ("CMD", "ENTRYPOINT") else []
            if word == "EXPOSE" and default and re.match(r"\d", text) and text.partition("/")[0] != default[1]:
                message = f"The image exposes {text}, and listens on {default[1]} by default."
                yield Finding(path, number, "fixed-port", message, "Use the same number for both.")
    for path, number, text in starts:
        if (fixed := FIXED.search(text)) and not re.search(r"\$\{?PORT\b", text):
            message = f"The service listens on {fixed[1] or fixed[2]} and not on PORT."
            yield Finding(path, number, "fixed-port", message, HINT)


CHECKS = (fixed_ports,)
