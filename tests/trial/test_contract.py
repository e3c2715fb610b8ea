"""The contract: what is a break, what an extension, and which version either asks for."""

from dataclasses import replace
from typing import Any

import pytest

from seatrial.model.inputs import Inputs
from seatrial.model.metadata import Metadata
from seatrial.model.schema import Column
from seatrial.trial.contract import Contract, contract_checks, version_check
from seatrial.trial.records import Outcome
from seatrial.trial.run import _contracts
from seatrial.trial.sandbox.answers import Description

AGE = Column("age", "number", nullable=True, required=False, minimum=0, maximum=100)
SEX = Column("sex", "category", nullable=False, required=True, categories=("female", "male"))
OLD = Contract("1.2.3", "binary", "y", (AGE, SEX), (0, 1), 1, 0.5)


def names(new: Contract) -> set[str]:
    return {check.name for check in contract_checks(OLD, new)}


@pytest.mark.parametrize(
    ("change", "breaks"),
    [
        ({"nullable": False}, True), ({"required": True}, True), ({"minimum": 1}, True), ({"minimum": None}, False),
        ({"maximum": 90}, True), ({"maximum": 120}, False), ({"exclusive_minimum": True}, True), ({"kind": "text"}, True),
        ({"default": 30.0}, True),
    ],
)  # fmt: skip
def test_a_changed_rule_is_a_break_if_it_accepts_less(change: dict[str, Any], breaks: bool) -> None:
    new = replace(OLD, version="1.2.4", columns=(replace(AGE, **change), SEX))
    assert names(new) == {"contract.break" if breaks else "contract.extension"}


@pytest.mark.parametrize(
    ("old", "new", "summary", "breaks"),
    [
        ((False, ("a", "b")), (True, ("a", "b")), "values that are not listed are now accepted", False),
        ((True, ("a", "b")), (False, ("a", "b")), "values that are not listed are no longer accepted", True),
        ((True, ("a", "b")), (True, ("a",)), "", False),  # it accepts the same
        ((False, ("a", "b")), (False, ("a",)), "b no longer allowed", True),
    ],
)
def test_opening_a_category_is_an_extension_and_closing_it_a_break(
    old: tuple[bool, tuple[str, ...]], new: tuple[bool, tuple[str, ...]], summary: str, breaks: bool
) -> None:
    contracts = [
        replace(OLD, columns=(replace(SEX, open=is_open, categories=listed),)) for is_open, listed in (old, new)
    ]
    (check,) = contract_checks(*contracts)
    assert check.name == ("contract.break" if breaks else "contract.extension" if summary else "contract.same")
    assert summary in check.summary


def test_columns_categories_classes_and_task_may_break_it_too() -> None:
    assert names(replace(OLD, columns=(AGE,))) == {"contract.break"}
    assert names(replace(OLD, columns=(AGE, replace(SEX, categories=("female",))))) == {"contract.break"}
    assert names(replace(OLD, columns=(AGE, replace(SEX, categories=("female", "male", "x"))))) == {
        "contract.extension"
    }
    assert names(replace(OLD, classes=(1, 0))) == {"contract.break"}
    assert names(replace(OLD, threshold=0.6)) == {"contract.break"}
    assert names(replace(OLD, task="multiclass", threshold=None)) == {"contract.break"}
    assert names(OLD) == {"contract.same"}


def test_a_break_waits_unless_the_version_announces_it() -> None:
    for version, outcome in (("1.3.0", Outcome.waiting), ("2.0.0", Outcome.noted)):
        (check,) = contract_checks(OLD, replace(OLD, version=version, threshold=0.6))
        assert check.outcome is outcome


@pytest.mark.parametrize(
    ("old", "broken", "changed", "wanted"),
    [
        ("1.2.3", True, True, "2.0.0"), ("1.2.3", False, True, "1.3.0"), ("1.2.3", False, False, "1.2.4"),
        ("0.1.0", True, True, "0.2.0"), ("0.1.0", False, True, "0.1.1"),
    ],
)  # fmt: skip
def test_the_version_that_a_change_needs(old: str, broken: bool, changed: bool, wanted: str) -> None:
    assert version_check(old, wanted, broken=broken, changed=changed)[0] == wanted
    assert version_check(old, old, broken=broken, changed=changed)[1].outcome is Outcome.blocked


@pytest.mark.parametrize(("before", "changes"), [("TunedThresholdClassifierCV", []), ("", ["threshold"])])
def test_a_threshold_that_each_training_finds_is_no_promise(before: str, changes: list[str]):
    meta = Metadata("m", "binary", "y", "onnx", Inputs(("age",), ()), {}, {}, (0, 1), threshold_by=before)
    tuned = replace(meta, threshold=0.42, threshold_by="TunedThresholdClassifierCV")
    pair = _contracts(Description("1.0.0", meta, (AGE,), {}), Description("1.0.1", tuned, (AGE,), {}))
    assert [check.subject for check in contract_checks(*pair) if check.name == "contract.break"] == changes
