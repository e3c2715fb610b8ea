"""The noise floor: for each family of statistics, how much harmless retraining changes. `trial.noise` measures it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """One family's limit: a member fails if its value exceeds `largest` times its own `noise`."""

    noise: dict[str, float]
    largest: float
    typical: float  # the noise of a member that no replica showed

    def of(self, member: str) -> float:
        """The limit of one member, in the unit of its value."""
        return self.largest * self.noise.get(member, self.typical)


@dataclass(frozen=True)
class NoiseFloor:
    """The limits by family, and the families without one, with the reason."""

    limits: dict[str, Limit]
    dropped: dict[str, str]
    replicas: int
    share: float

    def of_members(self, family: str) -> dict[str, float]:
        """The limit of each member of a family; empty if the family has none."""
        limit = self.limits.get(family)
        return {name: limit.of(name) for name in limit.noise} if limit else {}
