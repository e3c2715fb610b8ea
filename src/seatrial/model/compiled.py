"""A compiled pipeline, as the compiler returns it and training records it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Proof:
    """What was compared between graph and pipeline, and how close it was; `reason` says why the proof fails."""

    rows_table: int
    rows_generated: int
    largest_difference: float
    labels_differ: int
    ties: int
    holds: bool
    reason: str = ""


@dataclass(frozen=True)
class Compiled:
    """A serialized graph, and the proof that it equals its pipeline."""

    graph: bytes
    proof: Proof
