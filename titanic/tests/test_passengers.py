"""Tests of what the trained model must have learned about passengers."""

import math

import pytest
from seatrial import SeatrialError

import titanic_model

ROSE = {
    "pclass": 1,
    "name": "Bukater, Miss. Rose",
    "sex": "female",
    "age": 17,
    "sibsp": 0,
    "parch": 1,
    "fare": 80.0,
}
JACK = {"pclass": 3, "name": "Dawson, Mr. Jack", "sex": "male", "age": 20, "fare": 8.05, "embarked": "S"}


def survival(**changes: object) -> float:
    (answer,) = titanic_model.predict([{**JACK, **changes}])
    return float(answer["probabilities"]["1"])


def test_first_class_women_survive_and_third_class_men_do_not() -> None:
    rose, jack = titanic_model.predict([ROSE, JACK])
    assert rose["prediction"] == 1
    assert jack["prediction"] == 0


def test_probabilities_sum_to_one() -> None:
    (answer,) = titanic_model.predict(JACK)
    assert math.isclose(sum(answer["probabilities"].values()), 1.0)


def test_better_class_improves_survival() -> None:
    assert survival(pclass=1) > survival(pclass=2) > survival(pclass=3)


def test_children_are_more_likely_to_survive() -> None:
    assert survival(age=4, name="Dawson, Master. Jack") > survival(age=40)


def test_passenger_with_only_the_required_columns_is_accepted() -> None:
    (answer,) = titanic_model.predict({"pclass": 2, "name": "Nobody, Mr. A", "sex": "male"})
    assert 0 < answer["probabilities"]["1"] < 1


@pytest.mark.parametrize("wrong", [{"pclass": 99}, {"age": -5}, {"sex": "other"}, {"agee": 30}, {"age": True}])
def test_invalid_values_are_rejected(wrong: dict[str, object]) -> None:
    with pytest.raises(SeatrialError, match=next(iter(wrong))):
        titanic_model.predict([{**JACK, **wrong}])


def test_model_is_clearly_better_than_the_majority_class() -> None:
    accuracy = titanic_model.release.metadata.metrics["accuracy"]
    assert accuracy["low"] > accuracy["baseline"] + 0.05
