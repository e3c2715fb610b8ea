"""A proven gate: what it catches, what it misses and why, what changes no answer, and what it must not block."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from click.testing import Result
from pydantic import TypeAdapter
from tests.trial.prove.proofs import SOUND, attempt, proof
from typer.testing import CliRunner

from seatrial.cli.trial import prove
from seatrial.core.errors import SeatrialError
from seatrial.core.project import find_project
from seatrial.release import build_release
from seatrial.steps.prove import prove as prove_project
from seatrial.trial.prove import retrained_candidates, serving_faults
from seatrial.trial.prove.attempts import FAMILIES, Attempt
from seatrial.trial.prove.gate_proof import SKIPPED_IF_QUICK, GateProof

LOOSE = """
[tool.seatrial.trial]
tolerance = 0.1
max_fewer_rows = 1.0
max_rewritten = 1.0
margin = 1.0
suspicious_gain = 10.0
false_alarms = 1e-6
replicas = 5
"""


# ---- the whole, on a real project


@pytest.fixture(scope="module")
def project(titanic_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("prove") / "titanic"
    shutil.copytree(titanic_project, root, ignore=shutil.ignore_patterns("dist", ".seatrial", "__pycache__"))
    build_release(find_project(root), lambda _: None)
    return root


def run(*words: str) -> Result:
    app = typer.Typer()
    app.command()(prove)
    return CliRunner().invoke(app, words)


@pytest.fixture(scope="module")
def finished(project: Path) -> Result:
    return run("--project", str(project), "--json")


@pytest.fixture(scope="module")
def proven(finished: Result) -> GateProof:
    return TypeAdapter(GateProof).validate_json(finished.stdout)


@pytest.fixture(scope="module")
def loose(project: Path, finished: Result, tmp_path_factory: pytest.TempPathFactory) -> GateProof:
    """The same gate with a loose policy and a few of the faults."""
    root = tmp_path_factory.mktemp("loose") / "titanic"
    shutil.copytree(project, root)
    with (root / "pyproject.toml").open("a") as file:
        file.write(LOOSE)
    with pytest.MonkeyPatch.context() as patch:
        for module, name, kept in (
            (retrained_candidates, "DATA_FAULTS", ("fifth",)),
            (serving_faults, "FAULTS", ("drop_strong", "float16", "alone_differs")),
        ):
            patch.setattr(module, name, {key: getattr(module, name)[key] for key in kept})
        return prove_project(find_project(root)).proof


def named(gate_proof: GateProof, name: str) -> Attempt:
    (only,) = [each for each in gate_proof.attempts if each.name == name]
    return only


@pytest.mark.soak
def test_a_sound_gate_catches_what_changes_anything_and_blocks_nothing_harmless(proven: GateProof) -> None:
    assert [each.name for each in proven.of("missed", "blocked")] == []
    assert proven.exit_code == 0
    assert len(proven.of("caught")) > 70
    assert not proven.skipped
    assert {each.name for each in proven.of("passed")} >= {
        "as it is", "trained again", "rows shuffled", "columns reordered", "another seed", "15 % more rows",
    }  # fmt: skip


def test_what_a_quick_proof_leaves_out_is_said() -> None:
    families = {each.family for each in SOUND.attempts}
    assert set(SKIPPED_IF_QUICK) == set(FAMILIES) - families - {"output"} | {"harmless"}
    assert "long time" in SKIPPED_IF_QUICK["behaviour"]


@pytest.mark.soak
def test_what_is_caught_names_its_check_and_its_cause(proven: GateProof) -> None:
    assert named(proven, "drop_medium").check == "golden.scores[age]"
    assert "`age`" in named(proven, "drop_medium").cause
    assert named(proven, "shifted").check == "invariants.order"
    assert named(proven, "fifth").check == "data.rows"
    assert named(proven, "constant[embarked]").columns == ("embarked",)
    assert all(each.check and each.failed and each.cause for each in proven.of("caught"))


@pytest.mark.soak
def test_a_fault_that_changes_no_answer_is_not_counted_as_caught(proven: GateProof) -> None:
    unseen = named(proven, "unseen_first")  # `sex` has two values, so none is unseen
    assert (unseen.result, unseen.changed, unseen.check) == ("unchanged", 0, "")
    assert {named(proven, f"{fault}[ticket]").result for fault in ("constant", "missing", "shuffled")} == {"unchanged"}


@pytest.mark.soak
def test_faults_of_the_training_code_are_found_by_training_the_old_data_with_it(proven: GateProof) -> None:
    attempts = {each.name: each for each in proven.attempts if each.family == "training code"}
    assert set(attempts) == {"underfit", "labels misaligned"}
    assert all("rebuild" in "".join(each.failed) for each in attempts.values()), attempts


@pytest.mark.soak
def test_a_loose_policy_leaves_blind_spots_and_names_the_line_that_closes_them(loose: GateProof) -> None:
    assert loose.exit_code == 1
    assert named(loose, "float16").result == "missed"
    assert "lower `tolerance`, which is 0.1" in named(loose, "float16").advice[0]
    assert "predicted alone" in named(loose, "alone_differs").advice[0]
    fifth = named(loose, "fifth")
    assert fifth.result == "missed"
    assert "`max_fewer_rows = 0.1` would stop it (data.rows)" in fifth.advice[0]
    assert named(loose, "drop_strong").result == "caught"
    assert not loose.of("blocked")


@pytest.mark.soak
def test_the_command_writes_its_result_and_reports_it_by_its_exit_code(project: Path, finished: Result) -> None:
    assert finished.exit_code == 0
    folder = project / ".seatrial" / "trials"
    assert json.loads((folder / "prove.json").read_text()) == json.loads(finished.stdout)
    assert (folder / "prove.html").read_text().startswith("<!DOCTYPE html>")


@pytest.mark.soak
def test_another_table_than_the_wheel_was_trained_on_is_refused(
    project: Path, finished: Result, tmp_path: Path
) -> None:
    root = Path(shutil.copytree(project, tmp_path / "titanic"))
    with (root / "data" / "titanic.csv").open("a") as table:
        table.write("\n")
    refused = run("--project", str(root))
    assert isinstance(refused.exception, SeatrialError)
    assert "not the table" in refused.exception.message


# ---- its document


def test_a_proof_round_trips_through_json() -> None:
    document = json.dumps(SOUND.to_document())
    assert TypeAdapter(GateProof).validate_json(document) == SOUND
    assert json.loads(document)["schema"] == 2


def test_the_headline_counts_apart_what_changes_no_answer() -> None:
    assert SOUND.headline == (
        "2 of 2 injected faults were caught (1 more changes no answer); none of 1 harmless changes was blocked"
    )
    assert next(iter(SOUND.counts())) == ("features", 1, 0, 0)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ((), 0),
        ((attempt("x", "missed"),), 1),
        ((attempt("x", "blocked", "harmless"),), 1),
        ((attempt("x", "unchanged"),), 0),
    ],
)
def test_the_exit_code_is_1_for_a_blind_spot_and_for_a_false_alarm(more: tuple[Attempt, ...], code: int) -> None:
    assert replace(SOUND, attempts=SOUND.attempts + more).exit_code == code


def test_a_proof_in_which_nothing_was_caught_proves_nothing() -> None:
    assert proof(attempt("unseen", "unchanged")).exit_code == 1
