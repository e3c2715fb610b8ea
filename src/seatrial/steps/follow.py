"""Follow: a candidate answers what production was asked, as the log grows, beside production and never in its way."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.core.errors import SeatrialError, UsageError
from seatrial.core.moments import parse_moment
from seatrial.core.progress import Progress, silent
from seatrial.core.project import ProjectSettings
from seatrial.deploy import TargetState, open_target
from seatrial.model.row_hash import content_hashes
from seatrial.prediction_log.log_files import FolderLog, LogFile, groups
from seatrial.prediction_log.log_query import LogQuery, SeenNames
from seatrial.prediction_log.project_log import log_settings
from seatrial.prediction_log.reading import PredictionLog
from seatrial.release import open_index
from seatrial.steps.follow_state import FollowState, read_state, write_state
from seatrial.steps.traffic import labels_of, rows_of_part
from seatrial.steps.trial_setup import policy_and_wheels
from seatrial.trial import gate
from seatrial.trial.compare.scoring import Scoring
from seatrial.trial.compare.statistics import MINIMAL
from seatrial.trial.compare.total import TURNED
from seatrial.trial.policy import Policy
from seatrial.trial.records import ExitCode, NotComparedError, Verdict
from seatrial.trial.rows.answer_collection import flat, scoring_of
from seatrial.trial.rows.logged_rows import LoggedRows
from seatrial.trial.sandbox.answers import Description
from seatrial.trial.sandbox.queries import Describe, Score
from seatrial.trial.sandbox.sandbox import Sandbox, open_sandbox
from seatrial.trial.shadow import ShadowDecision, ShadowLimits, ShadowState, decide, moved, worsened

EVERY_SECONDS = 10.0  # between two looks at the log
FILES = 20  # that are read together, so that a sandbox is started for many rows
IDS = 2_000  # requests that are looked up together
KEPT = 100  # of an error's text
MOST_HARMLESS = 0.1  # of the decisions: a release that turns more is not promoted without labels, however retrains vary


@dataclass(frozen=True)
class Followed:
    """What following has found so far. `exit_code` is 0 to promote, 1 to take back, 3 while nothing is proven."""

    release: str
    candidate: str
    baseline: str
    decision: ShadowDecision
    rows: int
    labelled: int
    logged: int
    change: float
    loss: float
    limits: ShadowLimits = field(repr=False)
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """The process's exit code."""
        codes = {ShadowState.promote: ExitCode.passed, ShadowState.take_back: ExitCode.blocked}
        return codes.get(self.decision.state, ExitCode.undecided)

    def __str__(self) -> str:
        return f"{self.candidate} beside {self.baseline}: {self.decision.state}. {self.decision.why}"


def follow(
    project: ProjectSettings,
    version: str,
    *,
    on: str = "local",
    since: str = "",
    once: bool = False,
    every: float = EVERY_SECONDS,
    told: Callable[[Followed], None] | None = None,
    progress: Progress = silent,
) -> Followed:
    """Follow a release on the index beside the one that serves on the target `on`, until something is proven.

    What was counted is remembered, so it may be ended at any time, and goes on with the same `since`: where a new one
    begins, as 7d or a time in UTC; default: the whole log of the release that serves. With `once` it returns after one
    look. `told` gets the result of each look.
    """
    try:
        begin = parse_moment(since, "--since").isoformat() if since else ""
    except SeatrialError as error:
        raise UsageError(error.message, hint=error.hint) from None
    opened = _open(project, version, on, progress)
    state = begun(read_state(opened.path), since, begin)
    while True:
        state = opened.look(state)
        found = opened.result(state)
        if told:
            told(found)
        if once or found.decision.state is not ShadowState.undecided:
            return found
        time.sleep(every)
        current = TargetState(project, on).current()
        if current is None or current.version != opened.baseline:
            now = current.version if current else "nothing"
            raise SeatrialError(
                f"{now} serves on {on} now, and no longer {opened.baseline}.",
                hint=f"Begin anew: `seatrial follow {version} --on {on}`.",
            )


def begun(state: FollowState | None, asked: str, begin: str) -> FollowState:
    """The state to go on with: a new one only where another `since` is asked for than the one that it began with."""
    if state is None or asked not in ("", state.asked, state.since):
        return FollowState(since=begin, asked=asked)
    return replace(state, crashed="")  # it may have been the machine


def _open(project: ProjectSettings, version: str, on: str, progress: Progress) -> "_Follower":
    open_target(project, on)  # an unknown target is an error
    current = TargetState(project, on).current()
    if current is None:
        raise SeatrialError(f"Nothing is deployed to {on}.", hint=f"Deploy a release first: `seatrial deploy {on}`.")
    index = open_index(project.index)
    name, _, number = version.rpartition("==")
    release = index.find(f"{name or project.name}=={number}")
    if release.sha256 == current.sha256:
        raise SeatrialError(f"{release.requirement} is what serves on {on}.", hint="Name another release.")
    settings = log_settings(project, by_default=True)
    log = PredictionLog(settings, project.name)
    if not isinstance(log.store, FolderLog):
        raise SeatrialError(
            "`follow` reads logs in folders and buckets, and this one is in a database.",
            hint="Use `seatrial trial --traffic 7d`.",
        )
    policy, source = policy_and_wheels(project, index, progress)
    path = project.root / ".seatrial" / "follow" / f"{release.sha256[:16]}-{current.sha256[:16]}.npz"
    progress(f"installing {release.requirement}")
    sandbox = open_sandbox(index.fetch(release), policy, index=source, progress=progress)
    described = sandbox.ask([Describe()]).description
    verdict = gate.stored_verdict(project.root, release.sha256, current.sha256)
    limits = _limits(verdict, policy, classifies=described.metadata.task != "regression")
    return _Follower(project.name, log, log.store, path, sandbox, described, current.version, limits, progress)


def _limits(verdict: Verdict | None, policy: Policy, *, classifies: bool) -> ShadowLimits:
    """What a harmless retrain changes, by the replicas in the trial of this pair if it was run."""
    family, least = ("flips", MINIMAL["flips"]) if classifies else ("changes", MINIMAL["changes"])
    names = (f"traffic.{family}", f"total.{family}")
    found = {check.name: check.evidence.get(TURNED) for check in verdict.checks} if verdict else {}
    turned = next((found[name] for name in names if found.get(name) is not None), None)
    if turned is None:
        words = "the default, since no trial of this pair has measured what a harmless retrain changes"
        return ShadowLimits(2 * least, policy.margin, policy.false_alarms, words, MOST_HARMLESS, classifies=classifies)
    most, words = max(float(turned), least), "harmless retrains change so much in the trial of these releases"
    if most > MOST_HARMLESS:
        words = f"no more than that, although harmless retrains change up to {most:.2%} in the trial of these releases"
    return ShadowLimits(
        min(most, MOST_HARMLESS), policy.margin, policy.false_alarms, words, most, classifies=classifies
    )


@dataclass(frozen=True)
class _Follower:
    """A candidate in its sandbox, and the log of the release that serves."""

    name: str
    log: PredictionLog
    store: FolderLog
    path: Path
    sandbox: Sandbox
    described: Description
    baseline: str
    limits: ShadowLimits
    progress: Progress
    tried: set[tuple[str, int]] = field(default_factory=set)  # labels of no row that the baseline answered, so far

    def look(self, state: FollowState) -> FollowState:
        """Count what came since the last look: files that were not read before, then labels that were not."""
        query = self.query(state)
        files = [file for file in self.store.files(query) if file.place(query.table) not in state.segments]
        for start in range(0, len(files), FILES):
            state = self._read_files(state, files[start : start + FILES])
            write_state(self.path, state)  # rows and their files at once: nothing is counted twice
        if files:
            self.tried.clear()
        if labelled := self._read_labels(state):
            state = labelled
            write_state(self.path, state)
        return state

    def query(self, state: FollowState) -> LogQuery:
        """What the baseline was asked."""
        since = datetime.fromisoformat(state.since) if state.since else None
        return LogQuery(self.name, self.baseline, since)

    def result(self, state: FollowState) -> Followed:
        """What is known."""
        decision = decide(state.counts, self.limits)
        if state.crashed:
            decision = ShadowDecision(ShadowState.take_back, f"The candidate failed: {state.crashed}")
        counts = state.counts
        notes = (f"A change of up to {self.limits.change:.2%} counts as harmless: {self.limits.change_from}.",)
        return Followed(
            self.sandbox.wheel.name, self.sandbox.wheel.version, self.baseline, decision, counts.rows,
            counts.labelled, state.logged, counts.change, counts.loss, self.limits, notes,
        )  # fmt: skip

    def _read_files(self, state: FollowState, files: Sequence[LogFile]) -> FollowState:
        query = self.query(state)
        read = state.with_segments(file.place(query.table) for file in files)
        for part in groups(self.store.footers(files), self.store.system):
            rows = self._rows(part, query, {})
            read = read.with_logged(rows.logged)
            if not rows.size:
                continue
            hashes = content_hashes(rows.columns, rows.size, [0])[0]
            once = np.unique(hashes, return_index=True)[1]  # the first of equal rows
            fresh = np.sort(once[~np.isin(hashes[once], read.seen)])
            if not len(fresh):
                continue
            self.progress(f"asking the candidate {len(fresh):,} rows")
            try:
                scores = self._ask(rows, fresh)
            except NotComparedError as error:
                return state.with_crash(error.message[:KEPT])  # its files are read again by the next one
            scoring, read = self._scoring(rows, read)
            change = moved(scoring, _logged(scoring, rows, fresh), scores)
            read = read.with_rows(hashes[fresh], change)
        return read

    def _read_labels(self, state: FollowState) -> FollowState | None:
        """Compare rows whose label has come; each counts once, with the label that came first."""
        labels = labels_of(self.log)
        new = [each for each in labels if f"{each[0]}/{each[1]}" not in state.labelled and each not in self.tried]
        if not new or state.crashed:
            return None
        for start in range(0, len(new), IDS):
            wanted = {place[0] for place in new[start : start + IDS]}
            query = replace(self.query(state), among=("request_id", sorted(wanted)))
            for part in groups(self.store.footers(self.store.files(query)), self.store.system):
                rows = self._rows(part, query, labels)
                names = [f"{request}/{row}" for request, row in rows.requests]
                places = [k for k in range(rows.size) if rows.labels[k] is not None and names[k] not in state.labelled]
                places = list({names[k]: k for k in reversed(places)}.values())  # a request that was sent again
                if not places:
                    continue
                chosen = np.array(places)
                try:
                    scores = self._ask(rows, chosen)
                except NotComparedError as error:
                    return state.with_crash(error.message[:KEPT])
                scoring, state = self._scoring(rows, state)
                logged = _logged(scoring, rows, chosen)
                worse = worsened(scoring, logged, scores, [rows.labels[k] for k in places])
                state = state.with_labels([names[k] for k in places], worse, moved(scoring, logged, scores))
        self.tried.update(each for each in new if f"{each[0]}/{each[1]}" not in state.labelled)
        return state

    def _rows(self, part: Any, query: LogQuery, labels: Mapping[tuple[str, int], Any]) -> LoggedRows:
        """All rows of a part that the query wants."""
        columns, classes = self.described.columns, self.described.metadata.classes
        rows = rows_of_part(part, self.log.settings, query, columns, classes, self.baseline, labels, SeenNames())
        if rows.missing:
            raise SeatrialError(rows.missing, hint="`follow` needs all columns of the schema in the log.")
        return rows

    def _ask(self, rows: LoggedRows, chosen: Any) -> Any:
        table = {name: values[chosen] for name, values in rows.columns.items()}
        scored = self.sandbox.ask([Score("traffic", table)]).scored["traffic"]
        return flat(scored.scores, self.described.metadata.task == "regression")

    def _scoring(self, rows: LoggedRows, state: FollowState) -> tuple[Scoring, FollowState]:
        """How scores are read; the unit of a regression is the spread of the first answers."""
        if self.described.metadata.task == "regression" and not state.scale:
            state = state.with_scale(float(np.nanstd(rows.scores)) or 1.0)
        return scoring_of(self.described, state.scale or 1.0), state


def _logged(scoring: Scoring, rows: LoggedRows, chosen: Any) -> Any:
    """What was answered: positions in the classes, or numbers."""
    if not scoring.classifies:
        return rows.scores[chosen]
    return scoring.positions([rows.answers[k] for k in chosen.tolist()])
