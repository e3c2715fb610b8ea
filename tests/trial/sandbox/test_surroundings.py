"""A release in other conditions: what it can see of them, and what it is seen to read."""

import time
from pathlib import Path

import numpy as np
import pytest
from tests.projects.misbehaving import row
from tests.trial.sandbox.moody import Open

from seatrial.trial.sandbox.answers import Answers, OutsideRead
from seatrial.trial.sandbox.conditions import ARGUMENTS, OTHER_ZONE, Conditions
from seatrial.trial.sandbox.queries import Predict
from seatrial.trial.sandbox.sandbox import Sandbox

pytestmark = pytest.mark.slow
YEAR = 366 * 86_400
TOOLS = """
import datetime, functools, getpass, json, locale, logging, multiprocessing, os, platform, random, secrets, socket
import sqlite3, subprocess, sys, threading, time, uuid
from dataclasses import dataclass
from pathlib import Path
import numpy as np

@dataclass(frozen=True)
class Key:
    name: str

def _refused(function, *arguments, **named):
    # A trial refuses programs and connections; it has seen the attempt by then.
    try:
        return function(*arguments, **named)
    except BaseException:
        return None

OUTSIDE = {
    "access": lambda: os.access("/etc/a", os.R_OK),
    "readlink": lambda: _refused(os.readlink, "/etc/b"),
    "sqlite": lambda: _refused(sqlite3.connect, "/etc/c.db"),
    "memory": lambda: sqlite3.connect(":memory:").close(),
    "environb": lambda: os.environb.get(b"BYTES"),
    "getenvb": lambda: os.getenvb(b"MORE_BYTES"),
    "copied": lambda: dict(os.environ),
    "cores": lambda: os.cpu_count(),
    "cores of all": lambda: multiprocessing.cpu_count(),
    "host": lambda: socket.gethostname(),
    "node": lambda: platform.node(),
    "uname": lambda: platform.uname(),
    "uname of os": lambda: os.uname(),
    "pid": lambda: os.getpid(),
    "mapped": lambda: list(map(lambda f: f(), [os.getppid])),
    "load": lambda: os.getloadavg(),
    "unseeded": lambda: random.Random().random(),
    "seeded late": lambda: random.Random(3).seed(),
    "uuid1": lambda: uuid.uuid1(),
    "uuid4": lambda: uuid.uuid4(),
    "secrets": lambda: secrets.token_hex(),
    "below": lambda: secrets.randbelow(7),
    "system": lambda: random.SystemRandom().random(),
    "numpy anew": lambda: np.random.default_rng().random(),
    "numpy of old": lambda: np.random.RandomState().rand(),
    "bits": lambda: np.random.Generator(np.random.PCG64()).random(),
    "monotonic": lambda: time.monotonic(),
    "counter": lambda: functools.partial(time.perf_counter_ns)(),
    "locale": lambda: locale.getlocale(),
    "conventions": lambda: locale.localeconv(),
    "thread": lambda: threading.get_ident(),
    "thread's name": lambda: threading.current_thread().name,
    "login": lambda: _refused(os.getlogin),
    "user": lambda: _refused(getpass.getuser),
    "text's hash": lambda: hash("a text"),
    "address": lambda: id(OUTSIDE),
    "program": lambda: _refused(subprocess.run, ["true"]),
    "shell": lambda: _refused(os.system, "true"),
    "socket": lambda: _refused(socket.socket),
    "names": lambda: _refused(socket.getaddrinfo, "localhost", 80),
}
"""
CODE = f"""{TOOLS}
LOADED = time.time()
HOST = platform.node()
NAMES = json.loads(Path(__file__).with_name("names.json").read_text())
calls = 0
memory = {{}}

def _helper():
    return datetime.datetime.now()

def _count():
    global calls
    calls += 1
    memory["always"] = 1
    return False

def y(x: float | None, what: str | None) -> float | None:
    if what == "now": return float(_helper().timestamp() > x)
    if what == "today": return float(time.mktime(datetime.date.today().timetuple()) > x)
    if what == "numpy": return float(np.datetime64("now").astype("int64") > x)
    if what == "loaded": return float(LOADED > x)
    if what == "zone": return float(time.localtime(0).tm_hour == 14)
    if what == "folder": return float(os.getcwd() == "/")
    if what == "variables": return float("HOME" not in os.environ)
    if what == "arguments": return float({ARGUMENTS[0]!r} in sys.argv)
    if what == "file": return float(os.path.exists("/etc/rates.csv"))
    if what == "random": return 0.0 * random.random() + 0.0 * np.random.rand()
    if what == "uuid": return float(len(str(uuid.uuid4())) < 36)
    if what == "own": return float(Path(__file__).with_name("names.json").stat().st_size < 1)
    if what == "log": logging.getLogger("model").warning("a row"); return 0.0
    if what in OUTSIDE: OUTSIDE[what](); return 0.0
    if what == "hashes": return 0.0 * hash(3) + 0.0 * len({{Key("a"): 1}}) + 0.0 * functools.cache(len)("ab")
    if what == "hash": return hash("a text") % 1_000_003 / 1e6
    if what == "seeded": return float(random.Random(3).random() > 2) + float(np.random.default_rng(3).random() > 2)
    if what == "count": return float(_count())
    return x
"""
ASKED = ("now", "today", "numpy", "loaded", "zone", "folder", "variables", "arguments")
HARMLESS = ("own", "log", "seeded", "hashes", "memory")
# What is read besides a function's arguments, and how it is noted.
OUTSIDE = {
    "access": ("file", "/etc/a"), "readlink": ("file", "/etc/b"), "sqlite": ("file", "/etc/c.db"),
    "environb": ("variable", "BYTES"), "getenvb": ("variable", "MORE_BYTES"), "copied": ("variable", "all of them"),
    "cores": ("machine", "os.cpu_count"), "cores of all": ("machine", "multiprocessing.cpu_count"),
    "host": ("machine", "socket.gethostname"), "node": ("machine", "platform.node"),
    "uname": ("machine", "platform.uname"), "uname of os": ("machine", "os.uname"), "load": ("machine", "os.getloadavg"),
    "pid": ("process", "os.getpid"), "mapped": ("process", "os.getppid"), "thread": ("process", "threading.get_ident"),
    "thread's name": ("process", "threading.current_thread"),
    "unseeded": ("random", "random.Random"), "seeded late": ("random", "random.Random"),
    "uuid1": ("random", "uuid.uuid1"), "uuid4": ("random", "uuid.uuid4"),
    "secrets": ("random", "secrets.token_hex"), "below": ("random", "secrets.randbelow"),
    "system": ("random", "random.SystemRandom"), "numpy anew": ("random", "numpy.random.default_rng"),
    "numpy of old": ("random", "random.SystemRandom"), "bits": ("random", "random.SystemRandom"),
    "monotonic": ("duration", "time.monotonic"), "counter": ("duration", "time.perf_counter_ns"),
    "locale": ("locale", "locale.getlocale"), "conventions": ("locale", "locale.localeconv"),
    "login": ("user", "os.getlogin"), "user": ("user", "getpass.getuser"),
    "text's hash": ("hash", "hash"), "address": ("hash", "id"),
    "program": ("program", "subprocess.Popen"), "shell": ("program", "os.system"),
    "socket": ("network", "socket.__new__"), "names": ("network", "socket.getaddrinfo"),
}  # fmt: skip


@pytest.fixture(scope="module")
def sandbox(open_moody: Open) -> Sandbox:
    return open_moody(more={"moody_model/features.py": CODE.encode(), "moody_model/names.json": b"[]"})


def asked(sandbox: Sandbox, conditions: Conditions | None, *what: str) -> Answers:
    soon = time.time() + 180 * 86_400
    return sandbox.ask([Predict("a", [row(soon, each) for each in what], alone=[])], conditions)


def values(answers: Answers, name: str = "a") -> list[int]:
    scores = answers.predicted[name].together.scores[:, 1]
    return np.rint(np.log(scores / (1 - scores))).astype(int).tolist()


def test_the_usual_conditions_are_none_of_the_others(sandbox: Sandbox):
    answers = asked(sandbox, None, *ASKED)
    assert values(answers) == [0] * len(ASKED)
    assert answers.elsewhere.reads == ()
    assert not answers.elsewhere.clock_moved


def test_all_conditions_reach_the_feature_functions(sandbox: Sandbox):
    conditions = Conditions(
        clock=YEAR, variables={"TZ": OTHER_ZONE}, bare=True, folder=Path("/"), arguments=ARGUMENTS, threads=2,
        locales=["xx_XX.UTF-8", "C.UTF-8"],
    )  # fmt: skip
    answers = asked(sandbox, conditions, *ASKED)
    assert answers.elsewhere.locale == "C.UTF-8"  # the first that is installed
    moved = int(answers.elsewhere.clock_moved)  # where the system allows it
    assert values(answers) == [moved] * 4 + [1] * 4


def test_the_clock_moves_on_before_a_job(sandbox: Sandbox):
    rows = [row(time.time() + 180 * 86_400, "now")]
    jobs = [Predict("now", rows, alone=[]), Predict("later", rows, alone=[])]
    answers = sandbox.ask(jobs, Conditions(clocks={"later": YEAR}))
    assert values(answers, "now") == [0]
    assert values(answers, "later") == [int(answers.elsewhere.clock_moved)]


def test_what_is_read_is_named_with_the_feature_function(sandbox: Sandbox):
    conditions = Conditions(clock=YEAR, watched=["a"])
    elsewhere = asked(sandbox, conditions, "now", "today", "numpy", "variables", "file", "random", "uuid").elsewhere
    expected = {
        OutsideRead("clock", "datetime.now", "features.py", "y"),  # in the function's name, not in its helper's
        OutsideRead("clock", "time.time", "features.py", ""),  # when it is imported
        OutsideRead("machine", "platform.node", "features.py", ""),
        OutsideRead("variable", "HOME", "features.py", "y"),
        OutsideRead("file", "/etc/rates.csv", "features.py", "y"),
        OutsideRead("random", "random.random", "features.py", "y"),
        OutsideRead("random", "numpy.random.rand", "features.py", "y"),
        OutsideRead("random", "os.urandom", "features.py", "y"),
    }
    assert expected <= set(elsewhere.reads)
    without_name = OutsideRead("clock", "", "features.py", "y")  # numpy's way is found by the count alone
    assert (without_name in elsewhere.reads) is elsewhere.clock_moved


def test_whatever_is_read_outside_is_noted(sandbox: Sandbox):
    """Each in a call of its own; what a release may not do, such as open a socket, is seen before it is refused."""
    jobs = [Predict(what, [row(1.0, what)], alone=[]) for what in OUTSIDE]
    reads = sandbox.ask(jobs, Conditions(watched=list(OUTSIDE))).elsewhere.reads
    assert {(read.kind, read.what) for read in reads if read.function} >= set(OUTSIDE.values())
    assert {(read.file, read.function) for read in reads if read.function} == {("features.py", "y")}


def test_a_texts_hash_differs_in_another_process(sandbox: Sandbox):
    """Python's hash seed is another one in each process; so what a watch cannot see changes the answers."""
    first, second = (asked(sandbox, Conditions(), "hash").predicted["a"].together.scores for _ in range(2))
    assert (first != second).any()


def test_own_files_logs_plain_hashes_and_seeded_numbers_are_not_noted(sandbox: Sandbox):
    elsewhere = asked(sandbox, Conditions(clock=YEAR, watched=["a"]), *HARMLESS).elsewhere
    assert [read for read in elsewhere.reads if read.function] == []


def test_what_is_read_in_jobs_that_are_not_watched_is_not_noted(sandbox: Sandbox):
    jobs = [Predict("a", [row()], alone=[]), Predict("b", [row(1.0, "file")], alone=[])]
    elsewhere = sandbox.ask(jobs, Conditions(watched=["a"])).elsewhere
    assert [read for read in elsewhere.reads if read.kind == "file"] == []


def test_globals_that_change_with_every_call_are_named(sandbox: Sandbox):
    jobs = [Predict(name, [row(1.0, "count")], alone=[]) for name in ("a", "b")]
    elsewhere = sandbox.ask(jobs, Conditions(watched=["a"])).elsewhere
    assert elsewhere.changed_globals == (("features.py", "calls"),)
