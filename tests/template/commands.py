"""Runs commands as a user types them, and writes a small table for them."""

import os
import random
import subprocess
import sys
from pathlib import Path
from unittest import mock

from tests.commands import run_here

TARGET = "left"
GIT = {
    "GIT_AUTHOR_NAME": "A Person",
    "GIT_AUTHOR_EMAIL": "person@example.com",
    "GIT_COMMITTER_NAME": "A Person",
    "GIT_COMMITTER_EMAIL": "person@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


def seatrial(*words: str, cwd: Path, text: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command; `text` is its standard input."""
    return subprocess.run(
        [sys.executable, "-m", "seatrial", *words],
        cwd=cwd,
        input=text,
        capture_output=True,
        text=True,
        env={**os.environ, **GIT, "COLUMNS": "200", **environment},
        check=False,
    )


def quick(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The same in this process, which saves loading everything again."""
    with mock.patch.dict(os.environ, GIT):
        return run_here(*words, cwd=cwd)


def git(*words: str, cwd: Path) -> str:
    done = subprocess.run(
        ["git", *words], cwd=cwd, capture_output=True, text=True, check=True, env={**os.environ, **GIT}
    )
    return done.stdout


def write_table(path: Path, rows: int = 120) -> Path:
    """Customers who left or not: numbers, a category, a gap, an identifier."""
    random.seed(5)
    lines = ["customer_id,age,plan,spent,left"]
    for number in range(rows):
        age, plan = random.randint(18, 80), random.choice(["basic", "plus", "pro"])
        left = "yes" if age + random.gauss(0, 8) + (20 if plan == "basic" else 0) > 60 else "no"
        spent = "" if number % 9 == 0 else f"{random.uniform(5, 90):.2f}"
        lines.append(f"C{number:05d},{age},{plan},{spent},{left}")
    path.write_text("\n".join(lines) + "\n")
    return path


def new(folder: Path, *words: str, name: str = "churn", table: Path | None = None) -> Path:
    """Make a project in a folder; `words` are further options."""
    data = table or write_table(folder / "customers.csv")
    done = quick("new", name, "--data", str(data), "--target", TARGET, *words, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / name
