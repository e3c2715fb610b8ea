"""A file of faults as a worker loads it, by its path: `shift` moves every score, `label` decides the other way."""

from collections.abc import Mapping
from typing import Any


def apply(release: Any, name: str, parameters: Mapping[str, Any]) -> None:
    """Inject a fault into a release by setting its attributes."""
    score, table, decide = release.score, release.score_table, release.decide_index
    if name == "shift":
        release.score = lambda rows: score(rows) + parameters["by"]
        release.score_table = lambda columns: table(columns) + parameters["by"]
    elif name == "label":
        release.decide_index = lambda scores: 1 - decide(scores)
    elif name == "drop":
        release.score_table = lambda columns: table(columns)[1:]
    else:
        raise ValueError(f"no fault is called {name}")
