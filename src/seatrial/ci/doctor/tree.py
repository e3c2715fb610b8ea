"""The files that the doctor looks at: those of the project that git keeps, or all where there is no git."""

import codecs
import configparser
import posixpath
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

LARGEST = 1_000_000  # bytes; what is larger is data
SKIPPED = {".git", ".venv", "node_modules", "__pycache__", ".seatrial", "runs", "dist", "build"}
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(eq=False)
class Tree:
    """A project's files by their path below `root`, with `/`; read once."""

    root: Path
    _texts: dict[str, tuple[str, str]] = field(default_factory=dict)

    @cached_property
    def _kept(self) -> list[str]:
        """The paths that git keeps or would keep."""
        listed = self._git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
        if listed is None:
            found = (path.relative_to(self.root) for path in self.root.rglob("*"))
            return sorted(path.as_posix() for path in found if not SKIPPED & set(path.parts))
        return sorted({name for name in listed.split("\0") if name})

    @cached_property
    def files(self) -> list[str]:
        """The paths of the files."""
        return [name for name in self._kept if (self.root / name).is_file() and not (self.root / name).is_symlink()]

    @cached_property
    def links(self) -> list[str]:
        """The paths of symbolic links, wherever they lead."""
        return [name for name in self._kept if (self.root / name).is_symlink()]

    def text(self, name: str) -> str:
        """The text of a file; empty where it is missing, large, or no text."""
        return self._read(name)[0]

    def why_unread(self, name: str) -> str:
        """Why a file has no text for us; empty where it has."""
        return self._read(name)[1]

    def lines(self, name: str) -> Iterator[tuple[int, str]]:
        """The lines of a file, counted from 1."""
        yield from enumerate(self.text(name).splitlines(), 1)

    def line_of(self, name: str, part: str) -> int:
        """The first line that holds `part`; 1 where none does."""
        return next((number for number, line in self.lines(name) if part in line), 1)

    def named(self, *names: str) -> list[str]:
        """The files whose last part is one of these."""
        return [path for path in self.files if path.rpartition("/")[2] in names]

    def has(self, path: str) -> bool:
        """Whether there is a file or a folder of this path."""
        return path in ("", ".") or any(name == path or name.startswith(path + "/") for name in self.files)

    def inside(self, path: str | None) -> str | None:
        """A path that may begin with .. as one below the tree; None where it lies elsewhere, or is not known."""
        if path is None or not path.startswith(".."):
            return path
        whole, root = posixpath.normpath(posixpath.join(self.root.as_posix(), path)), self.root.as_posix()
        return "" if whole == root else whole[len(root) + 1 :] if whole.startswith(root + "/") else None

    def table(self, *keys: str, folder: str = "") -> dict[str, Any]:
        """A table of a folder's pyproject.toml; empty where it is missing or broken, as other commands say."""
        try:
            found: Any = tomllib.loads(self.text(posixpath.join(folder, "pyproject.toml")))
        except tomllib.TOMLDecodeError:
            return {}
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else {}

    def ini(self, name: str) -> configparser.ConfigParser:
        """A file of sections; empty where it is none."""
        parser = configparser.ConfigParser(interpolation=None, strict=False, allow_no_value=True)
        try:
            parser.read_string(self.text(name))
        except configparser.Error:
            parser = configparser.ConfigParser(interpolation=None)
        return parser

    @cached_property
    def name(self) -> str:
        """The name of the project's own distribution."""
        name = self.table("project").get("name", "")
        return name if isinstance(name, str) else ""

    def _read(self, name: str) -> tuple[str, str]:
        if name not in self._texts:
            self._texts[name] = self._load(self.root / name)
        return self._texts[name]

    def _load(self, path: Path) -> tuple[str, str]:
        try:
            if path.is_symlink():
                return "", "is a link, and git keeps only where it leads"
            if path.stat().st_size > LARGEST:
                return "", "is larger than a megabyte"
            data = path.read_bytes()
        except OSError as error:
            return "", f"cannot be read ({error.strerror})"
        if data.startswith(UTF_16) or b"\0" in data[:8000]:
            return "", "is no text in UTF-8"
        return data.decode("utf-8-sig", errors="replace"), ""

    def _git(self, *words: str) -> str | None:
        try:
            done = subprocess.run(["git", "-C", str(self.root), *words], capture_output=True, check=False)
        except OSError:
            return None
        return done.stdout.decode("utf-8", errors="surrogateescape") if done.returncode == 0 else None
