"""Git, asked about the repository that a folder is in."""

import subprocess
from pathlib import Path


def ask_git(folder: Path, *arguments: str) -> str | None:
    """Run git in `folder` and return its output without the last line break; None where git fails for any reason."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, check=False)
    except OSError:
        return None
    return done.stdout.decode(errors="surrogateescape").rstrip("\n") if done.returncode == 0 else None
