"""The noise floor: its limits fit harmless retraining, scale with the budget, and are dropped without replicas."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import t as student
from tests.trial.compare.formula_models import BINARY, NUMBER, odds, passengers, survival

from seatrial.trial.compare.queries import make_queries
from seatrial.trial.compare.statistics import groups_of, measure, search, sensitivity, slices
from seatrial.trial.compare.total import compare_total
from seatrial.trial.noise import FAMILIES, FEWEST_REPLICAS, PARTS, SAFETY, calibrate, draw_replicas, part_share
from seatrial.trial.policy import Policy
from seatrial.trial.records import Outcome

POLICY = Policy()
ROWS = passengers(500, seed=8)
TRUTH = (np.random.default_rng(8).random(500) < survival(ROWS)[:, 1]).astype(int)
PROBES = passengers(12, seed=9)
QUERIES = make_queries(BINARY, ROWS, TRUTH, PROBES, ("age", "fare", "sex") * 4)
GROUPS = groups_of(QUERIES, [])


def model(seed, spread=0.1, change=lambda c: c):
    """A training of the recipe: the true odds with coefficients that are a little off."""
    g = np.random.default_rng(seed)
    shift, slope, women = g.normal(0, spread, 3)

    def score(columns):
        columns = change(columns)
        z = odds(columns) * (1 + slope) + shift + women * (columns["sex"] == "female")
        p = 1 / (1 + np.exp(-z))
        return np.stack([1 - p, p], axis=1)

    return score


def replicas(count=12, start=100):
    return [QUERIES.ask(model(start + k)) for k in range(count)]


FLOOR = calibrate(QUERIES, GROUPS, replicas(), POLICY)
OLD = QUERIES.ask(model(1))


def failed(scorer, floor=FLOOR):
    checks = compare_total(QUERIES, GROUPS, OLD, QUERIES.ask(scorer), floor, POLICY)
    return {c.name.removeprefix("total."): c for c in checks if c.outcome is Outcome.blocked}


def test_the_share_of_decisions_that_replicas_turn_is_measured():
    decided = [BINARY.decide(each.rows) for each in replicas()]
    shares = [(one != other).mean() for k, one in enumerate(decided) for other in decided[:k]]
    assert FLOOR.turned == pytest.approx(np.quantile(shares, 0.95) * SAFETY)
    assert FLOOR.turned < FLOOR.of_members("flips")["label flips"]
    (check,) = [c for c in compare_total(QUERIES, GROUPS, OLD, OLD, FLOOR, POLICY) if c.name == "total.flips"]
    assert check.evidence["turned_by_replicas"] == FLOOR.turned


def test_harmless_retrainings_pass():
    blocked = sum(bool(failed(model(seed))) for seed in range(1_000, 1_100))
    assert blocked <= 3  # the budget is one in a hundred


def test_every_family_has_a_limit():
    assert set(FLOOR.limits) == set(FAMILIES)
    assert not FLOOR.dropped


@pytest.mark.parametrize(
    ("change", "column"),
    [
        (lambda c: {**c, "sex": np.full(len(c["sex"]), "male", dtype=object)}, "sex"),
        (lambda c: {**c, "fare": np.full(len(c["fare"]), 20.0)}, "fare"),
    ],
)
def test_a_candidate_that_ignores_a_column_is_blocked_and_the_column_named(change, column):
    check = failed(model(1_000, change=change))["sensitivity"]
    assert check.subject == column
    assert f"the candidate ignores `{column}`" in check.summary


def test_a_candidate_that_is_wrong_in_a_group_names_the_group():
    def change(columns):
        return {**columns, "fare": np.where(columns["deck"] == "B", 0.01, columns["fare"])}

    assert failed(model(1_000, change=change))["slices"].subject == "deck = B"


def test_what_only_generated_rows_show_is_noted_and_does_not_block():
    answers = QUERIES.ask(model(1))
    still = dataclasses.replace(answers, shuffled={**answers.shuffled, "age": answers.rows[QUERIES.part]})
    leaning = dataclasses.replace(answers, shuffled={**answers.shuffled, "age": answers.rows[QUERIES.part][:, ::-1]})
    checks = {c.name: c for c in compare_total(QUERIES, GROUPS, still, leaning, FLOOR, POLICY)}
    assert checks["total.sensitivity"].outcome is Outcome.noted
    assert "On real rows, nothing changed beyond harmless retraining, but the candidate relies on `age`" in (
        checks["total.sensitivity"].summary
    )
    assert not [c for c in checks.values() if c.outcome is Outcome.blocked]


def test_a_smaller_budget_gives_wider_limits():
    strict = calibrate(QUERIES, GROUPS, replicas(), Policy(false_alarms=0.0001))
    assert all(strict.limits[f].largest >= FLOOR.limits[f].largest for f in FLOOR.limits)
    assert strict.limits["losses"].largest > FLOOR.limits["losses"].largest


def test_more_replicas_give_narrower_limits():
    many = calibrate(QUERIES, GROUPS, replicas(40), POLICY)
    narrower = [many.limits[f].largest < FLOOR.limits[f].largest for f in FLOOR.limits]
    assert sum(narrower) > len(narrower) / 2


def test_a_limit_is_above_every_pair_and_above_the_t_quantile_of_their_roots():
    answers = replicas()
    differences = []
    for i in range(12):
        for j in range(i + 1, 12):
            pair = (answers[i], answers[j]) if (i + j) % 2 else (answers[j], answers[i])
            differences.append(measure(QUERIES, GROUPS, *pair, 30)["losses"].values[0])
    limit = FLOOR.limits["losses"]
    unit = limit.noise["the Brier score"]
    roots = np.sqrt(np.abs(differences) / unit)
    reach = student.ppf(1 - 0.01 / PARTS, 11) * roots.std(ddof=1) * np.sqrt(1 + 1 / 12)
    assert limit.largest == pytest.approx(max((roots.mean() + reach) ** 2, max(roots) ** 2, 3) * SAFETY)


def test_too_few_replicas_drop_every_family_and_say_so():
    floor = calibrate(QUERIES, GROUPS, replicas(4), POLICY)
    assert set(floor.dropped) == set(FAMILIES)
    checks = compare_total(QUERIES, GROUPS, OLD, OLD, floor, POLICY)
    assert {c.outcome for c in checks} == {Outcome.noted}
    assert "4 replicas" in checks[0].summary


def test_differences_too_small_to_matter_never_block():
    still = calibrate(QUERIES, GROUPS, [OLD] * 12, POLICY)
    assert not failed(lambda c: np.clip(model(1)(c) + 0.004 * np.array([1, -1]), 0, 1), still)


def test_rows_that_only_the_candidate_does_not_answer_block():
    def silent(columns):
        scores = model(1)(columns)
        scores[: len(scores) // 50] = np.nan
        return scores

    check = failed(silent)["answered"]
    assert "does not answer 50 of 500 rows" in check.summary


def test_rows_that_neither_release_answers_are_left_out():
    scores = OLD.rows.copy()
    scores[:30] = np.nan
    old = dataclasses.replace(OLD, rows=scores, probes=np.where(np.arange(12)[:, None] == 3, np.nan, OLD.probes))
    checks = compare_total(QUERIES, GROUPS, old, old, FLOOR, POLICY)
    assert {c.outcome for c in checks} == {Outcome.passed}
    assert all(np.isfinite(c.severity) for c in checks)
    silent = dataclasses.replace(OLD, rows=np.full_like(scores, np.nan))
    assert [c.outcome for c in compare_total(QUERIES, GROUPS, silent, silent, FLOOR, POLICY)] == [Outcome.inconclusive]


def test_replicas_are_trained_on_parts_with_every_class():
    target = np.array([0] * 90 + [1] * 3)
    asked = []

    def refit(rows):
        asked.append(rows)
        return model(len(asked))

    draw_replicas(refit, target, QUERIES, POLICY, stratified=True, seed=1)
    assert len(asked) == 12
    assert all((target[rows] == 1).sum() >= 2 for rows in asked)
    share = np.mean([len(rows) for rows in asked]) / len(target)
    assert share == pytest.approx(part_share(POLICY), abs=0.05)
    assert len({tuple(rows) for rows in asked}) == 12


def test_replicas_leave_out_whole_groups():
    target, groups, asked = np.arange(300) % 2, np.arange(300) // 6 + 1000.0, []

    def refit(rows):
        asked.append(set(rows.tolist()))
        return model(len(asked))

    draw_replicas(refit, target, QUERIES, POLICY, stratified=True, groups=groups)
    members = [set(np.flatnonzero(groups == group).tolist()) for group in np.unique(groups)]
    assert all(group <= rows or not group & rows for rows in asked for group in members)
    assert 0.6 < np.mean([len(rows) for rows in asked]) / 300 < 0.9


def test_scores_are_sorted_by_block():
    answers = QUERIES.ask(survival)
    assert np.array_equal(answers.rows, survival(ROWS))
    assert np.array_equal(answers.probes, survival(PROBES))
    part = {n: v[QUERIES.part] for n, v in ROWS.items()}
    part["sex"] = part["sex"][QUERIES.order]
    assert np.array_equal(answers.shuffled["sex"], survival(part))


def test_narrowed_queries_pick_their_scores():
    keep = np.arange(500) % 2 == 0
    narrow, pick = QUERIES.narrowed(keep)
    picked = pick(QUERIES.ask(survival))
    assert narrow.size == 250
    assert np.array_equal(picked.rows, survival(narrow.rows))
    assert len(picked.shuffled["age"]) == len(narrow.part)
    assert np.array_equal(
        QUERIES.rows["age"][QUERIES.part][keep[QUERIES.part]], narrow.rows["age"][narrow.part], equal_nan=True
    )


def test_sensitivity_of_an_unused_column_is_exactly_nothing():
    statistics = sensitivity(QUERIES, OLD, QUERIES.ask(lambda c: survival({**c, "age": np.full(len(c["age"]), 3.0)})))
    assert statistics.new[statistics.members.index("age")] == 0.0
    assert statistics.old[statistics.members.index("sex")] > 0.1


def test_slices_measure_the_mean_of_each_group():
    moved = np.array([0.1, -0.1]) * (ROWS["sex"] == "male")[:, None]
    new = dataclasses.replace(OLD, rows=OLD.rows + moved)
    statistics = slices(QUERIES, GROUPS, OLD, new, 30)
    values = dict(zip(statistics.members, statistics.values, strict=True))
    assert values["sex = male (moved)"] == pytest.approx(0.1)
    assert values["sex = female (moved)"] == 0.0


def test_the_search_finds_a_pair_of_groups_that_no_single_one_shows():
    bad = (ROWS["sex"] == "male") & (ROWS["deck"] == "C")
    rows = OLD.rows.copy()
    rows[bad] = np.stack([TRUTH[bad], 1 - TRUTH[bad]], axis=1)
    statistics = search(QUERIES, GROUPS, OLD, dataclasses.replace(OLD, rows=rows), 30)
    assert set(statistics.members[0].split(" and ")) == {"sex = male", "deck = C"}


def test_a_regression_has_the_same_families_without_labels():
    queries = make_queries(NUMBER, ROWS, odds(ROWS))
    groups = groups_of(queries, [])

    def number(seed):
        shift = np.random.default_rng(seed).normal(0, 0.1)
        return lambda c: odds(c) + shift + 0.05 * np.random.default_rng(seed).normal() * (c["sex"] == "male")

    floor = calibrate(queries, groups, [queries.ask(number(k)) for k in range(12)], POLICY)
    old = queries.ask(number(50))
    good = compare_total(queries, groups, old, queries.ask(number(51)), floor, POLICY)
    bad = compare_total(
        queries, groups, old, queries.ask(lambda c: number(51)({**c, "fare": c["fare"] * 99})), floor, POLICY
    )
    assert "total.flips" not in {c.name for c in good}
    assert not [c for c in good if c.outcome is Outcome.blocked]
    assert [c for c in bad if c.outcome is Outcome.blocked]


def test_no_replica_is_begun_after_the_time_once_there_are_enough():
    lines: list[str] = []

    def refit(_):
        return lambda columns: np.full((len(columns["age"]), 2), 0.5)

    def drawn(seconds: float) -> int:
        policy = Policy(replicas=9, replica_seconds=seconds)
        target = np.arange(40) % 2
        return len(draw_replicas(refit, target, QUERIES, policy, stratified=True, progress=lines.append))

    assert drawn(600) == 9
    assert drawn(1e-9) == FEWEST_REPLICAS
    assert lines == []


def test_a_floor_that_knows_unusual_rows_is_wider_and_still_finds_a_fault():
    unusual = [QUERIES.ask(model(100 + k, spread=0.3)) for k in range(12)]
    wide = FLOOR.widened(calibrate(QUERIES, GROUPS, unusual, POLICY))
    moved = [model(seed, spread=0.3) for seed in range(2_000, 2_020)]
    assert sum(bool(failed(scorer)) for scorer in moved) > sum(bool(failed(scorer, wide)) for scorer in moved)
    assert all(wide.limits[name].largest >= FLOOR.limits[name].largest for name in FLOOR.limits)
    ignores = model(1, change=lambda c: {**c, "sex": np.full(len(c["sex"]), "male", dtype=object)})
    assert failed(ignores, wide)
