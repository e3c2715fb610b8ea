"""Numbers and values as people read them."""

from typing import Any

import pytest

from seatrial.pages.words import between, cell, percent, plain, plural, power_of_ten, rough, short, whole


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.8234, "0.823"),
        (12.341, "12.34"),
        (123.41, "123.4"),
        (1234.5, "1,234"),
        (0.0001, "1.0e-04"),
        (0.00421, "0.00421"),
        (0, "0.000"),
    ],
)
def test_a_metric_has_as_many_digits_as_people_compare(value: float, text: str) -> None:
    assert short(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.16667, "0.1667"),
        (80.0, "80"),
        (1234.0, "1,234"),
        (180_912.0, "180,900"),
        (-2.5, "\u22122.5"),
        (0, "0"),
        (float("inf"), "inf"),
        (3.3e-16, "3.3\u00b710\u207b\u00b9\u2076"),
    ],
)
def test_a_quantity_has_four_digits_and_no_trailing_zeros(value: float, text: str) -> None:
    assert plain(value) == text


def test_a_rough_quantity_has_three_digits() -> None:
    assert [rough(value) for value in (0.14249, 23.77, 17_345.0)] == ["0.142", "23.8", "17,300"]
    assert power_of_ten(0) == "0"


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.82, "82 %"),
        (0.004, "0.4 %"),
        (0.996, "99.6 %"),
        (0.0001, "under 0.1 %"),
        (0.9999, "over 99.9 %"),
    ],
)
def test_0_and_100_percent_are_reserved_for_none_and_all(share: float, text: str) -> None:
    assert percent(share).replace("\u00a0", " ") == text


def test_an_interval_names_the_unit_once() -> None:
    assert between(0.78, 0.86).replace("\u00a0", " ") == "78 to 86 %"


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0.98, 0.992, "98.0 to 99.2"),
        (0.98, 0.99, "98 to 99"),
        (0.98, 0.9996, "98.0 to 99.9"),
        (0.95, 1, "95 to 100"),
        (0.0002, 0.5, "0.1 to 50.0"),
    ],
)
def test_both_ends_of_an_interval_have_the_same_digits(low: float, high: float, text: str) -> None:
    assert between(low, high).replace("\u00a0", " ") == f"{text} %"


@pytest.mark.parametrize(
    ("noun", "many"), [("sale", "sales"), ("company", "companies"), ("box", "boxes"), ("day", "days")]
)
def test_nouns_have_regular_plurals(noun: str, many: str) -> None:
    assert plural(noun) == many


def test_zero_has_no_sign() -> None:
    assert short(-0.0) == "0.000"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "\u2013"),
        (True, "yes"),
        (False, "no"),
        (7.12345678, "7.12346"),
        (7, "7"),
        ("x" * 60, "x" * 47 + "\u2026"),
    ],
)
def test_a_cell_is_short_and_a_missing_value_is_a_dash(value: Any, text: str) -> None:
    assert cell(value) == text


def test_whole_numbers_are_exact_and_years_have_no_separator() -> None:
    assert [whole(value) for value in (1962.0, 12_345.0, 35.5, -3.0)] == ["1962", "12,345", "35.5", "\u22123"]
