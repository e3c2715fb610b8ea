"""A real PostgreSQL cluster in a temporary folder; tests that use it are skipped where PostgreSQL is not installed."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Cluster:
    """A running cluster that listens only on a socket in its folder."""

    url: str
    folder: Path
    programs: Path
    as_other: tuple[str, ...]

    def run(self, *command: str) -> None:
        done = subprocess.run([*self.as_other, *command], capture_output=True, text=True, check=False, cwd=self.folder)
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        options = f"-c listen_addresses='' -k {self.folder}"
        self.control("-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        """Stop the server as a crash does: transactions under way are lost."""
        self.control("-m", "immediate", "stop")

    def control(self, *arguments: str) -> None:
        self.run(str(self.programs / "pg_ctl"), "-D", str(self.folder / "data"), "-w", *arguments)


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Start a cluster with a user `owner` and the database `postgres`."""
    pg_ctl = shutil.which("pg_ctl") or next(
        iter(sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")))), ""
    )
    if not pg_ctl:
        pytest.skip("PostgreSQL is not installed")
    root = os.geteuid() == 0  # PostgreSQL refuses to run as root
    if root and not shutil.which("runuser"):
        pytest.skip("PostgreSQL does not run as root, and there is no runuser")
    as_other = ("runuser", "-u", "nobody", "--") if root else ()
    folder = Path(tempfile.mkdtemp(prefix="seatrial-pg-"))  # a socket's path has to be short
    folder.chmod(0o755)
    if root:
        shutil.chown(folder, "nobody")
    url = f"postgresql://owner:secret-word@/postgres?host={folder}"
    cluster = Cluster(url, folder, Path(pg_ctl).resolve().parent, as_other)
    try:
        initdb = str(cluster.programs / "initdb")
        cluster.run(initdb, "-D", str(folder / "data"), "-U", "owner", "--auth=trust", "--no-sync")
        cluster.start()
        try:
            yield cluster
        finally:
            if (folder / "data" / "postmaster.pid").exists():
                cluster.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
