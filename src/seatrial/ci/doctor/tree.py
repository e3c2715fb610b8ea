"""The files that the doctor looks at: those of the project that git keeps, or all where there is no git."""

import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

LARGEST = 1_000_000  # bytes; what is larger is data
SKIPPED = {".git", ".venv", "node_modules", "__pycache__", ".seatrial", "runs", "dist", "build"}


@dataclass
class Tree:
    """A project's files by their path below `root`, with `/`; read once."""

    root: Path
    _texts: dict[str, str | None] = field(default_factory=dict)

    @cached_property
    def files(self) -> list[str]:
        """The paths of the files that git keeps or would keep."""
        listed = self._git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
        if listed is None:
            found = (path.relative_to(self.root) for path in self.root.rglob("*") if path.is_file())
            return sorted(path.as_posix() for path in found if not SKIPPED & set(path.parts))
        return sorted(name for name in set(listed.split("\0")) if name and (self.root / name).is_file())

    def text(self, name: str) -> str:
        """The text of a file; empty where it is missing, large, or no text."""
        if name not in self._texts:
            self._texts[name] = self._read(name)
        return self._texts[name] or ""

    def lines(self, name: str) -> Iterator[tuple[int, str]]:
        """The lines of a file, counted from 1."""
        yield from enumerate(self.text(name).splitlines(), 1)

    def line_of(self, name: str, part: str) -> int:
        """The first line that holds `part`; 1 where none does."""
        return next((number for number, line in self.lines(name) if part in line), 1)

    def named(self, *names: str) -> list[str]:
        """The files whose last part is one of these."""
        return [path for path in self.files if path.rpartition("/")[2] in names]

    @cached_property
    def settings(self) -> dict[str, Any]:
        """pyproject.toml; empty where it is missing or broken, which other commands say better."""
        try:
            return tomllib.loads(self.text("pyproject.toml"))
        except tomllib.TOMLDecodeError:
            return {}

    @property
    def name(self) -> str:
        """The name of the project's own distribution."""
        return str(self.settings.get("project", {}).get("name", ""))

    def _read(self, name: str) -> str | None:
        path = self.root / name
        try:
            if path.is_symlink() or path.stat().st_size > LARGEST:
                return None
            data = path.read_bytes()
        except OSError:
            return None
        return None if b"\0" in data[:8000] else data.decode("utf-8", errors="replace")

    def _git(self, *words: str) -> str | None:
        try:
            done = subprocess.run(["git", "-C", str(self.root), *words], capture_output=True, text=True, check=False)
        except OSError:
            return None
        return done.stdout if done.returncode == 0 else None
