"""What is evicted when the budget of a process is used up."""

import pytest

from seatrial.http import Limits
from seatrial.http.budget import Budget


class Held:
    """A connection as the budget sees it."""

    def __init__(self, owner: Budget, since: float = 1.0, *, useful: bool = False, busy: bool = False) -> None:
        self.owner, self.since, self.useful, self.busy = owner, since, useful, busy
        self.size = 0
        self.stalled = False
        self.gone = False

    def take(self, size: int, *, large: bool = False) -> bool:
        if taken := self.owner.take(self, size, large=large):
            self.size += size
        return taken

    def waiting_since(self) -> float:
        return 0.0 if self.busy else self.since

    def is_stalled(self) -> bool:
        return self.stalled

    def evict(self) -> None:
        self.gone = True
        self.owner.give_back(self.size)
        self.owner.stop_waiting(self)


@pytest.fixture
def bounded() -> Budget:
    return Budget(Limits(held=100, connections=32))


def test_the_longest_waiting_make_room(bounded: Budget) -> None:
    first, second, third = Held(bounded), Held(bounded), Held(bounded)
    assert first.take(40)
    assert second.take(40)
    assert first.take(10)  # it is still the one that has waited the longest
    assert third.take(30)
    assert [each.gone for each in (first, second, third)] == [True, False, False]
    assert bounded.held == 70


def test_what_is_being_answered_is_never_dropped(bounded: Budget) -> None:
    complete, unfinished = Held(bounded), Held(bounded)
    assert complete.take(90)
    bounded.stop_waiting(complete)
    assert not unfinished.take(20)
    assert not complete.gone
    assert bounded.held == 90


def test_large_bodies_leave_a_quarter_to_others_and_take_the_place_of_stalled_ones_only(bounded: Budget) -> None:
    first, second, small = Held(bounded), Held(bounded), Held(bounded)
    assert first.take(70, large=True)
    assert not second.take(20, large=True)  # the first one may still arrive
    assert small.take(25)
    assert not first.gone
    first.stalled = True
    assert second.take(20, large=True)
    assert first.gone


def test_silent_connections_make_room_before_idle_ones(bounded: Budget) -> None:
    idle = [Held(bounded, since=0.5, useful=True) for _ in range(10)]
    busy = [Held(bounded, busy=True) for _ in range(10)]
    silent = [Held(bounded, since=i + 1.0) for i in range(12)]
    assert bounded.make_room([*idle, *busy, *silent])
    assert not any(each.gone for each in [*idle, *busy, *silent])
    assert bounded.make_room([*silent[::-1], *idle, *busy, Held(bounded, since=99.0)])
    assert [each.gone for each in silent] == [True] * 3 + [False] * 9  # a share of the limit, and one
    assert not any(each.gone for each in [*idle, *busy])


def test_the_longest_idle_one_makes_room_if_none_is_silent(bounded: Budget) -> None:
    idle = [Held(bounded, since=i + 1.0, useful=True) for i in range(33)]
    assert bounded.make_room(idle[::-1])
    assert [each.gone for each in idle] == [True] + [False] * 32


def test_there_is_no_room_if_all_are_being_answered(bounded: Budget) -> None:
    assert not bounded.make_room([Held(bounded, busy=True) for _ in range(33)])
