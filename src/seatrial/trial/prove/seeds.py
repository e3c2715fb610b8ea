"""The faults that a proof seeds into a release: the catalogue's, and for each column what would make it useless."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial.model.schema import Column
from seatrial.trial.prove import catalogue, column_faults, fault_transforms
from seatrial.trial.prove.proof import Family
from seatrial.trial.sandbox.queries import InjectedFault


@dataclass(frozen=True)
class Seed:
    """A fault to seed, and the words for it."""

    name: str
    family: Family
    sentence: str
    columns: tuple[str, ...]
    fault: InjectedFault


def catalogue_seeds(facts: dict[str, Any]) -> list[Seed]:
    """Every fault of the catalogue that this model can have; see `catalogue.describe_inputs` for `facts`."""
    file = Path(fault_transforms.__file__)
    return [
        Seed(
            seed.fault.name,
            seed.fault.family,  # type: ignore[arg-type]
            seed.fault.sentence,
            seed.columns,
            InjectedFault(file, seed.fault.name, seed.parameters),
        )
        for seed in catalogue.seeds(facts)
    ]


def column_seeds(columns: Sequence[Column], facts: dict[str, Any]) -> list[Seed]:
    """For every column: constant, always missing where it may be, and each row with another row's value."""
    own, other = Path(fault_transforms.__file__), Path(column_faults.__file__)
    found = []
    for column in columns:
        name = column.name
        typical = facts["raw"][name]["typical"]
        ways = [("constant", own, {"value": typical}), ("shuffled", other, {})]
        if column.nullable:
            ways.insert(1, ("missing", own, {"value": None}))
        for way, file, parameters in ways:
            if way == "constant" and typical is None:
                continue  # it is missing in every row already
            words = {"constant": "always the same", "missing": "always missing", "shuffled": "another row's"}[way]
            effect = "shuffled" if way == "shuffled" else "constant"
            fault = InjectedFault(file, effect, {"column": name, **parameters})
            found.append(Seed(f"{way}[{name}]", "columns", f"`{name}` is {words}", (name,), fault))
    return found
