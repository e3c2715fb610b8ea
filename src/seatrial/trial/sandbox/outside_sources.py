"""Which functions read something besides their arguments, and what. Loaded by path, in the sandbox's environment.

`outside_reads` watches them. What C code reads by itself, without one of these, is found only where a trial asks in
other conditions: another process, day, time zone, locale or folder. Only the standard library is used.
"""

import random
from types import CodeType

# Noted where the model's package calls them itself: libraries ask for these all the time, and mean no harm.
DIRECT: dict[str, dict[str, tuple[str, ...]]] = {
    "duration": {
        "time": tuple(
            f"{clock}{unit}"
            for clock in ("monotonic", "perf_counter", "process_time", "thread_time")
            for unit in ("", "_ns")
        )
    },
    "machine": {
        "os": ("cpu_count", "process_cpu_count", "getloadavg", "uname", "sched_getaffinity"),
        "multiprocessing": ("cpu_count",),
        "platform": (
            "node",
            "uname",
            "platform",
            "processor",
            "machine",
            "version",
            "release",
            "freedesktop_os_release",
        ),
        "socket": ("getfqdn",),
        "uuid": ("getnode",),
    },
    "process": {
        "os": ("getpid", "getppid", "getpgrp", "times"),
        "threading": ("get_ident", "get_native_id", "current_thread", "active_count"),
        "resource": ("getrusage",),
    },
    "user": {
        "os": ("getlogin", "getuid", "geteuid", "getgid", "getegid", "getgroups"),
        "getpass": ("getuser",),
    },
    "locale": {
        "locale": ("getlocale", "setlocale", "localeconv", "nl_langinfo", "getencoding", "getpreferredencoding"),
    },
    "random": {"uuid": ("uuid1", "uuid4", "uuid6", "uuid7")},
}
MODULES = tuple(dict.fromkeys(module for modules in DIRECT.values() for module in modules))
# Functions that are given a path, and look at what is there without opening it.
LOOK_AT_FILES = ("stat", "lstat", "access", "readlink", "statvfs", "getxattr", "listxattr", "pathconf")
# What Python's audit hooks report, and its kind; of files, the first argument is the path.
EVENTS: dict[str, str] = {
    **dict.fromkeys(("open", "os.listdir", "os.scandir", "sqlite3.connect", "ctypes.dlopen"), "file"),
    **dict.fromkeys(
        ("socket.__new__", "socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr",
         "socket.getnameinfo", "socket.getservbyname", "urllib.Request"),
        "network",
    ),
    **dict.fromkeys(
        ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty"), "program"
    ),
    "socket.gethostname": "machine",
}  # fmt: skip
NO_FILES = (":memory:", "", "/dev/null")
# Whose hash or address is the same in each process.
STABLE = (int, float, complex, bool, type(None))


def unseeded() -> dict[CodeType, tuple[str, str]]:
    """The functions of `random` that draw from the system, with what to say, and the argument that is a seed.

    Whatever is drawn by `secrets`, or by numpy without a seed, goes through them, even where it was imported early.
    """
    system = [(getattr(random.SystemRandom, name), "") for name in ("random", "getrandbits", "randbytes")]
    seeded = [(random.Random.__init__, "x"), (random.Random.seed, "a")]
    named = {function.__code__: ("random.SystemRandom", seed) for function, seed in system}
    return named | {function.__code__: ("random.Random", seed) for function, seed in seeded}
