"""Holding rows out: at random, the newest ones, or whole groups."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.train.projects import PIPELINE, compiles, table, two, write_project

from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings
from seatrial.core.split_settings import SplitSettings
from seatrial.model.features import Floats
from seatrial.model.row_split import BUCKETS, group_key, group_places, held_out_mask
from seatrial.train.hold_out import Split, doubts_about_split, split
from seatrial.train.recipe import read_recipe
from seatrial.train.run import train
from seatrial.train.training_table import TrainingTable

TIME = SplitSettings(by="time", column="sold_at")
GROUP = SplitSettings(by="group", column="customer")


@pytest.fixture
def project(tmp_path: Path) -> ProjectSettings:
    return write_project(tmp_path, "size,colour,note,y\n")


def table_of(target: Any, task: Any = "binary", keys: Floats | None = None) -> TrainingTable:
    size = np.random.default_rng(0).normal(size=len(target))
    labels = np.array(target)
    classes = () if task == "regression" else tuple(np.unique(labels).tolist())
    return TrainingTable({"size": size}, labels, task, classes, (), len(target), "", keys)


def changed(project: ProjectSettings, **settings: Any) -> ProjectSettings:
    return ProjectSettings(**{**vars(project), **settings})


def customers(count: int, rows: int = 5) -> Floats:
    return np.repeat([group_key(f"customer {n}") for n in range(count)], rows)


def marked(made: Split, table: TrainingTable) -> list[int]:
    """The rows that what release.json records says were held out."""
    mask = held_out_mask(made.record, table.columns, table.target, table.keys)
    assert mask is not None
    return np.flatnonzero(mask).tolist()


def test_a_split_holds_out_the_share_of_each_class_and_every_row_once(project: ProjectSettings) -> None:
    table = table_of([0] * 80 + [1] * 20)
    made = split(table, project)
    assert sorted([*made.train.tolist(), *made.test.tolist()]) == list(range(100))
    assert len(made.test) == 25
    assert int(table.target[made.test].sum()) == 5
    assert made.stratified
    assert marked(made, table) == made.test.tolist()


def test_a_split_depends_on_the_seed_only(project: ProjectSettings) -> None:
    table = table_of([0, 1] * 50)
    first, second = split(table, project), split(table, project)
    assert np.array_equal(first.test, second.test)
    other = split(table, changed(project, seed=7))
    assert not np.array_equal(first.test, other.test)


def test_a_split_of_a_regression_is_not_by_class(project: ProjectSettings) -> None:
    assert not split(table_of([0.5, 1.5, 2.5, 3.5], "regression"), project).stratified


def test_a_class_of_one_row_cannot_be_split(project: ProjectSettings) -> None:
    with pytest.raises(SeatrialError, match="only one row has y = 1"):
        split(table_of([0] * 9 + [1]), project)


def test_by_time_the_newest_rows_are_held_out_and_rows_of_one_time_stay_together(project: ProjectSettings) -> None:
    times = np.random.default_rng(1).permutation(np.repeat(np.arange(40.0), 5))
    table = table_of([0, 1] * 100, keys=times)
    made = split(table, changed(project, split=TIME))
    assert set(times[made.test]) == set(range(30, 40))
    assert made.cuts == {"all": 30.0}
    assert marked(made, table) == made.test.tolist()


def test_by_time_no_row_that_was_trained_on_is_held_out_later(project: ProjectSettings) -> None:
    by_time = changed(project, split=TIME)
    before = split(table_of([0, 1] * 50, keys=np.arange(100.0)), by_time)
    after = split(table_of([0, 1] * 100, keys=np.arange(200.0)), by_time)
    assert set(before.train.tolist()) <= set(after.train.tolist())
    assert after.cuts["all"] > before.cuts["all"]


def test_ties_go_where_the_share_is_nearest(project: ProjectSettings) -> None:
    times = np.array([0.0] * 60 + [1.0] * 30 + [2.0] * 10)
    assert split(table_of([0, 1] * 50, keys=times), changed(project, split=TIME)).cuts == {"all": 1.0}
    few = changed(project, split=TIME, test_share=0.15)
    assert split(table_of([0, 1] * 50, keys=times), few).cuts == {"all": 2.0}


def test_by_group_no_group_is_on_both_sides(project: ProjectSettings) -> None:
    keys = customers(40)
    table = table_of([0, 1] * 100, keys=keys)
    made = split(table, changed(project, split=GROUP))
    assert not set(keys[made.train]) & set(keys[made.test])
    assert made.groups is not None
    assert sum(made.groups) == 40
    assert 9 <= made.groups[1] <= 11
    assert marked(made, table) == made.test.tolist()


def test_a_group_stays_on_its_side_when_the_table_grows(project: ProjectSettings) -> None:
    by_group = changed(project, split=GROUP)
    small, large = (table_of([0, 1] * (rows // 2), keys=customers(rows // 5)) for rows in (1000, 1500))
    first, second = split(small, by_group), split(large, by_group)
    moved = set(small.keys[first.test].tolist()) & set(large.keys[second.train].tolist())  # type: ignore[index]
    assert len(moved) <= 0.2 * 50


def test_by_group_the_limit_with_the_most_similar_labels_is_taken(project: ProjectSettings) -> None:
    keys = customers(200)
    own = np.repeat(np.random.default_rng(3).random(200) < 0.2, 5).astype(int)  # a customer's rows have one label
    table = table_of(own, keys=keys)
    taken, plain = [], []
    for seed in range(30):
        test = split(table, changed(project, split=GROUP, seed=seed)).test
        assert 0.9 * 250 <= len(test) <= 1.1 * 250
        taken.append(abs(own[test].mean() - own.mean()))
        quarter = np.argsort(group_places(keys, seed), kind="stable")[:250]
        plain.append(abs(own[quarter].mean() - own.mean()))
    assert np.mean(taken) < 0.8 * np.mean(plain)


@pytest.mark.parametrize(
    ("settings", "keys", "message"),
    [
        (TIME, np.zeros(100), "is the same in every row"),
        (TIME, np.array([0.0] * 95 + [1.0] * 5), "most rows have the same `sold_at`"),
        (GROUP, np.zeros(100), "has one value only"),
        (GROUP, np.array([1.0] * 90 + [2.0] * 10), "one value of `customer` has 90% of the rows"),
    ],
)
def test_what_cannot_be_split_is_an_error_with_a_way_out(
    project: ProjectSettings, settings: SplitSettings, keys: Floats, message: str
) -> None:
    with pytest.raises(SeatrialError, match=message) as raised:
        split(table_of([0, 1] * 50, keys=keys), changed(project, split=settings))
    assert "[tool.seatrial.split]" in raised.value.hint


def test_a_class_that_only_the_newest_rows_have_is_an_error(project: ProjectSettings) -> None:
    table = table_of(["a", "b"] * 45 + ["c"] * 10, "multiclass", np.arange(100.0))
    with pytest.raises(SeatrialError, match="y = c occurs only among the newest rows"):
        split(table, changed(project, split=TIME))


def test_a_random_split_flatters_where_a_model_can_recognize_a_customer_and_one_by_group_does_not(
    tmp_path: Path,
) -> None:
    """Each customer has a size of their own and an answer that nothing predicts, so nothing is known of a new one."""
    draw = random.Random(4)
    lines = ["size,colour,note,customer,y"]
    for customer in range(300):
        size, answer = draw.uniform(0, 100), draw.choice([0, 1])
        lines += [f"{size + draw.uniform(0, 0.001):.5f},red,,c{customer},{answer}" for _ in range(4)]
    data = "\n".join(lines) + "\n"
    forest = PIPELINE.replace("linear_model import LogisticRegression", "ensemble import RandomForestClassifier")
    forest = forest.replace("LogisticRegression()", "RandomForestClassifier(40)")
    found = {}
    for by, settings in (("rows", ""), ("group", '[tool.seatrial.split]\nby = "group"\ncolumn = "customer"')):
        run = train(write_project(tmp_path / by, data, settings=settings, pipeline=forest), compiles)
        found[by] = run.evaluation.metrics[0]
    assert found["rows"].value > 0.95
    assert found["group"].value < 0.65
    assert found["group"].interval is not None
    low, high = found["group"].interval
    assert low < 0.5 < high


@pytest.mark.parametrize("by", ["time", "group"])
def test_the_same_table_gives_the_same_bytes(tmp_path: Path, by: str) -> None:
    rows = table(two).splitlines()
    lines = [f"{rows[0]},when,w", *(f"{line},{n // 2},{1 + n % 2}" for n, line in enumerate(rows[1:]))]
    settings = f'weight = "w"\n[tool.seatrial.split]\nby = "{by}"\ncolumn = "when"'
    project = write_project(tmp_path, "\n".join(lines) + "\n", settings=settings)
    first = train(project, compiles)
    reference = (project.artifacts / "reference.csv").read_bytes()
    assert train(project, compiles).id == first.id
    assert (project.artifacts / "reference.csv").read_bytes() == reference
    assert reference.startswith(b"size,colour,note,y,_split_key,_weight\n")


@pytest.mark.parametrize("settings", [{}, {"split": GROUP}, {"split": TIME}])
def test_a_sample_is_fitted_and_held_out_rows_stay_as_they_are(project: ProjectSettings, settings: Any) -> None:
    keys = np.arange(2000.0) if settings.get("split") == TIME else customers(400)
    every = table_of([0, 1] * 1000, keys=keys if settings else None)
    whole, sampled = (split(every, changed(project, sample=sample, **settings)) for sample in (0, 300))
    assert len(sampled.train) == 300
    assert set(sampled.train) < set(whole.train)
    assert sampled.test.tolist() == whole.test.tolist()
    assert sampled.sampled_from == len(whole.train)
    assert marked(sampled, every) == whole.test.tolist()
    assert split(every, changed(project, sample=10_000, **settings)).sampled_from == 0


def test_most_of_a_sample_stays_when_the_table_grows(project: ProjectSettings) -> None:
    every = table_of([0, 1] * 1000)
    small, grown = (split(every.take(np.arange(rows)), changed(project, sample=300)) for rows in (1800, 2000))
    assert len(set(small.train) & set(grown.train)) > 240


def test_a_class_that_no_row_of_the_sample_has_is_an_error(project: ProjectSettings) -> None:
    with pytest.raises(SeatrialError, match="y = 2 occurs only among the rows that are not in the sample") as caught:
        split(table_of([0, 1] * 2000 + [2, 2]), changed(project, sample=100))
    assert "larger `sample`" in caught.value.hint


def test_few_groups_are_a_doubt(project: ProjectSettings) -> None:
    by_group = changed(project, split=GROUP)
    few, many = (split(table_of([0, 1] * (5 * n // 2), keys=customers(n)), by_group) for n in (12, 80))
    assert "held out" in doubts_about_split(few)["few_groups"]
    assert doubts_about_split(many) == {}


def test_a_release_carries_the_bucket_of_a_group_and_not_its_key(tmp_path: Path) -> None:
    rows = table(two).splitlines()
    lines = [f"{rows[0]},who", *(f"{line},{n % 40}" for n, line in enumerate(rows[1:]))]
    settings = '[tool.seatrial.split]\nby = "group"\ncolumn = "who"'
    project = write_project(tmp_path, "\n".join(lines) + "\n", settings=settings)
    run = train(project, compiles)
    recipe = read_recipe(project)
    carried = recipe.carried_with(recipe.split.test)["_split_key"]
    assert carried.max() < BUCKETS < recipe.table.keys.max()  # type: ignore[union-attr]
    written = (project.artifacts / "reference.csv").read_text().splitlines()
    assert [float(line.rpartition(",")[2]) for line in written[1:]] == carried.tolist()
    assert sum(run.metadata.split["groups"]) == 40
