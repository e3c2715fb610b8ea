"""A fixed port where the platform assigns one in PORT."""

import re
from collections.abc import Iterator

from seatrial.ci.doctor import Advice
from seatrial.ci.doctor.tree import Tree

FIXED = re.compile(
    r"(?:--port|--bind|--listen|-p|-b)[\"',= ]+(?:[\"']?[\w.\[\]:*]*:)?(\d{2,5})\b"
    r"|\b(?:0\.0\.0\.0|localhost|127\.0\.0\.1):(\d{2,5})\b"
)
START = re.compile(r"(^|/)(Procfile:web:|railway\.(json|toml):.*startCommand)")
HINT = "Take it from the environment: --port ${PORT:-8001}, or leave it out, since Seatrial's server reads PORT itself."


def check(tree: Tree) -> Iterator[Advice]:
    """A start command that does not listen where the platform expects it."""
    files = [path for path in tree.files if re.search(r"(^|/)(Procfile|railway\.\w+)$", path)]
    starts = [(path, *line) for path in files for line in tree.lines(path) if START.search(f"{path}:{line[1]}")]
    for path in tree.dockerfiles:
        parts = tree.instructions(path)
        starts += [(path, number, text) for number, word, text in parts if word in ("CMD", "ENTRYPOINT")]
    for path, number, text in starts:
        if (fixed := FIXED.search(text)) and not re.search(r"\$\{?PORT\b", text):
            message = f"The service listens on {fixed[1] or fixed[2]} and not on PORT."
            yield Advice(path, number, "fixed-port", message, HINT)
