"""Which cases a run tries, and in which order: a part of a run is a fair part of the whole."""

import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.detection.projects import MODELS, Source, read_source, sources_in, write_project
from benchmarks.tables.gathered import FRESH

KINDS = ("harmless", "new-rows", "catalogue", "all")
Line = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What to run. `count` tables are drawn from the group of fresh ones by `first_seed`; `end` is a monotonic time.

    `share` is the share of cases that are tried, `new_row_share` that of faults of new rows; by a checksum of their
    names, so that a run that is continued tries the same ones.
    """

    folder: Path
    groups: tuple[str, ...]
    tables: tuple[str, ...] = ()
    count: int | None = None
    models: tuple[str, ...] = MODELS
    first_seed: int = 0
    seeds: int = 5
    kinds: tuple[str, ...] = ("harmless", "new-rows")
    share: float = 1.0
    new_row_share: float = 1.0
    end: float | None = None
    commit: str = ""


@dataclass(frozen=True)
class Setup:
    """One scenario to open: a table, a model, a seed, and whether its rows are in the order of time."""

    source: Source
    model: str
    seed: int
    timed: bool

    @property
    def about(self) -> Line:
        """What each line of results has of it."""
        return {
            "source": self.source.name, "role": self.source.role, "model": self.model, "seed": self.seed,
            "timed": self.timed,
        }  # fmt: skip


def share_of(text: str) -> float:
    """Read a share such as 1/4 or 0.25."""
    return float(Fraction(text))


def chosen_sources(plan: Plan) -> list[Source]:
    """The tables of a plan; of fresh ones, those that its seed draws."""
    sources = sources_in(plan.folder)
    unknown = set(plan.tables) - set(sources)
    if unknown:
        raise SystemExit(f"no such tables in {plan.folder}: {', '.join(sorted(unknown))}")
    found = [source for source in sources.values() if source.role in plan.groups]
    if plan.tables:
        found = [source for source in found if source.name in plan.tables]
    if plan.count is not None and plan.groups == (FRESH,):
        order = np.random.default_rng(plan.first_seed).permutation(len(found))[: plan.count]
        found = [found[k] for k in order.tolist()]
    return found


def setups(plan: Plan, sources: list[Source]) -> list[Setup]:
    """All scenarios, split by split; within one, the tables in random order, and their models in turn."""
    found = []
    for seed in range(plan.seeds):
        order = np.random.default_rng([plan.first_seed, seed]).permutation(len(sources)).tolist()
        for turn in range(len(plan.models)):
            for place, k in enumerate(order):
                model = plan.models[(place + turn + seed) % len(plan.models)]
                found.append(Setup(sources[k], model, seed, timed=False))
                if sources[k].time:
                    found.append(Setup(sources[k], model, seed, timed=True))
    return found


def is_sampled(setup: Setup, kind: str, name: str, share: float) -> bool:
    """Whether a case is among the share that is tried."""
    text = f"{setup.source.name} {setup.model} {setup.seed} {setup.timed} {kind} {name}"
    return zlib.crc32(text.encode()) / 2**32 < share


def run_plan(plan: Plan, folder: Path, finished: Iterable[Line], say: Callable[[str], None]) -> Iterator[Line]:
    """Run the cases that are not finished, and yield a line for each, until the plan's end."""
    done = {_key(line) for line in finished}
    tables: dict[str, dict[str, list[str]]] = {}
    for setup in setups(plan, chosen_sources(plan)):
        if (*_key({**setup.about, "kind": "end", "name": " ".join(plan.kinds)}),) in done:
            continue
        if _over(plan):
            return
        say(f"{setup.source.name}, {setup.model}, split {setup.seed}{', in time' if setup.timed else ''}")
        about = {**setup.about, "commit": plan.commit}
        if setup.source.name not in tables:
            tables[setup.source.name], _ = read_source(setup.source, plan.folder)
        try:
            yield from _scenario(plan, setup, folder, tables[setup.source.name], about, done)
        except Exception as error:
            say(f"  left out: {type(error).__name__}: {error}")
            yield {**about, "kind": "left out", "name": f"{type(error).__name__}: {error}"[:300]}
        if not _over(plan):
            yield {**about, "kind": "end", "name": " ".join(plan.kinds)}


def _scenario(
    plan: Plan, setup: Setup, folder: Path, table: dict[str, list[str]], about: Line, done: set[tuple[Any, ...]]
) -> Iterator[Line]:
    from benchmarks.detection.cases import catalogue_cases, timed
    from benchmarks.detection.harmless import harmless_cases
    from benchmarks.detection.new_row_cases import new_row_cases
    from benchmarks.detection.scenarios import open_scenario
    from seatrial.trial.policy import Policy

    project = folder / f"{setup.source.name}_{setup.model}"
    if not project.exists():
        write_project(setup.source, setup.model, table, project)
    scenario = open_scenario(project, setup.seed, Policy(), timed=setup.timed)
    makers = {"harmless": harmless_cases, "new-rows": new_row_cases, "catalogue": catalogue_cases}
    for kind, cases in makers.items():
        if not {kind, "all"} & set(plan.kinds) or (kind == "catalogue" and setup.timed):
            continue
        share = plan.share * (plan.new_row_share if kind == "new-rows" else 1)
        for case in cases(scenario):
            known = _key({**about, "kind": case.kind, "name": case.name}) in done
            if known or not is_sampled(setup, case.kind, case.name, share):
                continue
            if _over(plan):
                return
            yield {**about, **timed(case)}


def _key(line: Line) -> tuple[Any, ...]:
    return line["source"], line["model"], line["seed"], line.get("timed", False), line["kind"], line["name"]


def _over(plan: Plan) -> bool:
    return plan.end is not None and time.monotonic() > plan.end
