"""Stand-ins for command lines of services that are not to be had in a test: they note how they were called."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRIPT = """\
#!{python}
import json, os, pathlib, sys, time
here = pathlib.Path.cwd()
note = {{
    "argv": sys.argv[1:],
    "cwd": str(here),
    "environment": dict(os.environ),
    "files": {{str(p.relative_to(here)): p.read_bytes().decode(errors="replace") for p in here.rglob("*") if p.is_file()}}
        if "seatrial-" in str(here) else {{}},
    "given": "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read(),
}}
with open({calls!r}, "a") as file:
    file.write(json.dumps(note) + "\\n")
behaviour = json.loads(pathlib.Path({behaviour!r}).read_text())
for word, (code, out, err) in behaviour.items():
    if word in sys.argv[1:]:
        if code == "hang":
            time.sleep(600)
        sys.stdout.write(out)
        sys.stderr.write(err.replace("$TOKEN", os.environ.get("RAILWAY_TOKEN", "")))
        sys.exit(code)
"""


@dataclass(frozen=True)
class StandIn:
    """A command on the path, and what became of it."""

    folder: Path
    name: str

    @property
    def calls(self) -> list[dict[str, Any]]:
        """How it was called, each time."""
        path = self.folder / "calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def behave(self, word: str, code: int | str, out: str = "", err: str = "") -> None:
        """From now on, where `word` is among the arguments, end like this; the code "hang" never ends."""
        path = self.folder / "behaviour"
        path.write_text(json.dumps({**json.loads(path.read_text()), word: (code, out, err)}))


def stand_in(folder: Path, name: str) -> StandIn:
    """Put a command into `folder`/bin; it ends well and says nothing until told otherwise."""
    (folder / "bin").mkdir(parents=True)
    script, behaviour = folder / "bin" / name, folder / "behaviour"
    behaviour.write_text("{}")
    script.write_text(SCRIPT.format(python=sys.executable, calls=str(folder / "calls"), behaviour=str(behaviour)))
    script.chmod(0o755)
    return StandIn(folder, name)
