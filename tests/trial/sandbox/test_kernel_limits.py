"""What the kernel refuses to a confined process, each tried with a system call; outside of it, each succeeds."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from seatrial.trial.sandbox import kernel_limits

SCRIPT = """
import ctypes, fcntl, json, os, socket, sys
sys.path.insert(0, sys.argv[1])
from seatrial.trial.sandbox import kernel_limits
victim, folder, confined = sys.argv[2], sys.argv[3], sys.argv[4] == "yes"
if confined:
    assert kernel_limits.confine([sys.prefix, sys.base_prefix, sys.argv[1]], [folder])
libc = ctypes.CDLL(None, use_errno=True)

def call(name, *arguments):
    number = kernel_limits.REFUSED[os.uname().machine].get(name)
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), name)

def signal_by_descriptor(command, value):
    one, other = socket.socketpair()
    fcntl.fcntl(one, command, value)

def netlink():
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).close()

def listen():
    with socket.socket() as listener:
        listener.listen()

def shared_memory():
    segment = libc.shmget(0, 4096, 0o1600)
    if segment < 0:
        raise OSError(ctypes.get_errno(), "shmget")
    libc.shmctl(segment, 0, None)

attacks = {
    "change times": lambda: call("utimensat", -100, victim.encode(), None, 0),
    "cut off": lambda: call("truncate", victim.encode(), 1),
    "watch": lambda: call("inotify_add_watch", libc.inotify_init(), victim.encode(), 0xFFF),
    "open a process": lambda: call("pidfd_open", os.getppid(), 0),
    "priority": lambda: call("setpriority", 0, os.getpid(), 1),
    "owner of a signal": lambda: signal_by_descriptor(fcntl.F_SETOWN, os.getppid()),
    "kind of a signal": lambda: signal_by_descriptor(10, 9),
    "netlink": netlink,
    "listen": listen,
    "shared memory": shared_memory,
    "read": lambda: open(victim).close(),
    "read the parent's environment": lambda: open(f"/proc/{os.getppid()}/environ").close(),
}
result = {}
for name, attack in attacks.items():
    try:
        attack()
        result[name] = "done"
    except OSError:
        result[name] = "refused"
socket.socket().close()
socket.socketpair()[0].close()
fcntl.fcntl(0, fcntl.F_GETFD)
print(json.dumps(result))
"""


@pytest.mark.skipif(bool(kernel_limits.missing()), reason=kernel_limits.missing() or "-")
def test_nothing_outside_can_be_reached(tmp_path: Path) -> None:
    victim, folder = tmp_path / "victim", tmp_path / "folder"
    victim.write_text("something")
    folder.mkdir()
    os.utime(victim, (0, 0))

    def attacked(confined: str) -> dict[str, str]:
        source = str(Path(kernel_limits.__file__).parents[3])
        command = [sys.executable, "-I", "-c", SCRIPT, source, str(victim), str(folder), confined]
        done = subprocess.run(command, capture_output=True, check=True, text=True)
        return dict(json.loads(done.stdout))

    assert set(attacked("yes").values()) == {"refused"}
    assert victim.read_text() == "something"
    assert victim.stat().st_mtime == 0
    assert set(attacked("no").values()) == {"done"}


def test_what_a_system_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_limits.platform, "machine", lambda: "riscv64")
    if sys.platform == "linux":
        assert "riscv64" in kernel_limits.missing()
    monkeypatch.setattr(kernel_limits.sys, "platform", "darwin")
    assert kernel_limits.missing() == "only Linux can enforce that"
