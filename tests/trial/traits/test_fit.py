"""Each column is predicted from the others, and old and new rows of one population fit equally well."""

import numpy as np
from tests.trial.traits.orders_table import changed, joined, orders

from seatrial.trial.traits.fit import code_columns, predict_by_trees, predict_from_afar, predict_linear, together
from seatrial.trial.traits.pool import Pool, make_pool


def pool_of(seed: int, old: int = 400, new: int = 60) -> Pool:
    first, later = orders(old, seed=seed), orders(new, seed=1_000 + seed)
    return make_pool(first, joined(first, later), np.arange(old, old + new))


def test_one_inverse_predicts_each_column_as_a_regression_on_the_others_does() -> None:
    coded = code_columns(pool_of(1))
    place = next(k for k, each in enumerate(coded) if each.column.name == "weight")
    predicted = predict_linear(coded)[place].expected[:, 0]
    others = np.concatenate([each.matrix for k, each in enumerate(coded) if k != place], axis=1)
    scaled = others - others.mean(axis=0)
    scaled = scaled / np.where(scaled.std(axis=0) > 0, scaled.std(axis=0), 1)
    target = coded[place].matrix[:, 0]
    ridge = scaled.T @ scaled / len(scaled) + 0.02 * np.eye(scaled.shape[1])
    weights = np.linalg.solve(ridge, scaled.T @ (target - target.mean()) / len(scaled))
    # Not quite the same: with the ridge, what is predicted shrinks a little more.
    assert float(np.corrcoef(predicted, scaled @ weights)[0, 1]) > 0.999


def test_what_determines_a_column_explains_more_of_it_than_what_is_loosely_related() -> None:
    explained = {p.coded.column.name: p.explained for p in predict_linear(code_columns(pool_of(2)))}
    assert explained["region"] > 0.9
    assert explained["weight"] > 0.8
    assert explained["discount"] < 0.4  # related to the segment alone


def test_losses_of_old_and_new_rows_do_not_differ_by_the_fitting() -> None:
    differences = []
    for seed in range(30):
        pool = pool_of(seed)
        coded = code_columns(pool)
        linear = {p.coded.column.name: p for p in predict_linear(coded)}
        (tree,) = predict_by_trees(coded, [len(coded) - 1])
        losses = together(linear["late"], tree).losses
        spread = losses.std() * np.sqrt(1 / pool.old_rows + 1 / pool.new_rows)
        differences.append((losses[pool.old_rows :].mean() - losses[: pool.old_rows].mean()) / spread)
    assert abs(float(np.mean(differences))) < 3 / np.sqrt(30)
    assert 0.6 < float(np.std(differences)) < 1.4


def test_values_of_other_rows_are_more_surprising_than_they_are_hard_to_predict() -> None:
    """In a column that is only loosely related to the others, whose right values are hard to predict as well."""
    surprise, losses = [], []
    for seed in range(20):
        pool = pool_of(seed, new=100)
        column = next(each for each in pool.columns if each.name == "discount")
        column.values[pool.old_rows :] = np.random.default_rng(seed).permutation(column.values[pool.old_rows :])
        linear = {p.coded.column.name: p for p in predict_linear(code_columns(pool))}
        for found, values in ((surprise, linear["discount"].surprise), (losses, linear["discount"].losses)):
            spread = values.std() * np.sqrt(1 / pool.old_rows + 1 / pool.new_rows)
            found.append((values[pool.old_rows :].mean() - values[: pool.old_rows].mean()) / spread)
    assert float(np.mean(surprise)) > float(np.mean(losses)) + 0.5


def test_in_rows_that_fit_a_value_is_likelier_in_its_own_row_than_in_any() -> None:
    predictions = {p.coded.column.name: p for p in predict_linear(code_columns(pool_of(3)))}
    assert predictions["region"].surprise.mean() < -0.5
    assert predictions["weight"].surprise.mean() < -0.5


def test_columns_that_came_together_are_predicted_from_those_that_did_not() -> None:
    """A sum and its tax are of other rows: they fit each other, but not the rest of their row."""
    old, new = orders(600, seed=1), orders(150, seed=2)
    order = np.random.default_rng(3).permutation(150)
    old, new = (
        changed(table, tax=np.round(0.19 * table.columns["total"], 2) * (1 + (table.columns["count"] > 4)))
        for table in (old, new)
    )
    wrong = changed(new, **{name: new.columns[name][order] for name in ("total", "tax")})
    coded = code_columns(make_pool(old, joined(old, wrong), np.arange(600, 750)))
    surprise = {}
    for how in (predict_linear, predict_from_afar):
        values = next(p for p in how(coded) if p.coded.column.name == "tax").surprise
        spread = values.std() * np.sqrt(1 / 600 + 1 / 150)
        surprise[how] = float(values[600:].mean() - values[:600].mean()) / spread
    assert surprise[predict_from_afar] > surprise[predict_linear] + 2


def test_a_column_that_is_close_to_no_other_is_not_predicted_from_afar() -> None:
    assert "segment" not in {p.coded.column.name for p in predict_from_afar(code_columns(pool_of(1)))}
