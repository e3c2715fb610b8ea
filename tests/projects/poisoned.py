"""A recipe that attacks whoever trains it; `PIPELINE` is its pipeline.py, and `python poisoned.py` the attacks alone.

Each attack is one of the ways out of the process that trains. What it did is in ~/attacks.json: "done", or the error.
"""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

FOLDER = Path.home()
AIMS: dict[str, Any] = {}
LIBC = ctypes.CDLL(None, use_errno=True)


def checked(result: int) -> None:
    """Raise the C library's error."""
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def environment() -> None:
    assert os.environ["TEAM_TOKEN"]


def judges_environment() -> None:
    Path(f"/proc/{AIMS['judge']}/environ").read_bytes()


def judges_memory() -> None:
    with Path(f"/proc/{AIMS['judge']}/mem").open("r+b"):
        pass


def secret() -> None:
    Path(AIMS["secret"]).read_text()


def secret_by_another_path() -> None:
    Path(f"/proc/self/root{AIMS['secret']}").read_text()


def outside() -> None:
    Path(AIMS["outside"], "written").write_text("x")


def table() -> None:
    with Path(AIMS["table"]).open("a") as file:
        file.write("1,red,x,1\n")


def code() -> None:
    with Path(__file__).open("a") as file:
        file.write("\n")


def mode() -> None:
    Path(AIMS["outside"]).chmod(0o755)


def link_outside() -> None:
    (FOLDER / "link").symlink_to(AIMS["secret"])


def pipe() -> None:
    os.mkfifo(FOLDER / "pipe")


def connect() -> None:
    socket.create_connection(("127.0.0.1", AIMS["port"]), timeout=2).close()


def datagram() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"token", ("127.0.0.1", AIMS["port"]))


def unix_socket() -> None:
    with socket.socket(socket.AF_UNIX) as sender:
        sender.connect(AIMS["control"])


def connect_below() -> None:
    port = int(AIMS["port"]).to_bytes(2, "big")
    address = (2).to_bytes(2, sys.byteorder) + port + bytes([127, 0, 0, 1]) + bytes(8)
    checked(LIBC.connect(LIBC.socket(2, 1, 0), address, 16))


def fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def fork_below() -> None:
    child = LIBC.fork()
    if child == 0:
        os._exit(0)
    checked(child)


def start() -> None:
    subprocess.run(["/bin/true"], check=False)


def signal_judge() -> None:
    os.kill(AIMS["judge"], signal.SIGCONT)


def limit_judge() -> None:
    import resource

    resource.prlimit(AIMS["judge"], resource.RLIMIT_NOFILE, resource.prlimit(AIMS["judge"], resource.RLIMIT_NOFILE))


ATTACKS = (
    environment, judges_environment, judges_memory, secret, secret_by_another_path, outside, table, code, mode,
    link_outside, pipe, connect, datagram, unix_socket, connect_below, fork, fork_below, start, signal_judge,
    limit_judge,
)  # fmt: skip


def attack() -> None:
    """Try everything, and write down what worked."""
    done = {}
    place = os.environ.get("AIMS") or Path(__file__).parents[2] / "aims.json"
    AIMS.update(json.loads(Path(place).read_text()))
    for each in ATTACKS:
        try:
            each()
            done[each.__name__] = "done"
        except BaseException as error:
            done[each.__name__] = f"{type(error).__name__}: {error}"
    (FOLDER / "attacks.json").write_text(json.dumps(done))


if __name__ == "__main__":
    attack()
