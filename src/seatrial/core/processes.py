"""Whether a process is running, asked in a way that is safe on every system."""

import os


def is_running(pid: int) -> bool:
    """Whether a process has this id."""
    if os.name == "nt":
        return _is_running_on_windows(pid)
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True  # it belongs to another user
    except OSError:
        return False
    return True


def _is_running_on_windows(pid: int) -> bool:
    """Ask the kernel: `os.kill(pid, 0)` would end the process there."""
    import ctypes

    synchronize, wait_timeout = 0x0010_0000, 0x102
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 - exists on Windows only
    handle = kernel.OpenProcess(synchronize, False, pid)
    if not handle:
        return False
    try:
        return bool(kernel.WaitForSingleObject(handle, 0) == wait_timeout)
    finally:
        kernel.CloseHandle(handle)
