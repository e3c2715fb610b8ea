"""The faults of behaviour: a candidate that reads the clock, or keeps something of every row, tried as in a trial."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from seatrial.trial.behaviour_trial import BehaviourTrial, Moved
from seatrial.trial.prove import behaviour_transforms
from seatrial.trial.prove.attempts import Attempt, Result, diagnose, failed_names
from seatrial.trial.prove.proof_setup import ProofSetup
from seatrial.trial.records import NotComparedError
from seatrial.trial.sandbox.conditions import Conditions
from seatrial.trial.sandbox.queries import InjectedFault

CALLS = 200  # after which a fault of state shows; slow models are asked that often in a trial as well
ADVICE = "The suite `behaviour` did not see it with this model: look at how often it is asked, and for how long."


@dataclass(frozen=True)
class BehaviourFault:
    """One fault: what a feature function does; the condition that is tried alone, and whether it needs many calls."""

    name: str
    sentence: str
    alone: tuple[str, ...] = ()
    lasting: bool = False


BEHAVIOUR_FAULTS = (
    BehaviourFault("clock", "a feature function reads the clock, and the answers change next year", alone=("date",)),
    BehaviourFault("variable", "a feature function reads an environment variable, and the answers change if it is set"),
    BehaviourFault("file", "a feature function looks for a file outside of the package"),
    BehaviourFault("random", "a feature function adds random numbers", alone=("process",)),
    BehaviourFault("leak", "a feature function keeps 20 kB of every call", lasting=True),
    BehaviourFault("cache", "a feature function has a cache without a limit", lasting=True),
    BehaviourFault("state", f"the answers change after {CALLS} calls", lasting=True),
)


def behaviour_attempts(setup: ProofSetup) -> Iterator[Attempt]:
    """Try each fault of behaviour; nothing where the sound candidate cannot be asked in other conditions."""
    sound = Moved(setup.sandbox, setup.golden.rows, setup.blocks, setup.policy, setup.columns, alone=())
    scoring = setup.queries.scoring
    expected = sound.ask_in("usual", Conditions(threads=setup.policy.threads), scoring)
    if isinstance(expected, str):
        raise NotComparedError(f"The candidate cannot be asked again: {expected}", hint="Run `seatrial trial`.")
    ignored = failed_names(BehaviourTrial(sound).judge(expected, scoring))
    year = datetime.now(UTC).year
    for fault in BEHAVIOUR_FAULTS:
        injected = InjectedFault(Path(behaviour_transforms.__file__), fault.name, {"calls": CALLS, "year": year})
        tried = replace(sound, fault=injected, alone=fault.alone, lasting=fault.lasting)
        diagnosis = diagnose(BehaviourTrial(tried).judge(expected, scoring), setup.policy, ignored)
        result: Result = "caught" if diagnosis.stopped else "missed"
        yield Attempt(
            fault.name, "behaviour", fault.sentence, result, **vars(diagnosis),
            advice=() if diagnosis.stopped else (ADVICE,),
        )  # fmt: skip
