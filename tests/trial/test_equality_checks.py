"""Differences that come from changed code: named with the files, and blocked or waiting by the kind of change."""

from typing import Any, Literal, cast

import pytest

from seatrial.core.progress import silent
from seatrial.trial import run as module
from seatrial.trial.equality_checks import AS_REDESIGN, check_confinement, check_recipes, judged_as, name_changed_code
from seatrial.trial.policy import Policy
from seatrial.trial.recipes import RecipeError, Recipes
from seatrial.trial.records import Check, Outcome

FOUND = Check("rebuild.scores", "rebuild", Outcome.blocked, "it differs", hint="Find out why.")
OTHERS = [
    Check("rebuild.scores", "rebuild", Outcome.passed, "nothing differs"),
    Check("total.flips", "total", Outcome.blocked, "many rows have another class"),
]


def test_changed_modules_are_named_where_a_difference_was_found():
    found, *others = name_changed_code([FOUND, *OTHERS], ["features.py", "pipeline.py"], "0.1.0")
    assert found.summary == "the code changed since 0.1.0 (features.py, pipeline.py): it differs"
    assert found.hint == AS_REDESIGN
    assert others == OTHERS


def test_many_modules_are_counted():
    (found,) = name_changed_code([FOUND], [f"{letter}.py" for letter in "abcdef"], "0.1.0")
    assert found.summary.startswith("the code changed since 0.1.0 (a.py, b.py, c.py, d.py and 2 more): ")


def test_without_changed_code_nothing_is_added():
    assert name_changed_code([FOUND, *OTHERS], [], "0.1.0") == [FOUND, *OTHERS]


@pytest.mark.parametrize(("kind", "outcome"), [("redesign", Outcome.waiting), ("retrain", Outcome.blocked)])
def test_only_differences_of_the_code_are_judged_by_the_kind(kind: Literal["redesign", "retrain"], outcome: Outcome):
    found, *others = judged_as(judged_as([FOUND, *OTHERS], "redesign"), kind)
    assert found.outcome is outcome
    assert found.hint == (AS_REDESIGN if outcome is Outcome.blocked else "")
    assert others == OTHERS


@pytest.mark.parametrize("name", ["settings.exchanged", "settings.labels", "settings.positive"])
def test_settings_that_a_redesign_may_change_are_judged_by_the_kind(name: str):
    check = Check(name, "settings", Outcome.blocked, "it changed", hint="Undo it.")
    (turned,) = judged_as([check], "redesign")
    assert turned.outcome is Outcome.waiting
    assert judged_as([turned], "retrain") == [check]


def test_a_replaced_sdist_and_what_its_code_tried_block():
    recipes = Recipes(replaced={"baseline": "The sdist x was replaced."}, attempts=lambda: {"candidate": ["os.fork()"]})
    sdist, attempts = check_recipes(recipes)
    assert (sdist.id, sdist.outcome) == ("reproduce.sdist[baseline]", Outcome.blocked)
    assert sdist.summary == "of the baseline, the sdist x was replaced."
    assert (attempts.id, attempts.outcome) == ("reproduce.attempts[candidate]", Outcome.blocked)
    assert attempts.summary.endswith("attempted what no training needs, and was blocked: os.fork()")
    assert check_recipes(Recipes()) == []


def test_a_trial_goes_on_without_a_recipe_that_failed(monkeypatch: pytest.MonkeyPatch):
    """Each code fails in turn: the candidate's with the baseline's table, the baseline's, the candidate's."""
    failing = ["rebuild", "baseline", "candidate"]
    seen: list[Recipes] = []

    class Failing:
        def __init__(self, setup: object, policy: object, recipes: Recipes, progress: object, replayed: object) -> None:
            seen.append(recipes)

        def checks(self) -> object:
            if failing:
                raise RecipeError(failing[0], f"The {failing.pop(0)} hangs.")
            return [FOUND], {}

    monkeypatch.setattr(module, "_Trial", Failing)
    trainings: Any = ("new", "old", "rebuilt")
    checks, _ = module._run_suites(None, None, Recipes(*trainings), None, lambda _: None)  # type: ignore[arg-type]
    assert checks == [FOUND]
    left = [(each.candidate, each.baseline, each.rebuilt) for each in seen]
    assert left == [trainings, ("new", "old", None), ("new", None, None), (None, None, None)]
    assert seen[-1].missing == {
        "rebuild": "The rebuild hangs.", "reproduce": "The baseline hangs.", "total": "The baseline hangs.",
    }  # fmt: skip


def test_a_verdict_says_where_the_system_confines_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_confinement("") == []
    monkeypatch.setattr(module._Trial, "checks", lambda self: ([], {}))
    monkeypatch.setattr(module.kernel_limits, "missing", lambda: "the kernel has no Landlock")
    [check], _ = module._run_suites(cast(Any, None), Policy(), Recipes(), None, silent)
    assert (check.name, check.outcome) == ("invariants.confinement", Outcome.noted)
    assert "the kernel has no Landlock" in check.summary
