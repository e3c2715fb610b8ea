"""Items that a thread prepares come in their order, few of them wait, and an error comes where they are used."""

import threading
import time

import pytest

from seatrial.core.overlap import ahead


def test_items_come_in_their_order() -> None:
    assert list(ahead(iter(range(1000)))) == list(range(1000))


def test_an_error_comes_after_the_items_before_it() -> None:
    def items():
        yield 1
        raise ValueError("the third row")

    taken = ahead(items())
    assert next(taken) == 1
    with pytest.raises(ValueError, match="the third row"):
        next(taken)


def test_only_a_few_items_wait() -> None:
    made = []

    def items():
        for number in range(100):
            made.append(number)
            yield number

    taken = ahead(items(), waiting=2)
    assert next(taken) == 0
    time.sleep(0.3)
    assert len(made) <= 5  # one is used, two wait, one is in the thread's hand
    taken.close()


def test_the_thread_ends_when_nobody_takes_more() -> None:
    before = threading.active_count()
    taken = ahead(iter(range(1000)))
    next(taken)
    taken.close()
    assert threading.active_count() == before
