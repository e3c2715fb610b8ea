"""Installs what requirements.txt pins, while an image is built. Rendered by Seatrial; the Dockerfile runs it.

Our own packages, which requirements.txt names, come from the wheels next to this file, or else from our index alone.
All others come from the public index, which is never asked for ours. Every file must have its hash.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SECRET = Path("/run/secrets/pip_extra_index_url")
PIP = [sys.executable, "-m", "pip", "install", "--no-compile", "--progress-bar", "off"]
PIP += ["--only-binary", ":all:", "--no-deps", "--require-hashes", "--requirement"]


def canonical(name: str) -> str:
    """A distribution's name as an index writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def own_names(text: str, wheels: list[Path]) -> set[str]:
    """The names of our own packages."""
    listed = [name for line in re.findall(r"(?m)^# From the index \S+: (.*)", text) for name in line.split(", ")]
    return {canonical(name) for name in [*listed, *(wheel.name.partition("-")[0] for wheel in wheels)]}


def index_url() -> str:
    """The URL of our index. pip prints TOKEN of https://TOKEN:@host/, as a user name; without the colon it does not."""
    url = SECRET.read_text() if SECRET.exists() else os.environ.get("PIP_EXTRA_INDEX_URL", "")
    return url.strip().replace(":@", "@")


def install(lines: list[str], name: str, source: dict[str, str]) -> int:
    """Install these lines from one source, which the variables describe."""
    if not lines:
        return 0
    (HERE / name).write_text("\n".join(lines) + "\n")
    others = {key: value for key, value in os.environ.items() if key != "PIP_EXTRA_INDEX_URL"}
    return subprocess.run([*PIP, str(HERE / name)], env={**others, **source}, check=False).returncode


def main() -> int:
    """Install everything; returns an exit code."""
    text, wheels = (HERE / "requirements.txt").read_text().replace("\\\n", " "), sorted(HERE.glob("*.whl"))
    lines = [line for line in text.splitlines() if re.match("[A-Za-z0-9]", line)]
    own = own_names(text, wheels)
    ours = [line for line in lines if canonical(re.split(r"[^A-Za-z0-9._-]", line)[0]) in own]
    source = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(HERE)} if wheels else {"PIP_INDEX_URL": index_url()}
    if install(ours, "own.txt", source) or install([line for line in lines if line not in ours], "public.txt", {}):
        sys.stderr.write(
            "Cannot install what requirements.txt pins. Check that the private index is up, and that its URL, with a\n"
            "valid token, is in the secret pip_extra_index_url, or in PIP_EXTRA_INDEX_URL.\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
