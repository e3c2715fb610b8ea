"""Faults of behaviour that are injected into a release: each is caught by the suite `behaviour`, which names it."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from tests.trial.sigmoid_releases import NOTED, ReleaseMaker

from seatrial.model.release import Release
from seatrial.trial.prove import behaviour_transforms
from seatrial.trial.prove.attempts import Attempt
from seatrial.trial.prove.behaviour_faults import BEHAVIOUR_FAULTS, CALLS, behaviour_attempts
from seatrial.trial.prove.proof_setup import ProofSetup
from seatrial.trial.setup import set_up_trial


def injected(name: str) -> SimpleNamespace:
    release = SimpleNamespace(package="seatrial", engine=lambda numbers, _: np.tile([0.2, 0.8], (len(numbers), 1)))
    behaviour_transforms.apply(release, name, {"calls": 3, "year": 2000})
    return release


def asked(release: SimpleNamespace) -> float:
    return float(release.engine(np.zeros((1, 1)), np.zeros((1, 0)))[0, 1])


def test_every_fault_has_its_code() -> None:
    assert {fault.name for fault in BEHAVIOUR_FAULTS} == set(behaviour_transforms.SOURCES)


def test_a_fault_moves_scores_only_where_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(injected("clock")) == pytest.approx(0.65)  # as if 2000 were this year
    region = injected("variable")
    assert asked(region) == 0.8
    monkeypatch.setenv("SERVING_REGION", "1")
    assert asked(region) == pytest.approx(0.65)
    state = injected("state")
    assert [round(asked(state), 2) for _ in range(5)] == [0.8, 0.8, 0.8, 0.65, 0.65]
    assert [asked(injected(name)) for name in ("file", "leak", "cache")] == [0.8] * 3
    assert asked(injected("random")) < 0.8


def test_the_code_of_a_fault_counts_as_the_packages_own() -> None:
    release = injected("file")
    (fault,) = (cell.cell_contents for cell in release.engine.__closure__ if hasattr(cell.cell_contents, "__code__")
                and cell.cell_contents.__name__ == "fault")  # fmt: skip
    assert Path(fault.__code__.co_filename).name == "features.py"
    assert Path(fault.__code__.co_filename).parent.name == Release.__module__.split(".")[0]


@pytest.fixture(scope="module")
def attempts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Attempt]:
    maker = ReleaseMaker(tmp_path_factory.mktemp("releases"))
    setup = set_up_trial(maker.baseline, None, NOTED, index=maker.index)
    proof = SimpleNamespace(
        sandbox=setup.candidate.sandbox, golden=setup.golden, blocks=setup.queries.blocks, queries=setup.queries,
        policy=NOTED, columns=setup.candidate.description.columns,
    )  # fmt: skip
    return {attempt.name: attempt for attempt in behaviour_attempts(cast("ProofSetup", proof))}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "check", "words"),
    [
        ("clock", "behaviour.elsewhere", "reads the clock (date.today)"),
        ("variable", "behaviour.elsewhere", "reads the environment variable `SERVING_REGION`"),
        ("file", "behaviour.reads", "reads the file `/etc/serving-region.csv`"),
        ("random", "behaviour.elsewhere", "reads random numbers (random.random)"),
        ("leak", "behaviour.memory", "memory grows with every call"),
        ("cache", "behaviour.new_rows", "memory grows with every new row"),
        ("state", "behaviour.calls", f"from call {CALLS} on"),  # after one with all golden rows
    ],
)
def test_a_fault_of_behaviour_is_caught_and_its_cause_named(
    attempts: dict[str, Attempt], name: str, check: str, words: str
) -> None:
    attempt = attempts[name]
    assert attempt.result == "caught"
    assert attempt.check.startswith(check)
    assert words in attempt.cause
