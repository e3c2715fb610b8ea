"""What is installed with Seatrial is permissively licensed; the exceptions are named in docs/decisions/licences.md."""

import re
from importlib.metadata import PackageNotFoundError, distribution

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from seatrial.release.licences import COPYLEFT
from seatrial.train.sbom import licence_of

# Tools on a developer's machine that are neither in a model's wheel nor in its server.
KNOWN = {
    "serve": set(),
    "native": set(),
    "train": set(),
    "cli": {"jinja2-ansible-filters"},
    "sign": set(),
    "grpc": set(),
    "mcp": set(),
    "sql": {"psycopg", "psycopg-binary"},
}
# The Mozilla licence (certifi, pathspec) asks nothing of those who use its files unchanged.


def installed_with(extra: str) -> set[str]:
    """Return every distribution that `seatrial[extra]` installs here."""
    found: set[str] = set()
    asked = [("seatrial", extra)]
    seen = set(asked)
    while asked:
        name, wanted = asked.pop()
        try:
            lines = distribution(name).requires or []
        except PackageNotFoundError:
            continue  # for another platform
        found.add(name)
        for line in lines:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": wanted}):
                for more in requirement.extras or {""}:
                    pair = (canonicalize_name(requirement.name), more)
                    asked += [] if pair in seen else [pair]
                    seen.add(pair)
    return found


@pytest.mark.parametrize("extra", KNOWN)
def test_only_known_distributions_have_a_copyleft_licence(extra: str) -> None:
    names = installed_with(extra)
    assert {"numpy", "pydantic", "onnxruntime"} <= names
    assert {name for name in names if COPYLEFT.search(licence_of(distribution(name).metadata))} == KNOWN[extra]


def test_every_distribution_states_its_licence() -> None:
    names = set().union(*(installed_with(extra) for extra in KNOWN)) - {"seatrial"}
    assert len(names) > 60
    assert {name for name in names if not re.search(r"\w", licence_of(distribution(name).metadata))} == set()
