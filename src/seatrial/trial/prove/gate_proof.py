"""The proof of a gate: faults and harmless changes tried on the candidate, each with the trial's result."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seatrial import __version__
from seatrial.core.progress import Progress, silent
from seatrial.trial.policy import Policy
from seatrial.trial.prove.attempts import FAMILIES, Attempt, Result, diagnose
from seatrial.trial.prove.behaviour_faults import behaviour_attempts
from seatrial.trial.prove.injection import inject_all
from seatrial.trial.prove.proof_setup import set_up_proof
from seatrial.trial.prove.retrained_candidates import Lab
from seatrial.trial.prove.serving_faults import column_mutants, mutants
from seatrial.trial.prove.trainer import Trainer
from seatrial.wheels.sources import WheelSource
from seatrial.wheels.wheel import WheelInfo

SCHEMA = 2  # of the JSON document; raised when a reader of the old one would misread the new one
QUICK = "--quick leaves out everything that needs training."
LONG = "--quick leaves out everything that is asked in other conditions, or for a long time."
SKIPPED_IF_QUICK = {**dict.fromkeys(("training code", "training data", "harmless"), QUICK), "behaviour": LONG}


@dataclass(frozen=True)
class GateProof:
    """How well a project's gate works with its model, data and policy. `skipped` says what was not tried, and why."""

    name: str
    version: str
    sha256: str
    kind: str
    attempts: tuple[Attempt, ...]
    rows: dict[str, int]
    policy: dict[str, Any]
    skipped: dict[str, str]
    seconds: float = 0.0
    started: str = ""  # UTC, ISO 8601
    seatrial: str = ""
    schema: int = SCHEMA

    def of(self, *results: Result) -> tuple[Attempt, ...]:
        """The attempts with one of these results, such as "missed"."""
        return tuple(attempt for attempt in self.attempts if attempt.result in results)

    @property
    def exit_code(self) -> int:
        """0 if every fault that changes anything was caught and no harmless change was blocked, otherwise 1."""
        return int(bool(self.of("missed", "blocked")) or not self.of("caught"))

    @property
    def headline(self) -> str:
        """The result in one line."""
        caught, missed = len(self.of("caught")), len(self.of("missed"))
        blocked, harmless = len(self.of("blocked")), len(self.of("blocked", "passed"))
        same = len(self.of("unchanged"))
        unchanged = f" ({same} more change{'s' if same == 1 else ''} no answer)" if same else ""
        return (
            f"{caught} of {caught + missed} injected faults {'was' if caught == 1 else 'were'} caught{unchanged}; "
            f"{blocked or 'none'} of {harmless} harmless changes {'was' if blocked < 2 else 'were'} blocked"
        )

    def counts(self) -> Iterator[tuple[str, int, int, int]]:
        """Count each family: caught, missed, unchanged; for harmless changes: passed, blocked, 0."""
        for family in FAMILIES:
            results: list[str] = [attempt.result for attempt in self.attempts if attempt.family == family]
            if results:
                good, bad = ("passed", "blocked") if family == "harmless" else ("caught", "missed")
                yield family, results.count(good), results.count(bad), results.count("unchanged")

    def to_document(self) -> dict[str, Any]:
        """Give the JSON document."""
        return asdict(self)


def prove(
    candidate: Path | WheelInfo,
    trainer: Trainer,
    *,
    policy: Policy,
    index: WheelSource | None = None,
    quick: bool = False,
    progress: Progress = silent,
) -> GateProof:
    """Prove the gate with this candidate; `quick` leaves out what needs training or many calls.

    Raises NotComparedError where the candidate cannot be asked, even without a fault.
    """
    clock, started = time.monotonic(), datetime.now(UTC)
    setup = set_up_proof(candidate, trainer, policy, index, progress)
    progress("injecting faults into the candidate")
    checks, attempts = inject_all(setup, [*mutants(setup.model), *column_mutants(setup.columns, setup.model)])
    # The sound candidate is the first harmless change: if it does not pass, no other can.
    diagnosis = diagnose(checks, policy)
    result: Result = "blocked" if diagnosis.stopped else "passed"
    attempts.append(Attempt("as it is", "harmless", "the wheel exactly as it was built", result, **vars(diagnosis)))
    if not quick:
        progress("injecting faults of behaviour")
        attempts += behaviour_attempts(setup)
        lab = Lab(setup, progress)
        attempts += [*lab.code_attempts(), *lab.data_attempts(), *lab.harmless_attempts()]
    wheel, queries = setup.sandbox.wheel, setup.queries
    return GateProof(
        name=wheel.name,
        version=wheel.version,
        sha256=wheel.sha256,
        kind=policy.kind,
        attempts=tuple(attempts),
        rows={"golden": len(setup.golden.rows), "reference": queries.size, "made-up": len(queries.probed)},
        policy=policy.model_dump(),
        skipped=SKIPPED_IF_QUICK if quick else {},
        seconds=round(time.monotonic() - clock, 2),
        started=started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        seatrial=__version__,
    )
