"""Faults injected into a real release: each changes what it should, can be removed, and needs only numpy."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.trial.prove.models import fresh, reference_rows, titanic_profile

from seatrial.model import Release
from seatrial.trial.prove import fault_transforms
from seatrial.trial.prove.fault_transforms import INJECTORS, TRANSFORMS, transform_column
from seatrial.trial.prove.serving_faults import FAULTS, mutants

SOURCE = Path(fault_transforms.__file__)


def test_the_file_needs_nothing_but_numpy():
    code = f"""
import sys, importlib.util
spec = importlib.util.spec_from_file_location("faults", {str(SOURCE)!r})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
assert not [n for n in sys.modules if n.split(".")[0] in ("seatrial", "sklearn", "pandas", "scipy", "pydantic")]
"""
    subprocess.run([sys.executable, "-I", "-c", code], check=True)


# Faults that the Titanic's features or its schema undo: `deck`, for example, strips and folds its text itself.
WITHOUT_EFFECT = {
    "padding_kept",
    "padding_stripped",
    "unseen_first",
    "missing_frequent",
    "alone_differs",
    "float32",
    "missing_text",
}


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_fault_changes_the_answers_of_a_real_release(titanic: Release, name):
    mutant = next((m for m in mutants(titanic_profile(titanic)) if m.name == name), None)
    if mutant is None:
        pytest.skip("this fault does not apply to the Titanic model")
    columns = {n: v[:250] for n, v in reference_rows(titanic).items()}
    release = fresh(titanic)
    before = release.score_table(columns)
    labels = release.decide_index(before)
    fault_transforms.apply(release, mutant.fault.name, mutant.fault.parameters)
    after = release.score_table(columns)
    same = before.shape == after.shape and np.allclose(before, after, rtol=0, atol=1e-12)
    if TRANSFORMS[mutant.fault.name][0] == "labels":
        assert same
        assert not np.array_equal(labels, release.decide_index(after))
    elif name in WITHOUT_EFFECT:
        assert after.shape == before.shape
    else:
        assert not same


def test_a_fault_shows_in_rows_and_in_tables_and_can_be_removed(titanic: Release):
    release = fresh(titanic)
    attributes = vars(release).copy()
    row = release.metadata.example
    before = release.predict(row)[0]["probabilities"]
    fault_transforms.apply(release, "replace", {"column": "sex", "value": "male"})
    faulty = release.predict(row)[0]["probabilities"]
    assert faulty["1"] < before["1"] - 0.1
    vars(release).clear()
    vars(release).update(attributes)
    assert release.predict(row)[0]["probabilities"] == before


def test_a_fault_of_single_rows_leaves_batches_alone(titanic: Release):
    release = fresh(titanic)
    row = release.metadata.example
    before = release.predict([row, row])
    fault_transforms.apply(release, "shift_single_row", {"base": [0.6, 0.4]})
    assert release.predict([row, row]) == before
    assert release.predict(row) != before[:1]


def test_noise_differs_on_each_call(titanic: Release):
    release = fresh(titanic)
    fault_transforms.apply(release, "add_noise", {"spread": 0.3})
    assert release.predict(release.metadata.example) != release.predict(release.metadata.example)


def test_a_lag_gives_each_row_and_each_request_the_value_before(titanic: Release):
    release, columns = fresh(titanic), reference_rows(titanic)
    moved = {**columns, "sex": np.roll(columns["sex"], 1)}
    expected = titanic.score_table(moved)
    fault_transforms.apply(release, "lag", {"column": "sex"})
    assert np.array_equal(release.score_table(columns), expected)
    man, woman = ({**release.metadata.example, "sex": sex} for sex in ("male", "female"))
    first, second = release.predict(man), release.predict(woman)
    assert first == titanic.predict(man)
    assert second == titanic.predict(man)


STATISTICS = {"median": 2.0, "mean": 2.0, "deviation": 0.5, "low": 1.0, "high": 3.0}
VALUES = ["a", "b", "c"]
NUMBERS = [[1.26, 300.0], [np.nan, 0.0], [-3.5, 2.0]]
STRINGS = [["a"], [""], ["z"]]
# Each transform on small data: its parameters, and what comes out. None stands for NaN or missing.
VALUE_CASES = {
    "replace": ({"value": 7.0}, [1500.0, None], [7.0, 7.0]),
    "zero": ({}, [3.0, None], [0.0, 0.0]),
    "hundredth": ({}, [300.0, None], [3.0, None]),
    "thousandfold": ({}, [3.0, None], [3000.0, None]),
    "thousands": ({}, [1500.0, -2000.0, 999.0, None], [1.5, -2.0, 999.0, None]),
    "keep_padding": ({}, [" x ", "y", None], ["\u200bx", "y", None]),
    "strip_padding": ({}, [" x ", "y", None], ["x", "y", None]),
}
NUMBER_CASES = {
    "negate": [-1.26, None, 3.5],
    "logarithm": [np.log1p(1.26), None, -np.log1p(3.5)],
    "zero_as_missing": [1.26, None, -3.5],
    "fill_zero": [1.26, 0.0, -3.5],
    "fill_median": [1.26, 2.0, -3.5],
    "carry_forward": [1.26, 1.26, -3.5],
    "unscale": [2.63, None, 0.25],
    "scale_stale": [1.348, None, -3.65],
    "scale_by_batch": [2.5, None, 1.5],
    "truncate": [1.0, None, -3.0],
    "round_inputs": [1.3, None, -3.5],
    "clip_inputs": [1.26, None, 1.0],
    "float16": [float(np.float16(1.26)), None, -3.5],
    "float32": [float(np.float32(1.26)), None, -3.5],
    "overflow": [1.26, None, -3.5],
}
STRING_CASES = {
    "next_category": ["b", "", "z"],
    "unseen_as_first": ["a", "", "a"],
    "lose_second": ["a", "", "z"],
    "lose_last": ["a", "", "z"],
    "change_case": ["A", "", "Z"],
    "missing_as_nan": ["a", "nan", "z"],
    "missing_as_frequent": ["a", "a", "z"],
}
SCORES = [[0.9, 0.1], [0.456, 0.544], [0.2, 0.8]]
SCORE_CASES = {
    "class_index": [[0.1, 0.9], [0.544, 0.456], [0.8, 0.2]],
    "round_scores": [[0.9, 0.1], [0.46, 0.54], [0.2, 0.8]],
    "half_scores": np.array(SCORES).astype(np.float16).astype(float),
    "clip_scores": [[0.8, 0.3], [0.456, 0.544], [0.3, 0.8]],
    "log_scale": np.log1p(SCORES),
    "shift_scores": [SCORES[2], SCORES[0], SCORES[1]],
    "sort_scores": [SCORES[2], SCORES[1], SCORES[0]],
    "base_for_missing": [SCORES[0], [0.6, 0.4], SCORES[2]],
    "drop_missing": [SCORES[0], SCORES[2]],
    "base_always": [[0.6, 0.4]] * 3,
    "buffer": [SCORES[0], SCORES[1], SCORES[0]],
    "cache": SCORES,
    "shift_single_row": SCORES,
    "softmax": np.exp(SCORES) / np.exp(SCORES).sum(axis=1, keepdims=True),
    "temperature": np.sqrt(SCORES) / np.sqrt(SCORES).sum(axis=1, keepdims=True),
}
SCORE_PARAMETERS = {"low": 0.3, "high": 0.8, "base": [0.6, 0.4], "size": 2, "temperature": 2.0}


def test_every_transform_is_used_and_tested():
    tested = {*VALUE_CASES, *NUMBER_CASES, *STRING_CASES, *SCORE_CASES}
    assert tested | {"lag", "swap", "lag_input", "reorder", "add_noise", "move_threshold"} == set(TRANSFORMS)
    assert {stage for stage, _ in TRANSFORMS.values()} == set(INJECTORS)


@pytest.mark.parametrize("name", VALUE_CASES)
def test_a_transform_of_values(name: str):
    parameters, values, expected = VALUE_CASES[name]
    numeric = not any(isinstance(value, str) for value in values)
    column = np.array(values, dtype=float if numeric else object)
    result = transform_column(column, TRANSFORMS[name][1], parameters)
    assert result.dtype == column.dtype
    np.testing.assert_array_equal(result, np.array(expected, dtype=column.dtype))


@pytest.mark.parametrize("name", NUMBER_CASES)
def test_a_transform_of_numbers(name: str):
    numbers, strings = np.array(NUMBERS), np.array(STRINGS, dtype=object)
    result, same = TRANSFORMS[name][1](numbers.copy(), strings, (["x", "y"], ["s"]), {"input": "x", **STATISTICS})
    np.testing.assert_allclose(result[:, 0], np.array(NUMBER_CASES[name], dtype=float), rtol=1e-9)
    np.testing.assert_array_equal(result[:, 1], numbers[:, 1])  # the parameters name one input
    assert same.tolist() == STRINGS


def test_a_transform_without_an_input_changes_all_numbers():
    parameters = {"statistics": {"x": STATISTICS, "y": {**STATISTICS, "median": 9.0}}}
    result, _ = TRANSFORMS["overflow"][1](
        np.array(NUMBERS), np.array(STRINGS, dtype=object), (["x", "y"], ["s"]), parameters
    )
    assert result[:, 1].tolist() == [44.0, 0.0, 2.0]
    filled, _ = TRANSFORMS["fill_median"][1](
        np.array([[np.nan, np.nan]]), np.array([["a"]]), (["x", "y"], ["s"]), parameters
    )
    assert filled.tolist() == [[2.0, 9.0]]


@pytest.mark.parametrize("name", STRING_CASES)
def test_a_transform_of_strings(name: str):
    numbers, strings = np.array(NUMBERS), np.array(STRINGS, dtype=object)
    same, result = TRANSFORMS[name][1](numbers, strings, (["x", "y"], ["s"]), {"input": "s", "values": VALUES})
    assert result[:, 0].tolist() == STRING_CASES[name]
    np.testing.assert_array_equal(same, numbers)


@pytest.mark.parametrize(("name", "lost"), [("lose_second", 1), ("lose_last", 2)])
def test_a_lost_category_becomes_an_unknown_one(name: str, lost: int):
    strings = np.array([[value] for value in VALUES], dtype=object)
    _, result = TRANSFORMS[name][1](np.zeros((3, 0)), strings, ([], ["s"]), {"input": "s", "values": VALUES})
    assert [value in VALUES for value in result[:, 0]] == [k != lost for k in range(3)]


def test_inputs_are_swapped_shifted_and_reordered():
    numbers, strings, names = (
        np.array([[1.0, 10.0], [2.0, 20.0]]),
        np.array([["a"], ["b"]], dtype=object),
        (["x", "y"], ["s"]),
    )
    swapped, _ = TRANSFORMS["swap"][1](numbers.copy(), strings, names, {"input": "x", "other": "y"})
    assert swapped.tolist() == [[10.0, 1.0], [20.0, 2.0]]
    shifted, _ = TRANSFORMS["lag_input"][1](numbers.copy(), strings, names, {"input": "y"})
    assert shifted.tolist() == [[1.0, 20.0], [2.0, 10.0]]
    _, shifted = TRANSFORMS["lag_input"][1](numbers, strings.copy(), names, {"input": "s"})
    assert shifted.tolist() == [["b"], ["a"]]
    reordered, _ = TRANSFORMS["reorder"][1](numbers, strings, names, {})
    assert reordered.tolist() == [[10.0, 1.0], [20.0, 2.0]]


@pytest.mark.parametrize("name", SCORE_CASES)
def test_a_transform_of_scores(name: str):
    numbers, strings = np.array(NUMBERS), np.array(STRINGS, dtype=object)
    result = TRANSFORMS[name][1](np.array(SCORES), numbers, strings, SCORE_PARAMETERS)
    np.testing.assert_allclose(result, SCORE_CASES[name], rtol=1e-12)


def test_answers_of_equal_first_inputs_come_from_the_cache():
    numbers, strings = (
        np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 4.0], [5.0, 2.0, 3.0]]),
        np.array([["a"]] * 3, dtype=object),
    )
    result = TRANSFORMS["cache"][1](np.array([0.1, 0.2, 0.3]), numbers, strings, {})
    assert result.tolist() == [0.1, 0.1, 0.3]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("round_scores", [2.0, 4.0]),
        ("sort_scores", [1.6, 4.4]),
        ("base_always", [3.0, 3.0]),
        ("temperature", [4.358, 1.642]),
    ],
)
def test_a_transform_of_predictions_of_a_regression(name: str, expected: list[float]):
    strings = np.array([["a"], ["b"]], dtype=object)
    predictions = np.array([4.4, 1.6])
    result = TRANSFORMS[name][1](predictions, np.zeros((2, 1)), strings, {**SCORE_PARAMETERS, "base": [3.0]})
    np.testing.assert_allclose(sorted(result), sorted(expected))
    assert name != "sort_scores" or result.tolist() == expected


def test_labels_between_the_old_and_the_new_threshold_change():
    def decide(scores):
        return (scores[:, 1] >= 0.5).astype(int)

    labels = TRANSFORMS["move_threshold"][1](np.array(SCORES), decide, {"threshold": 0.6})
    assert labels.tolist() == [0, 0, 1]
