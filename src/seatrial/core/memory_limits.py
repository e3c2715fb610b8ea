"""How much memory this process may use, and how much of it is free."""

import os
from contextlib import suppress
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUPS = Path("/proc/self/cgroup")
MACHINE = Path("/proc/meminfo")
UNKNOWN_MEMORY = 4 * 2**30


def available_memory() -> int:
    """The memory of this process in bytes: the limit of its control group (version 1 or 2), or the machine's."""
    if os.name == "nt":
        return UNKNOWN_MEMORY
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([physical, *_cgroup_limits()])


def _cgroup_limits() -> list[int]:
    """The limits of this process's control group and of those above it. In a container its own is the mounted root."""
    found = []
    with suppress(OSError):
        for line in OWN_CGROUPS.read_text("utf-8").splitlines():
            _, controllers, name = line.split(":", 2)
            if controllers not in ("", "memory"):
                continue
            root, file = (CGROUPS, "memory.max") if not controllers else (CGROUPS / "memory", "memory.limit_in_bytes")
            folder = root / name.lstrip("/")
            for each in (folder, *folder.parents):
                if each.is_relative_to(root):
                    with suppress(OSError, ValueError):  # "max" is not a number
                        found.append(int((each / file).read_text("ascii")))
    return found


def resident() -> int:
    """The resident memory of this process in bytes; 0 where it cannot be read."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def free_memory() -> int | None:
    """The bytes that this process can still take without swapping; None where the system does not say."""
    with suppress(OSError, ValueError, IndexError):
        line = next(line for line in MACHINE.read_text("ascii").splitlines() if line.startswith("MemAvailable:"))
        return max(min(int(line.split()[1]) * 1024, available_memory() - resident()), 0)
    return None
