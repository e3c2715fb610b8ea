"""The detection benchmark's groups: which cases a run tries, how new rows and harmless changes are made, the report."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.detection import new_row_cases, reasons
from benchmarks.detection.groups_report import END, START, render_groups, write_between_markers
from benchmarks.detection.harmless import SETTINGS, TIMED
from benchmarks.detection.new_row_faults import NEW_ROW_FAULTS, inject_new
from benchmarks.detection.projects import SOURCES, Source, made_up_credit, read_source, write_project
from benchmarks.detection.sampling import Plan, chosen_sources, is_sampled, run_plan, setups, share_of
from benchmarks.detection.scenarios import Scenario, open_scenario
from benchmarks.tables.gathered import FRESH, REPORTED, TUNED, GatheredTable, write_catalogue

from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A catalogue of one reported table and forty fresh ones."""
    entries = [GatheredTable(f"t{k}", "y", "binary", FRESH if k else REPORTED, 200, 5, "", "") for k in range(41)]
    write_catalogue(tmp_path, entries)
    return tmp_path


@pytest.fixture(scope="module")
def drifting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = SOURCES["drifting"]
    table, _ = read_source(source, None)
    return write_project(source, "linear", table, tmp_path_factory.mktemp("drifting") / "project")


def test_fresh_tables_are_drawn_by_the_seed(folder):
    def draw(seed: int) -> list[str]:
        return [s.name for s in chosen_sources(Plan(folder, (FRESH,), count=9, first_seed=seed))]

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)
    assert len(draw(1)) == 9
    assert "t0" not in draw(1)


def test_an_unknown_table_is_an_error(folder):
    with pytest.raises(SystemExit, match=r"no such tables .* nosuch"):
        chosen_sources(Plan(folder, (REPORTED,), tables=("nosuch",)))


def test_the_first_half_of_a_split_has_every_table_once():
    sources = [Source(f"t{k}", "y", REPORTED) for k in range(10)]
    first = setups(Plan(Path(), (REPORTED,), seeds=2), sources)[:10]
    assert len({setup.source.name for setup in first}) == 10
    assert len({setup.model for setup in first}) == 2


def test_a_table_with_a_time_is_tried_in_its_order_too():
    plan = Plan(Path(), (TUNED,), seeds=1, models=("linear",))
    found = setups(plan, [SOURCES["drifting"], SOURCES["synthetic"]])
    assert Counter((setup.source.name, setup.timed) for setup in found) == {
        ("drifting", False): 1, ("drifting", True): 1, ("synthetic", False): 1,
    }  # fmt: skip


def test_a_share_of_the_cases_is_tried_and_the_same_ones_again():
    setup = setups(Plan(Path(), (TUNED,)), [SOURCES["synthetic"]])[0]
    tried = [name for name in map(str, range(2000)) if is_sampled(setup, "benign", name, share_of("1/4"))]
    assert 420 < len(tried) < 580
    assert all(is_sampled(setup, "benign", name, 0.25) for name in tried)


def test_rows_in_the_order_of_time_are_followed_by_the_newest(drifting):
    scenario = open_scenario(drifting, 0, Policy(), timed=True)
    more = scenario.more(0, 0.05)
    old = len(scenario.old_rows)
    opened = more.columns["opened"].tolist()
    assert max(opened[:old]) <= min(opened[old:])
    assert len(opened) - old == int(0.05 * old)


@pytest.mark.parametrize("setting", [*SETTINGS, *TIMED], ids=lambda setting: setting.name)
def test_a_harmless_change_keeps_nearly_all_old_values(drifting, setting):
    """Old rows that are left have their old values, but for 3 % that were corrected in one column."""
    scenario = open_scenario(drifting, 0, Policy(), timed=setting.name.startswith("in time"))
    release = setting.make(scenario, 0)
    table = release.candidate.recipe.table
    names = sorted(table.columns)

    def rows(which: Any) -> set[str]:
        columns = [which.columns[name].tolist() for name in names]
        return {repr(row) for row in zip(*columns, which.target.tolist(), strict=True)}

    before, after, whole = rows(scenario.recipe.table), rows(table), rows(scenario.whole.table)
    dropped = 0.35 if "rolling" in setting.name else 0.03
    assert len(before - after) <= dropped * len(before)
    assert len(after - whole) <= 0.03 * len(before)


@pytest.mark.soak
def test_a_run_writes_a_line_for_each_case_and_continues(folder, tmp_path):
    plan = Plan(folder, (TUNED,), tables=("synthetic",), seeds=1, models=("linear",), share=0.1, new_row_share=0.2)
    first = list(run_plan(plan, tmp_path / "a", [], str))
    kinds = Counter(line["kind"] for line in first)
    assert kinds["end"] == 1
    assert kinds["benign"] > 2
    assert kinds["new-row fault"] > 1
    assert all(line["seconds"] >= 0 for line in first if line["kind"] != "end")
    assert list(run_plan(plan, tmp_path / "a", json.loads(json.dumps(first)), str)) == []
    interrupted = first[:-2]  # before its last case
    again = list(run_plan(plan, tmp_path / "a", interrupted, str))
    assert [(line["kind"], line["name"]) for line in again] == [(line["kind"], line["name"]) for line in first[-2:]]


def test_a_run_ends_when_its_time_is_over(folder, tmp_path):
    plan = Plan(folder, (TUNED,), tables=("synthetic",), seeds=1, end=0.0)
    assert list(run_plan(plan, tmp_path, [], str)) == []


def test_a_table_that_cannot_be_trained_on_is_left_out(folder, tmp_path):
    (folder / "t0.csv").write_text("x,y\n" + "1,a\n" * 200)
    lines = list(run_plan(Plan(folder, (REPORTED,), tables=("t0",), seeds=1, models=("linear",)), tmp_path, [], str))
    assert [line["kind"] for line in lines] == ["left out", "end"]
    assert "nothing to learn" in lines[0]["name"]


NOTHING = {
    "skill": 0.5, "explained": 0.5, "distance": 1.0, "equal": 0.0, "label": False, "repeats": False, "same rows": True,
}  # fmt: skip


def line(kind: str, family: str, outcome: str, role: str = TUNED, **more: Any) -> dict[str, Any]:
    return {
        "source": "t", "role": role, "model": "linear", "seed": 0, "kind": kind, "family": family, "name": family,
        "outcome": outcome, "named": True, "failed": ["data.tie:blocked"], "commit": "abc", "small": False,
        "listed": True, "new_rows": 60, "cells": 0.1, "moved": 0.05, **more,
    }  # fmt: skip


def test_groups_are_reported_beside_each_other():
    lines = [
        *[line("benign", "15 % more rows", "passed")] * 99,
        line("benign", "15 % more rows", "blocked"),
        line("benign", "in time: 5 % more rows", "waiting"),
        *[line("new-row fault", "twice_4", "blocked", FRESH)] * 3,
        line("new-row fault", "twice_4", "passed", FRESH, new_rows=20, why=NOTHING),
        line("new-row fault", "twice_4", "passed", FRESH, small=True),
        line("new-row fault", "upper", "rejected", FRESH),
    ]
    text, document = render_groups(lines)
    assert "|  | tuned on | fresh |" in text
    assert "| harmless releases stopped | 1 of 100, 1.0% (0.03% to 5.45%) |  |" in text
    assert "| rows in the order of time: stopped | 1 of 1" in text
    assert "| faults in new rows caught |  | 3 of 4, 75.0% (19.41% to 99.37%) |" in text
    assert "| of those among at least 50 new rows |  | 3 of 3, 100.0%" in text
    assert "| too small, apart | 0 | 1 |" in text
    assert "| rejected by the schema, apart | 0 | 1 |" in text
    assert "| few new rows | 0 | 1 |" in text
    assert document["groups"][FRESH]["caught"] == [3, 4]


def test_faults_that_were_missed_for_no_reason_are_listed():
    lines = [
        line("new-row fault", "join_third", "passed", why=NOTHING),
        line("new-row fault", "join_group", "passed", why={**NOTHING, "explained": 0.01}),
        line("new-row fault", "slip_year", "passed"),
    ]
    text = render_groups(lines)[0]
    assert f"| {reasons.NONE_FOUND} | 1 |" in text
    assert f"| {reasons.NOT_MEASURED} | 1 |" in text
    assert "| columns that the others hardly predict | 1 |" in text
    assert "| join_third | t, linear, split 0 | tuned on | 60 | 10.0% | 5.0% |" in text
    assert "| join_group | t, linear" not in text


@pytest.mark.parametrize(
    ("more", "why", "reason"),
    [
        ({"new_rows": 34}, {}, "few new rows"),
        ({"cells": 0.015}, {}, "few cells"),
        ({"cells": 0.015}, {"label": True}, reasons.NONE_FOUND),
        ({}, {"repeats": True, "same rows": False, "equal": 0.1}, "equal rows are common"),
        ({}, {"repeats": True, "same rows": False}, reasons.NONE_FOUND),
        ({}, {"label": True, "skill": 0.05}, "labels that the baseline hardly predicts"),
        ({}, {"explained": 0.05}, "columns that the others hardly predict"),
        ({}, {"explained": 0.05, "distance": 2.5}, reasons.NONE_FOUND),
        ({}, {"same rows": False}, "shares that moved no more than by chance"),
        ({}, {}, reasons.NONE_FOUND),
    ],
)
def test_a_missed_fault_has_a_reason(more, why, reason):
    assert reasons.reason(line("new-row fault", "a", "passed", **more, why={**NOTHING, **why})) == reason


def measured(drifting: Path, fault: str) -> dict[str, Any]:
    scenario = open_scenario(drifting, 0, Policy())
    table = scenario.more(0)
    new = np.arange(table.rows) >= len(scenario.old_rows)
    faulty = inject_new(NEW_ROW_FAULTS[fault], table.columns, table.target, new, np.random.default_rng(0))
    assert faulty is not None
    return reasons.measure(scenario, table, new, faulty)


def test_why_a_fault_was_missed_is_measured(drifting):
    wrong, scaled = measured(drifting, "labels_wrong_15"), measured(drifting, "unit_hundred")
    assert (wrong["label"], wrong["same rows"], wrong["explained"]) == (True, True, 0.0)
    assert 0.1 < wrong["skill"] < 0.6
    assert wrong["distance"] < reasons.CHANCE < 4 < scaled["distance"]
    assert not scaled["label"]
    assert scaled["explained"] > 0.1


def test_of_repeated_rows_it_is_measured_how_many_were_equal_before(drifting):
    repeated = measured(drifting, "twice_15")
    assert (repeated["repeats"], repeated["same rows"], repeated["equal"]) == (True, False, 0.0)


def test_the_short_report_has_the_listed_kinds_alone():
    lines = [
        line("new-row fault", "twice_4", "blocked"),
        line("new-row fault", "texts", "blocked", listed=False, name="upper"),
    ]
    assert "| upper | 1 of 1" in render_groups(lines)[0]
    short = render_groups(lines, short=True)[0]
    assert "| **twice_4** | 1 of 1" in short
    assert "| upper |" not in short


def test_tables_are_written_between_the_markers(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{START}\nold\n{END}\nafter\n")
    write_between_markers(page, "new\n")
    assert page.read_text() == f"before\n{START}\n\nnew\n\n{END}\nafter\n"
    page.write_text("no markers")
    with pytest.raises(SystemExit, match="has no"):
        write_between_markers(page, "new")


def test_a_drifting_table_is_in_the_order_of_time():
    table = made_up_credit(drifts=True)
    assert table["opened"] == sorted(table["opened"])
    assert "opened" not in made_up_credit()


def test_another_table_of_the_baseline_keeps_the_new_rows(drifting):
    scenario = open_scenario(drifting, 1, Policy())
    other = scenario.on_baseline(scenario.recipe.table)
    assert isinstance(other, Scenario)
    assert np.array_equal(other.pool, scenario.pool)


def test_a_check_that_fails_without_the_fault_does_not_catch_it(drifting, monkeypatch):
    scenario = open_scenario(drifting, 0, Policy())
    always = [Check("data.a", "data", Outcome.passed, "good"), Check("data.b", "data", Outcome.blocked, "bad")]
    monkeypatch.setattr(new_row_cases, "_checks", lambda *_: always)
    cases = {case.name: case for case in new_row_cases.new_row_cases(scenario)}
    assert cases["unit_hundred"].run()["outcome"] == "passed"


def test_a_fault_is_caught_and_its_column_named(drifting):
    cases = {case.name: case for case in new_row_cases.new_row_cases(open_scenario(drifting, 0, Policy()))}
    result = cases["unit_hundred"].run()
    assert result["outcome"] in ("blocked", "waiting")
    assert (result["named"], result["small"]) == (True, False)


def test_what_the_schema_rejects_is_no_catch_of_the_trial(drifting):
    cases = {case.name: case for case in new_row_cases.new_row_cases(open_scenario(drifting, 0, Policy()))}
    results = [cases[name].run() for name in ("upper", "masked", "hashed", "lost_third")]
    assert "rejected" in {result["outcome"] for result in results}
