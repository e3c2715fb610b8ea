"""Whether something holds, as far as a file tells it: a condition that cannot be decided neither holds nor fails."""

from collections.abc import Iterable
from enum import Enum


class Truth(Enum):
    """SOMETIMES depends on what anybody can bring about on any branch, as which files changed: both happen.

    UNKNOWN is what cannot be seen from the file: it may be always, never, or the very filter that is looked for.
    """

    NO = "no"
    SOMETIMES = "sometimes"
    YES = "yes"
    UNKNOWN = "unknown"

    @property
    def possible(self) -> bool:
        """Whether it surely holds in some case."""
        return self in (Truth.YES, Truth.SOMETIMES)

    @property
    def negated(self) -> "Truth":
        """The truth of `not` this."""
        return {Truth.YES: Truth.NO, Truth.NO: Truth.YES}.get(self, self)


def known(value: bool) -> Truth:
    """The truth of what is known."""
    return Truth.YES if value else Truth.NO


def every(truths: Iterable[Truth]) -> Truth:
    """The truth of all of them together."""
    return _first(truths, (Truth.NO, Truth.UNKNOWN, Truth.SOMETIMES), Truth.YES)


def some(truths: Iterable[Truth]) -> Truth:
    """The truth of at least one of them."""
    return _first(truths, (Truth.YES, Truth.SOMETIMES, Truth.UNKNOWN), Truth.NO)


def _first(truths: Iterable[Truth], order: tuple[Truth, ...], otherwise: Truth) -> Truth:
    there = list(truths)
    return next((each for each in order if each in there), otherwise)
