"""The cases: which streams are made, from which tables, with which seeds. Development and report share none."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path

import numpy as np

from benchmarks.watch.faults import LABEL_WAIT, TIME_ZONE, Fault
from benchmarks.watch.populations import Population, make_population
from benchmarks.watch.real_tables import DEVELOPMENT, REPORT, TABLES
from benchmarks.watch.releases import Trained, train_release
from benchmarks.watch.sizes import Sizes
from benchmarks.watch.streams import Stream
from benchmarks.watch.traffic import BEGIN, DAY, Traffic

SETS = {"development": (DEVELOPMENT, 100), "report": (REPORT, 400)}  # 200 and 300 were seen before the watch was ready
RARE, WIDE = 0.03, 60
QUIET_TRAFFIC = (  # kind, rows a day, days
    ("plain", 200, 365), ("season", 200, 365), ("weekdays", 1_000, 365), ("growth", 200, 365), ("nights", 1_000, 182),
    ("bursts", 1_000, 182), ("rare", 1_000, 182), ("deployment", 500, 182), ("wide", 200, 182), ("plain", 20_000, 60),
)  # fmt: skip
HISTORY = 28  # quiet days before a fault
FAULT_RATES = (200, 2_000, 500, 5_000, 20_000)
LONGEST = 60  # days of a sudden fault: at 200 rows a day, a fault of a twentieth of the rows takes 50 for 500
MODELS = ("linear", "boosted")


@dataclass(frozen=True)
class Case:
    """One stream to be made: a table, a seed, traffic, and the number of a fault, -1 for none."""

    table: str
    seed: int
    kind: str
    rows_a_day: int
    days: int
    fault: str = ""

    @property
    def name(self) -> str:
        """Its name, which is unique."""
        return f"{self.table} {self.seed} {self.kind} {self.rows_a_day}/day" + (f" {self.fault}" if self.fault else "")

    @property
    def wide(self) -> bool:
        """Whether the table gets columns without meaning, up to 80 and more in all."""
        return self.kind == "wide"


def quiet_cases(of: str, seeds: int) -> Iterator[Case]:
    """Quiet streams, in such an order that the part that is done is a fair part of all."""
    tables, first = SETS[of]
    for seed in range(first, first + seeds):
        for turn in range(len(QUIET_TRAFFIC)):
            for place, table in enumerate(tables):
                kind, rows, days = QUIET_TRAFFIC[(turn + 3 * place + seed) % len(QUIET_TRAFFIC)]
                if kind == "rare" and TABLES[table].task == "regression":
                    kind = "plain"
                yield Case(table, seed, kind, rows, days)


def fault_cases(of: str, seeds: int, data: Path, work: Path) -> Iterator[Case]:
    """Streams with a fault each: all faults that cost enough on a table; tables and rates of traffic take turns."""
    tables, first = SETS[of]
    for seed in range(first, first + seeds):
        for together in zip_longest(*(_faults_of_table(table, seed, data, work) for table in tables)):
            yield from (case for case in together if case)


def _faults_of_table(table: str, seed: int, data: Path, work: Path) -> Iterator[Case]:
    start = seed + len(table)
    for place, fault in enumerate(faults_of(table, seed, data, work)):
        rate = FAULT_RATES[(place + start) % len(FAULT_RATES)]
        yield Case(table, seed, "plain", min(rate, 2_000) if fault.slow else rate, HISTORY, fault.name)
    if table != "titanic":  # whose project has its own schema
        yield Case(table, seed, "clock", FAULT_RATES[start % 3], HISTORY, TIME_ZONE.name)


@lru_cache(maxsize=16)
def made(table: str, seed: int, kind: str, data: Path, work: Path) -> tuple[Population, Trained]:
    """The population and the release of a case."""
    wide, rare = (WIDE if kind == "wide" else 0), (RARE if kind == "rare" else 0.0)
    population = make_population(TABLES[table], data, seed, wide=wide, rare=rare, clock=kind == "clock")
    model = MODELS[(seed + len(table)) % 2]
    return population, train_release(population, work / f"{table}-{seed}-{kind}", seed, model=model)


@lru_cache(maxsize=64)
def faults_of(table: str, seed: int, data: Path, work: Path) -> tuple[Fault, ...]:
    """All faults of a table."""
    population, trained = made(table, seed, "plain", data, work)
    sizes = Sizes(population, trained, seed)
    return (*sizes.sudden(), *sizes.slow())


def stream_of(case: Case, data: Path, work: Path) -> Stream:
    """Make a case's stream."""
    shared = case.kind if case.kind in ("wide", "rare", "clock") else "plain"
    population, trained = made(case.table, case.seed, shared, data, work)
    seed = zlib.crc32(case.name.encode()) % 50_000
    traffic = Traffic(case.kind, case.rows_a_day)
    if not case.fault:
        successor = None
        if case.kind == "deployment":
            folder = work / f"{case.table}-{case.seed}-next"
            model = MODELS[(case.seed + len(case.table)) % 2]
            successor = train_release(population, folder, case.seed + 50, version="0.1.1", model=model)
        return Stream(case.name, population, trained, traffic, case.days, seed, successor=successor)
    if case.fault == TIME_ZONE.name:
        fault = TIME_ZONE
    else:
        fault = next(each for each in faults_of(case.table, case.seed, data, work) if each.name == case.fault)
    begin = BEGIN + HISTORY * DAY + int(np.random.default_rng(seed).random() * DAY)
    days = HISTORY + 1 + (int(fault.days) if fault.slow else LONGEST) + LABEL_WAIT
    return Stream(case.name, population, trained, traffic, days, seed, fault, begin)
