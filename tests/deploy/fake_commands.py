"""Fake command lines for tools that tests cannot use: they record their calls and fail on request."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRIPT = """\
#!{python}
import json, os, pathlib, sys, time
here = pathlib.Path.cwd()
call = {{
    "argv": sys.argv[1:],
    "cwd": str(here),
    "environment": dict(os.environ),
    "files": {{str(p.relative_to(here)): p.read_bytes().decode(errors="replace") for p in here.rglob("*") if p.is_file()}}
        if "seatrial-" in str(here) else {{}},
    "stdin": "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read(),
}}
with open({calls!r}, "a") as file:
    file.write(json.dumps(call) + "\\n")
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
class FakeCommand:
    """A command on the PATH, and its calls."""

    folder: Path
    name: str

    @property
    def calls(self) -> list[dict[str, Any]]:
        """All calls so far."""
        path = self.folder / "calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def behave(self, word: str, code: int | str, out: str = "", err: str = "") -> None:
        """From now on, exit like this if `word` is among the arguments; the code "hang" never exits."""
        path = self.folder / "behaviour"
        path.write_text(json.dumps({**json.loads(path.read_text()), word: (code, out, err)}))


def fake_command(folder: Path, name: str) -> FakeCommand:
    """Put a command into `folder`/bin. Until `behave` is called, it succeeds and prints nothing."""
    (folder / "bin").mkdir(parents=True)
    script, behaviour = folder / "bin" / name, folder / "behaviour"
    behaviour.write_text("{}")
    script.write_text(SCRIPT.format(python=sys.executable, calls=str(folder / "calls"), behaviour=str(behaviour)))
    script.chmod(0o755)
    return FakeCommand(folder, name)
