"""A gate proven: what it catches, what it misses and why, what changes nothing, and what it must not stop."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from seatrial.cli.prove import prove
from seatrial.core.errors import SeatrialError
from seatrial.core.project import find_project
from seatrial.release import build_release
from seatrial.steps.prove import prove as prove_project
from seatrial.trial.policy import Policy
from seatrial.trial.prove import catalogue, training_faults
from seatrial.trial.prove.blind_spots import telling_rows
from seatrial.trial.prove.code_faults import CODE_FAULTS
from seatrial.trial.prove.diagnosis import Standing, came_of, differing
from seatrial.trial.prove.fault_locations import changed_columns
from seatrial.trial.prove.policy_search import loosened, tightened
from seatrial.trial.prove.proof import Came, Family, GateProof, Tried, counted, read_proof
from seatrial.trial.prove.proof_page import to_html, weak_spots
from seatrial.trial.records import Check, Outcome

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


def tried(name: str, came: Came, family: Family = "features", **more: object) -> Tried:
    told = {"columns": ("age",), "check": "golden.scores[age]", "cause": "Blocked: it differs.", **more}
    return Tried(name, family, f"what {name} is", came, **told)  # type: ignore[arg-type]


def proof(*all_tried: Tried) -> GateProof:
    return GateProof("a-model", "0.1.0", "0" * 64, "retrain", all_tried, {"golden": 65}, Policy().model_dump(), {})


SOUND = proof(
    tried("drop", "caught", failed=("golden.scores",), changed=9, rows=900),
    tried("unseen", "unchanged", "preprocessing"),
    tried("constant[age]", "caught", "columns", failed=("golden.scores", "reproduce.candidate")),
    tried("as it is", "passed", "harmless"),
)


# ---- the whole, on a real project


@pytest.fixture(scope="module")
def project(titanic_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("proving") / "titanic"
    shutil.copytree(titanic_project, root, ignore=shutil.ignore_patterns("dist", ".seatrial", "__pycache__"))
    build_release(find_project(root), lambda _: None)
    return root


def run(*words: str) -> Result:
    app = typer.Typer()
    app.command()(prove)
    return CliRunner().invoke(app, words)


@pytest.fixture(scope="module")
def done(project: Path) -> Result:
    return run("--project", str(project), "--json")


@pytest.fixture(scope="module")
def proven(done: Result) -> GateProof:
    return read_proof(json.loads(done.stdout), "what it printed")


@pytest.fixture(scope="module")
def loose(project: Path, done: Result, tmp_path_factory: pytest.TempPathFactory) -> GateProof:
    """The same gate with a policy that lets much pass, and a few of the faults."""
    root = tmp_path_factory.mktemp("loose") / "titanic"
    shutil.copytree(project, root)
    with (root / "pyproject.toml").open("a") as file:
        file.write(LOOSE)
    with pytest.MonkeyPatch.context() as patch:
        for place, name, kept in (
            (training_faults, "DATA_FAULTS", ("fifth",)),
            (catalogue, "FAULTS", ("drop_strong", "float16", "alone_differs")),
        ):
            patch.setattr(place, name, {key: getattr(place, name)[key] for key in kept})
        return prove_project(find_project(root))[1]


def named(found: GateProof, name: str) -> Tried:
    (each,) = [each for each in found.tried if each.name == name]
    return each


@pytest.mark.slow
def test_a_sound_gate_catches_what_changes_anything_and_stops_nothing_harmless(proven: GateProof) -> None:
    assert [each.name for each in proven.of("missed", "blocked")] == []
    assert proven.exit_code == 0
    assert len(proven.of("caught")) > 70
    assert not proven.untried
    assert {each.name for each in proven.of("passed")} >= {
        "as it is", "trained again", "rows shuffled", "columns reordered", "another seed", "15 % more rows",
    }  # fmt: skip


@pytest.mark.slow
def test_what_is_caught_names_its_check_and_its_cause(proven: GateProof) -> None:
    assert named(proven, "drop_medium").check == "golden.scores[age]"
    assert "`age`" in named(proven, "drop_medium").cause
    assert named(proven, "shifted").check == "invariants.order"
    assert named(proven, "fifth").check == "data.rows"
    assert named(proven, "constant[embarked]").columns == ("embarked",)
    assert all(each.check and each.failed and each.cause for each in proven.of("caught"))


@pytest.mark.slow
def test_a_fault_that_changes_no_answer_is_not_counted_as_caught(proven: GateProof) -> None:
    unseen = named(proven, "unseen_first")  # `sex` knows two values, so that none is unseen
    assert (unseen.came, unseen.changed, unseen.check) == ("unchanged", 0, "")
    assert {named(proven, f"{way}[ticket]").came for way in ("constant", "missing", "shuffled")} == {"unchanged"}


@pytest.mark.slow
def test_faults_of_the_training_code_are_found_by_training_the_old_data_with_it(proven: GateProof) -> None:
    found = {each.name: each for each in proven.tried if each.family == "training code"}
    assert set(found) == {"underfit", "labels misaligned"}
    assert all("rebuild" in "".join(each.failed) for each in found.values()), found


class Untouched:
    """A pipeline whose parameters no fault of the code knows."""

    def get_params(self) -> dict[str, object]:
        return {"model__depths": 3}


def test_a_fault_of_the_code_that_has_nothing_to_change_says_so() -> None:
    weak, misaligned = (fault.alter for fault in CODE_FAULTS)
    target = np.arange(4)
    assert weak(Untouched(), target) is None
    assert misaligned(Untouched(), target).tolist() == [3, 0, 1, 2]


@pytest.mark.slow
def test_a_loose_policy_leaves_weak_spots_with_the_line_that_closes_them(loose: GateProof) -> None:
    assert loose.exit_code == 1
    assert named(loose, "float16").came == "missed"
    assert "lower `tolerance`, which is 0.1" in named(loose, "float16").closing[0]
    assert "asked alone" in named(loose, "alone_differs").closing[0]
    fifth = named(loose, "fifth")
    assert fifth.came == "missed"
    assert "`max_fewer_rows = 0.1` would stop it (data.rows)" in fifth.closing[0]
    assert named(loose, "drop_strong").came == "caught"
    assert not loose.of("blocked")


@pytest.mark.slow
def test_the_command_writes_its_result_and_says_it_by_its_exit_code(project: Path, done: Result) -> None:
    assert done.exit_code == 0
    folder = project / ".seatrial" / "trials"
    assert json.loads((folder / "prove.json").read_text()) == json.loads(done.stdout)
    assert (folder / "prove.html").read_text().startswith("<!DOCTYPE html>")


@pytest.mark.slow
def test_another_table_than_the_wheel_was_trained_on_is_refused(project: Path, done: Result, tmp_path: Path) -> None:
    root = Path(shutil.copytree(project, tmp_path / "titanic"))
    with (root / "data" / "titanic.csv").open("a") as table:
        table.write("\n")
    refused = run("--project", str(root))
    assert isinstance(refused.exception, SeatrialError)
    assert "not the table" in refused.exception.message


# ---- its parts


def test_a_proof_round_trips_through_json() -> None:
    document = json.loads(json.dumps(SOUND.to_document()))
    assert read_proof(document, "there") == SOUND
    with pytest.raises(SeatrialError, match="schema 1"):
        read_proof({**document, "schema": 0}, "there")
    with pytest.raises(SeatrialError, match="damaged"):
        read_proof({**document, "tried": [{"name": "x"}]}, "there")


def test_the_headline_counts_what_changes_nothing_apart() -> None:
    assert SOUND.headline == (
        "2 of 2 seeded faults were caught, 1 changes nothing; none of 1 harmless changes was blocked"
    )
    assert next(iter(counted(SOUND))) == ("features", 1, 0, 0)


@pytest.mark.parametrize(
    ("more", "code"),
    [((), 0), ((tried("x", "missed"),), 1), ((tried("x", "blocked", "harmless"),), 1), ((tried("x", "unchanged"),), 0)],
)
def test_the_exit_code_is_1_for_a_gap_and_for_a_false_alarm(more: tuple[Tried, ...], code: int) -> None:
    assert replace(SOUND, tried=SOUND.tried + more).exit_code == code


def test_a_proof_in_which_nothing_was_caught_is_no_proof() -> None:
    assert proof(tried("unseen", "unchanged")).exit_code == 1


def test_weak_spots_name_the_column_first_and_put_like_alarms_together() -> None:
    found = weak_spots(
        proof(
            tried("rounded", "missed", "output", columns=()),
            tried("constant[embarked]", "missed", "columns", columns=("embarked",), closing=("More rows.",)),
            tried("a", "blocked", "harmless", check="metrics.rows"),
            tried("b", "blocked", "harmless", check="metrics.rows"),
        )
    )
    assert [spot.summary for spot in found[:2]] == [
        "Nothing would notice if `embarked` were constant.",
        "Nothing would notice that what rounded is.",
    ]
    assert found[0].closing == ("More rows.",)
    assert len(found) == 3
    assert "2 harmless changes were stopped" in found[2].summary


def test_the_page_is_one_file_without_script_or_address() -> None:
    evil = tried("<script>x</script>", "missed", columns=("<img src=http://x>",), closing=("<b>\x1b[31m</b>",))
    page = to_html(replace(SOUND, tried=(*SOUND.tried, evil)))
    assert "<script" not in page
    assert "<img" not in page
    assert "\x1b" not in page
    assert not re.search(r"(?:src|href)=\"(?!#)", page)
    assert "2 of 3 seeded faults were caught" in page
    assert page.index("Weak spots") < page.index("All that was tried")
    assert "golden.scores</span> alone catches 1" in page


def check(name: str, outcome: Outcome) -> Check:
    return Check(name, "golden", outcome, f"{name} says so")


def test_what_fails_without_a_fault_is_not_to_its_credit() -> None:
    bad, good = check("golden.scores", Outcome.blocked), check("invariants.order", Outcome.passed)
    assert came_of([bad, good], Policy(), Standing()).check == "golden.scores"
    assert not came_of([bad, good], Policy(), Standing([bad])).stopped
    assert not came_of([], Policy(), Standing()).stopped


def test_the_rows_that_would_tell_a_fault_are_named() -> None:
    size = 1000
    ports = np.array(["C", "Q", "S", "S"] * (size // 4), dtype=object)
    many = {"port": ports, "age": np.where(np.arange(size) % 7 == 0, np.nan, 30.0 + np.arange(size) % 40)}
    asked = {"port": np.array(["S"] * 50, dtype=object), "age": np.full(50, 33.0)}
    assert "`port` = Q; none of the 50 rows asked is so" in telling_rows(many, ports == "Q", asked)[0]
    assert "`age` missing; none of the 50" in telling_rows(many, np.isnan(many["age"]), asked)[0]
    assert "labels and no score" in telling_rows(many, np.zeros(size, dtype=bool), asked)[0]
    by_chance = np.random.default_rng(0).random(size) < 0.3
    assert "27.7% of made-up rows" in telling_rows(many, by_chance, asked)[0]


class Graded:
    """A candidate that lost a fifth of its rows, or none of them."""

    def __init__(self, lost: float) -> None:
        self.lost = lost

    def checks(self, policy: Policy) -> list[Check]:
        return self.leg("data", policy)

    def leg(self, name: str, policy: Policy) -> list[Check]:
        stops = name == "data" and self.lost > policy.max_fewer_rows
        return [check("data.rows", Outcome.blocked if stops else Outcome.passed)]


def test_a_line_of_the_policy_is_tried_before_it_is_advised_and_its_price_told() -> None:
    loose = Policy(max_fewer_rows=1.0)
    (told,) = tightened(Graded(0.2), [Graded(0.0)], loose)
    assert told == "`max_fewer_rows = 0.1` would stop it (data.rows)."
    (told,) = tightened(Graded(0.2), [Graded(0.15), Graded(0.0)], loose)
    assert "it would stop 1 of 2 harmless changes too" in told
    (told,) = tightened(Graded(0.0), [], loose)
    assert "No single line" in told


@pytest.mark.parametrize(
    ("name", "line"), [("metrics.worse[accuracy]", "`margin`"), ("metrics.rows", "`min_rows`"), ("x.y", "trial")]
)
def test_a_false_alarm_is_told_with_what_governs_it(name: str, line: str) -> None:
    assert line in loosened(name)[0]


def test_scores_are_compared_with_noise_and_missing_ones_apart() -> None:
    before = np.array([[0.1, 0.9], [np.nan, np.nan], [0.5, 0.5]])
    after = before + np.array([[1e-13, 0], [0, 0], [0.01, 0]])
    assert differing(before, after).tolist() == [False, False, True]


def test_columns_that_a_fault_wrote_to_are_named() -> None:
    before = {"a": np.array([1.0, np.nan]), "b": np.array(["x", None], dtype=object)}
    assert changed_columns(before, {**before, "a": np.array([2.0, np.nan])}) == ("a",)
    assert changed_columns(before, {name: values[:1] for name, values in before.items()}) == ()
