"""A worker process from start to end: what it printed, how it ended, and that nothing of it is left running."""

import os
import shutil
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

WORKER = Path(__file__).with_name("worker.py")
# The environment variable by which everything that a worker starts is found; a server has one of this name too, so
# that a model cannot tell by it where it runs.
MARK = "SEATRIAL_SERVED_DIR"
KEPT = 64 * 1024  # bytes of output that are kept, from the end
SWEEPS = 50
POLL_SECONDS = 0.005
DISK_SECONDS = 0.5  # between two looks at the free space
# Bytes that a worker may write, and that must be left on the disk once it has written more than a little.
MOST_WRITTEN, LITTLE, LEAST_FREE = 16 * 2**30, 256 * 2**20, 512 * 2**20
THREADS = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "BLIS", "VECLIB")
PASSED_ON = ("LD_LIBRARY_PATH", "SYSTEMROOT")  # what an interpreter may need to start; secrets are not passed on


@dataclass(frozen=True)
class Ended:
    """How a worker ended: exit code, negative for a signal, None for a timeout; and the end of its output.

    `filled` says that it was killed because it filled the disk.
    """

    code: int | None
    stdout: str
    stderr: str
    filled: bool = False


class Running:
    """A context in which a worker does the request in `folder`; after it, nothing that the worker started is alive.

    `script` is started in the folder `place`; by default both are the worker's own. With `asked`, it reads its
    standard input. `variables` are added to its environment, from which `bare` leaves out what it need not have.
    """

    def __init__(
        self,
        python: Path,
        folder: Path,
        *,
        timeout: float,
        threads: int,
        script: Path = WORKER,
        place: Path | None = None,
        asked: bool = False,
        variables: Mapping[str, str] | None = None,
        bare: bool = False,
    ) -> None:
        self._deadline = time.monotonic() + timeout
        self._mark = str(folder / uuid.uuid4().hex)
        self._folder, self._filled, self._look = folder, False, 0.0
        self._free = shutil.disk_usage(folder).free
        scratch = folder / "scratch"
        scratch.mkdir()
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        environment |= {f"{library}_NUM_THREADS": str(threads) for library in THREADS}
        # A worker may start no process, so joblib must not try.
        environment |= {"LOKY_MAX_CPU_COUNT": str(threads), "JOBLIB_MULTIPROCESSING": "0"}
        usual = {name: str(scratch) for name in ("HOME", "TMPDIR", "TEMP", "TMP")} | {"TZ": "UTC", "LANG": "C.UTF-8"}
        environment |= {**({} if bare else usual), **(variables or {}), MARK: self._mark}
        self._process = subprocess.Popen(
            [str(python), "-I", "-X", "faulthandler", "-X", "utf8", str(script), str(folder)],
            cwd=place or scratch,
            env=environment,
            stdin=subprocess.PIPE if asked else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._printed = [_Tail(self._process.stdout), _Tail(self._process.stderr)]

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    def ask(self, line: str, answer: Path, timeout: float) -> Ended | None:
        """Send a line, and wait until the file `answer` is there; otherwise the worker has ended, or is killed."""
        assert self._process.stdin is not None
        self._deadline = time.monotonic() + timeout
        with suppress(OSError):  # a worker that has ended reads nothing
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()
        while not os.path.lexists(answer):
            if self._process.poll() is not None or time.monotonic() > self._deadline or self._fills_disk():
                return self.wait()
            time.sleep(POLL_SECONDS)
        return None

    def wait(self) -> Ended:
        """Wait for the end, or kill the worker at the timeout."""
        code: int | None = None
        while code is None and not self._fills_disk():
            try:
                code = self._process.wait(min(max(self._deadline - time.monotonic(), 0.01), DISK_SECONDS))
            except subprocess.TimeoutExpired:
                if time.monotonic() >= self._deadline:
                    break
        if code is None and not self._filled:
            with suppress(OSError):
                self._process.send_signal(signal.SIGABRT)  # on which faulthandler prints where it is
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(0.5)
        self._end()
        stdout, stderr = (tail.text() for tail in self._printed)
        return Ended(code, stdout, stderr, self._filled)

    def _fills_disk(self) -> bool:
        """Whether the disk has lost so much space that the worker must be stopped; it may write many files."""
        now = time.monotonic()
        if now >= self._look and not self._filled:
            self._look = now + DISK_SECONDS
            free = shutil.disk_usage(self._folder).free
            written = self._free - free
            self._filled = written > MOST_WRITTEN or (written > LITTLE and free < LEAST_FREE)
        return self._filled

    def _end(self) -> None:
        if hasattr(os, "killpg"):
            with suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)
        with suppress(OSError):
            self._process.kill()
        self._process.wait()
        for _ in range(SWEEPS):  # until no process is left that could start another
            if not _kill_marked(self._mark):
                break


def _kill_marked(mark: str) -> bool:
    """Kill the processes that carry the mark and have left the group (needs /proc); return whether there were any."""
    variable, killed = f"{MARK}={mark}".encode(), False
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if variable in path.read_bytes().split(b"\0"):
                os.kill(int(path.parent.name), signal.SIGKILL)
                killed = True
    return killed


class _Tail:
    """Reads a pipe to its end, however long it is, and keeps the last part."""

    def __init__(self, pipe: IO[bytes] | None) -> None:
        assert pipe is not None
        self._pipe = pipe
        self._kept = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with self._pipe:
            while data := os.read(self._pipe.fileno(), KEPT):
                self._kept = (self._kept + data)[-KEPT:]

    def text(self) -> str:
        self._thread.join(1.0)  # do not wait for a process that keeps the pipe open
        return self._kept.decode(errors="replace")
