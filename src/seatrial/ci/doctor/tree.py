"""The files that the doctor reads: those that git tracks or would track; without git, all of them."""

import re
import tomllib
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from seatrial.core.git import ask_git

LARGEST = 1_000_000  # bytes; a larger file is data
SKIPPED = {".git", ".venv", "node_modules", "__pycache__", ".seatrial", "runs", "dist", "build"}


class Tree:
    """A project's files, by their path below `root` with `/`; each is read once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.read = cache(self._read)

    @cached_property
    def files(self) -> list[str]:
        """The paths of files, and of symbolic links, which are never followed."""
        listed = ask_git(self.root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
        below = (path.relative_to(self.root) for path in self.root.rglob("*")) if listed is None else ()
        names = {path.as_posix() for path in below if not SKIPPED & set(path.parts)} | set((listed or "").split("\0"))
        paths = {name: self.root / name for name in sorted(names - {""})}
        return [name for name, path in paths.items() if path.is_symlink() or path.is_file()]

    def text(self, name: str) -> str:
        """The text of a file; empty if it is missing, too large, or not text."""
        return self.read(name)[0]

    def lines(self, name: str) -> Iterator[tuple[int, str]]:
        """The lines of a file, counted from 1."""
        yield from enumerate(self.text(name).splitlines(), 1)

    @cached_property
    def dockerfiles(self) -> list[str]:
        """The files that images are built from."""
        return [path for path in self.files if re.search(r"Dockerfile[^/]*$|(^|/)Containerfile$", path)]

    def instructions(self, name: str) -> list[tuple[int, str, str]]:
        """The instructions of a Dockerfile as line, word and the rest."""
        parts = [(number, *line.partition(" ")[::2]) for number, line in self.joined(name) if line]
        return [(number, word.upper(), rest.strip()) for number, word, rest in parts]

    def joined(self, name: str) -> Iterator[tuple[int, str]]:
        """Lines, with those that end in a backslash continued; comments are left out, as Docker and pip do."""
        pending, first = "", 1
        for number, line in [(n, line.strip()) for n, line in [*self.lines(name), (0, "")] if line.strip()[:1] != "#"]:
            first, pending = (first if pending else number), pending + line.removesuffix("\\") + " "
            if not line.endswith("\\"):
                yield first, pending.strip()
                pending = ""

    @cached_property
    def project(self) -> dict[str, Any]:
        """[project] of pyproject.toml, without a name if it is missing or broken, which other commands report."""
        try:
            table = tomllib.loads(self.text("pyproject.toml")).get("project")
        except tomllib.TOMLDecodeError:
            return {"name": ""}
        return table if isinstance(table, dict) and isinstance(table.get("name"), str) else {"name": ""}

    def _read(self, name: str) -> tuple[str, str]:
        """The text of a file, or why it is not read."""
        path = self.root / name
        try:
            if path.is_symlink():
                return "", "it is a symbolic link, and git stores only its target"
            if path.stat().st_size > LARGEST:
                return "", "it is larger than a megabyte"
            data = path.read_bytes()
        except OSError as error:
            return "", f"it cannot be read ({error.strerror})"
        is_text = b"\0" not in data[:8000]
        return (data.decode("utf-8-sig", errors="replace"), "") if is_text else ("", "it is not text in UTF-8")
