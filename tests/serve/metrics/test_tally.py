"""Tallies of several processes can be added, and passed on."""

from seatrial.serve.metrics.families import BATCHES, LOG_BACKLOG
from seatrial.serve.metrics.tally import Tally, bucketed


def some(total: float, level: float) -> Tally:
    return Tally(
        {"t": {("a", "b"): total}}, {"l": {(): level}, LOG_BACKLOG.name: {(): 7}}, {"h": {("r",): [1, 0, total]}}
    )


def test_totals_levels_and_histograms_are_added() -> None:
    numbers = some(1, 2)
    numbers.add(some(10, 20))
    numbers.add(Tally({"t": {("c", "d"): 5}}, {}, {"h": {("s",): [0, 0, 1]}}))
    assert numbers.totals == {"t": {("a", "b"): 11, ("c", "d"): 5}}
    assert numbers.levels["l"] == {(): 22}
    assert numbers.histograms == {"h": {("r",): [2, 0, 11], ("s",): [0, 0, 1]}}


def test_what_all_processes_share_is_not_added() -> None:
    numbers = some(1, 2)
    numbers.add(some(10, 20))
    assert numbers.levels[LOG_BACKLOG.name] == {(): 7}


def test_adding_changes_the_first_alone() -> None:
    second = some(10, 20)
    numbers = Tally()
    numbers.add(second)
    numbers.add(second)
    assert second == some(10, 20)


def test_numbers_survive_json() -> None:
    assert Tally.from_json(some(1.5, 2).to_json()) == some(1.5, 2)


def test_the_levels_of_an_ended_process_are_gone() -> None:
    assert some(1, 2).ended() == Tally(some(1, 2).totals, {}, some(1, 2).histograms)


def test_sizes_are_put_into_buckets() -> None:
    assert bucketed(BATCHES, {1: 5, 3: 2, 256: 1, 300: 1}) == [5, 0, 2, 0, 0, 0, 0, 0, 1, 1, 5 + 6 + 256 + 300]
