"""Follow a page as a reader does: write the files that it shows, type its commands, compare what is printed."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.docs.markdown import OUTPUT, SHELL, Block, blocks_of, commands_of
from tests.docs.matching import missing
from tests.docs.scenarios import LONG, NOT_RUN, SERVERS, Page
from tests.docs.shell import Shell
from tests.template.commands import GIT

# Git needs a name to commit.
PERSON = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "user.name", "GIT_CONFIG_VALUE_0": "A Person"}
PORTS = ("8001", "8003")  # on the pages; replaced by free ones


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Walk:
    """A reader at work: a shell in a folder, and the free ports that replace those on the pages."""

    shell: Shell
    ports: dict[str, str]
    printed: str = ""
    done: list[str] = field(default_factory=list)
    projects: list[Path] = field(default_factory=list)  # which may have something deployed

    def with_free_ports(self, text: str) -> str:
        for shown, free in self.ports.items():
            text = text.replace(shown, free)
        return text

    @property
    def folder(self) -> Path:
        return Path(self.shell.run("pwd")[1].strip())

    def page(self, page: Page, *, long: bool) -> None:
        """Follow a page; without `long`, skip the sections that take long."""
        for block in blocks_of(page.path, page.name):
            if long or (page.name, block.heading) not in LONG:
                self.block(block)

    def block(self, block: Block) -> None:
        if block.file:
            self.write(block)
        elif block.language == SHELL:
            self.printed = ""
            for command in commands_of(block):
                if (block.page, command.text) not in NOT_RUN:
                    self.type(block, command.text, command.code)
        elif block.language == OUTPUT:
            assert not (lost := missing(self.with_free_ports(block.text), self.printed)), (
                f"{block.place} shows what was not printed: {lost}\nPrinted:\n{self.printed}"
            )
        elif block.language == "python":
            with (
                TemporaryDirectory() as folder
            ):  # Python puts the script's folder first on its path: nothing else in it
                script = Path(folder) / "block.py"
                script.write_text(self.with_free_ports(block.text), "utf-8")
                code, output = self.shell.run(f"PYTHONPATH=.:src {sys.executable} {script}")
            assert code == 0, f"{block.place}:\n{output}"

    def type(self, block: Block, text: str, expected: int) -> None:
        command = self.with_free_ports(text)
        if command.startswith(SERVERS):
            self.shell.stop_servers()
            self.shell.serve(command, int(self.ports["8003" if "index" in command else "8001"]))
            return
        if command.startswith("seatrial deploy "):
            self.shell.stop_servers()  # they hold the port
        code, output = self.shell.run(command)
        self.printed += output
        self.done.append(text)
        assert code == expected, f"{block.place}: {command} ended with {code}, not {expected}:\n{output}"
        if command.startswith("seatrial new "):
            self.use_free_port(self.project_of(command) / "pyproject.toml")

    def write(self, block: Block) -> None:
        """Write a block with a file name: a new file, the whole file if it begins with a docstring or is JSON, else its end."""
        path = self.folder / block.file
        before = path.read_text("utf-8") if path.exists() and not block.text.startswith(('"""', "{")) else ""
        path.write_text(before + self.with_free_ports(block.text), "utf-8")

    def project_of(self, command: str) -> Path:
        """Return the folder of the project that `seatrial new` made."""
        words = command.split()
        into = words[words.index("--into") + 1] if "--into" in words else "."
        return self.folder / into / words[2]

    def use_free_port(self, settings: Path) -> None:
        """Set the port of the target local, whose default another test may use at the same time."""
        self.projects.append(settings.parent)
        with settings.open("a", encoding="utf-8") as file:
            file.write(f"\n[tool.seatrial.deploy.local]\nport = {self.ports['8001']}\n")


@contextmanager
def walk_in(folder: Path) -> Iterator[Walk]:
    """Start a walk in a folder, with `seatrial` on the path; everything that it started is stopped at the end."""
    ports = {shown: str(free_port()) for shown in PORTS}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, **GIT, **PERSON, "PATH": path, "COLUMNS": "200", "PORT": ports["8001"]}
    walk = Walk(Shell(folder, environment), ports)
    try:
        yield walk
    finally:
        walk.shell.close()
        for project in walk.projects:
            command = [sys.executable, "-m", "seatrial", "deploy", "local", "--stop"]
            subprocess.run(command, cwd=project, env=environment, capture_output=True, check=True)
