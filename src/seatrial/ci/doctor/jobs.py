"""One form for the pipelines of CircleCI, GitHub Actions and GitLab CI: jobs, what lets them run, what they call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter

from seatrial.ci.doctor.events import Event, candidates
from seatrial.ci.doctor.shell import Call, Shell, calls
from seatrial.ci.doctor.truth import Truth, every

# How a job ended, for those that need it: "success", "failure", "skipped"; a Truth where it may have been skipped.
Result = str | Truth


@dataclass(frozen=True)
class Situation:
    """What a condition is asked about: an event, how the jobs before ended, whether an earlier step failed."""

    event: Event
    results: Mapping[str, Result] = field(default_factory=dict)
    failed: bool = False


Condition = Callable[[Situation], Truth]


def always(_situation: Situation) -> Truth:
    """Let everything through."""
    return Truth.YES


def unless_failed(situation: Situation) -> Truth:
    """What a step does of its own: it is left out after a step that failed."""
    return Truth.NO if situation.failed else Truth.YES


def ended_well(result: Result) -> Truth:
    """Whether a job succeeded."""
    return result if isinstance(result, Truth) else Truth.YES if result == "success" else Truth.NO


@dataclass
class Script:
    """What one step gives to a shell: pieces of text with their lines, and the folder that it begins in.

    `ignored` where the service is told to go on after its failure.
    """

    pieces: list[tuple[int, str]]
    folder: str | None = ""
    ignored: bool = False
    shell: Shell = field(default_factory=Shell)
    condition: Condition = unless_failed

    @cached_property
    def calls(self) -> list["Step"]:
        """Every program that it calls."""
        found = calls(self.pieces, shell=self.shell, folder=self.folder)
        return [
            Step(each.line, each.words, each.ignored or self.ignored, each.folder, self.condition) for each in found
        ]


@dataclass(frozen=True)
class Step(Call):
    """A call, with the condition of the step that it is in."""

    condition: Condition = unless_failed


@dataclass
class Job:
    """One job of one workflow. `condition` says whether it runs; `needs` are the jobs that it waits for.

    `opaque` where it does what this file does not tell. `secrets` are those of its repository that it takes, by line.
    """

    name: str
    line: int
    needs: dict[str, int] = field(default_factory=dict)  # by name, the line that says so
    condition: Condition = always
    scripts: list[Script] = field(default_factory=list)
    opaque: bool = False
    secrets: dict[str, int] = field(default_factory=dict)
    lenient: bool = False  # its failure is none for the jobs that need it

    @cached_property
    def calls(self) -> list[Step]:
        """Every program that the job calls."""
        return [call for script in self.scripts for call in script.calls]


@dataclass
class Pipeline:
    """The jobs of one workflow; `idle` are jobs of the file that no workflow has. `names` are branches it mentions.

    `partial` where some of its jobs stand in other files.
    """

    path: str
    jobs: dict[str, Job] = field(default_factory=dict)
    idle: dict[str, int] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    partial: bool = False
    _ended: dict[tuple[Event, str], dict[str, Result]] = field(default_factory=dict)

    @cached_property
    def events(self) -> list[Event]:
        """The events worth asking about."""
        return candidates(self.names)

    def own(self, name: str) -> set[Event]:
        """The events that a job's own conditions may let through, all before it having ended well or one having not."""
        job = self.jobs[name]
        well = dict.fromkeys((*job.needs, *self.before(name)), "success")
        badly = [{**well, needed: "failure"} for needed in job.needs]
        return {
            event
            for event in self.events
            if any(job.condition(Situation(event, results)) is not Truth.NO for results in (well, *badly))
        }

    def reach(self, name: str) -> set[Event]:
        """The events on which a job may run, with all that it needs."""
        found = {event for event in self.events if self.runs(name, event) is not Truth.NO}
        if not found:  # it may be one that runs after a failure
            for needed in self.before(name):
                found |= {event for event in self.events if self.runs(name, event, needed) is not Truth.NO}
        return found

    def runs(self, name: str, event: Event, failing: str = "") -> Truth:
        """Whether a job runs on an event, where the job `failing` fails."""
        result = self._results(event, failing)[name]
        return result if isinstance(result, Truth) else Truth.NO if result == "skipped" else Truth.YES

    def passes(self, name: str, call: Step, event: Event, failing: str = "") -> Truth:
        """Whether a call of a job is come to on an event, where the job `failing` fails."""
        results = self._results(event, failing)
        return every([self.runs(name, event, failing), call.condition(Situation(event, results))])

    def before(self, name: str) -> list[str]:
        """Every job that this one waits for, directly or not."""
        return self._before.get(name, [])

    @cached_property
    def _order(self) -> list[str]:
        graph = {name: [n for n in job.needs if n in self.jobs] for name, job in self.jobs.items()}
        try:
            return list(TopologicalSorter(graph).static_order())
        except CycleError:  # none of these can run; each is looked at by its own conditions
            return list(self.jobs)

    @cached_property
    def _before(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in self._order:
            needs = [needed for needed in self.jobs[name].needs if needed in self.jobs]
            found[name] = list(dict.fromkeys([*needs, *(n for needed in needs for n in found.get(needed, []))]))
        return found

    def _results(self, event: Event, failing: str) -> dict[str, Result]:
        """How each job ends."""
        key = event, failing
        if key not in self._ended:
            ended: dict[str, Result] = {}
            for name in self._order:
                job = self.jobs[name]
                results = {each: ended.get(each, "skipped") for each in (*job.needs, *self.before(name))}
                truth = job.condition(Situation(event, results))
                ended[name] = {Truth.YES: "success", Truth.NO: "skipped"}.get(truth, truth)
                if name == failing and truth is not Truth.NO:
                    ended[name] = "success" if job.lenient else "failure"
            self._ended[key] = ended
        return self._ended[key]
