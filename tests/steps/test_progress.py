"""Progress: a line for each step that took a while, on anything that is not a terminal."""

import io

from rich.console import Console

from seatrial.steps import progress as module
from seatrial.steps.progress import show_progress


def lines(*steps: str, monkeypatch, seconds: float = 1.0) -> list[str]:
    """What is printed about steps that take so many seconds each."""
    clock = iter(seconds * number for number in range(100))
    monkeypatch.setattr(module.time, "perf_counter", lambda: next(clock))
    console = Console(file=io.StringIO(), force_jupyter=False, force_terminal=False, width=100)
    with show_progress(console) as report:
        for step in steps:
            report(step)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_each_step_is_a_line_with_its_time(monkeypatch):
    printed = lines("fitting on 10 rows", "writing [the] report", monkeypatch=monkeypatch)
    assert [line.rsplit(maxsplit=2)[0] for line in printed] == ["  ✓ fitting on 10 rows", "  ✓ writing [the] report"]
    assert all(line.endswith(" s") for line in printed)


def test_repeated_reports_of_a_step_are_one_line_with_the_last_figure(monkeypatch):
    printed = lines("predicted 1 rows", "predicted 2 rows", monkeypatch=monkeypatch)
    assert [line.rsplit(maxsplit=2)[0] for line in printed] == ["  ✓ predicted 2 rows"]


def test_quick_steps_and_quiet_ones_are_not_printed(monkeypatch, capsys):
    assert lines("asking the index", monkeypatch=monkeypatch, seconds=0.001) == []
    with show_progress(quiet=True) as report:
        report("anything")
    assert capsys.readouterr() == ("", "")
