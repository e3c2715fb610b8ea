"""One form for the pipelines of CircleCI, GitHub Actions and GitLab CI: jobs, what lets them run, what they call."""

from dataclasses import dataclass, field

from seatrial.ci.doctor.events import Condition, Event, candidates
from seatrial.ci.doctor.shell import Call, calls


@dataclass
class Script:
    """Shell text of a step; `ignored` where the service is told to go on after its failure."""

    text: str
    line: int
    ignored: bool = False


@dataclass
class Job:
    """One job of one workflow. `allows` says which events its own conditions let through; `needs` must have run."""

    name: str
    line: int
    needs: dict[str, int] = field(default_factory=dict)  # by name, the line that says so
    allows: list[Condition] = field(default_factory=list)
    scripts: list[Script] = field(default_factory=list)
    elsewhere: bool = False  # it does not work in the folder that is looked at

    @property
    def calls(self) -> list[Call]:
        """Every program that the job calls."""
        return [
            Call(call.line, call.words, call.ignored or script.ignored)
            for script in self.scripts
            for call in calls(script.text, script.line)
        ]


@dataclass
class Pipeline:
    """The jobs of one workflow; `idle` are jobs of the file that no workflow has. `names` are branches it mentions."""

    path: str
    jobs: dict[str, Job] = field(default_factory=dict)
    idle: dict[str, int] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)

    def own(self, name: str) -> set[Event]:
        """The events that a job's own conditions let through."""
        return {event for event in candidates(self.names) if all(allows(event) for allows in self.jobs[name].allows)}

    def reach(self, name: str, above: tuple[str, ...] = ()) -> set[Event]:
        """The events on which a job runs: it and all that it needs must be let through."""
        found = self.own(name)
        for needed in self.jobs[name].needs:
            if needed in self.jobs and needed not in above:
                found &= self.reach(needed, (*above, name))
        return found

    def before(self, name: str) -> set[str]:
        """Every job that has ended well before this one begins."""
        found: set[str] = set()
        waiting = list(self.jobs[name].needs)
        while waiting:
            each = waiting.pop()
            if each in self.jobs and each not in found:
                found.add(each)
                waiting += self.jobs[each].needs
        return found
