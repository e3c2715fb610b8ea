"""A server in a container of 512 MiB survives attacks for ten seconds each, and honest clients hardly notice."""

from pathlib import Path

import pytest
from benchmarks.attacks.attackers import ATTACKS
from benchmarks.attacks.container import NoControlGroupsError
from benchmarks.attacks.run import measure

SLOWEST_MS = 250  # on a machine where nothing else runs
SECONDS = 10.0


@pytest.mark.soak
@pytest.mark.parametrize("kind", list(ATTACKS))
def test_an_attack_ends_nothing_and_loses_nothing(titanic_project: Path, kind: str) -> None:
    try:
        figures = measure(kind, SECONDS, source=titanic_project / "src")
    except NoControlGroupsError as error:
        pytest.skip(str(error))
    assert not figures["killed"], figures
    assert figures["lost"] == {}, figures
    assert figures["sent"] == SECONDS * 200, figures
    assert figures["slowest_ms"] < SLOWEST_MS, figures
    assert figures["peak_mb"] < 400, figures
    assert figures["afterwards_mb"] < 1.2 * figures["start_mb"], figures
