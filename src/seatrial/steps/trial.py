"""The trial: a built wheel and the release that it would replace in, a verdict out, and the files that record it."""

from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from packaging.utils import canonicalize_name

from seatrial.core.errors import SeatrialError
from seatrial.core.files import require_writable
from seatrial.core.index_settings import IndexSettings
from seatrial.core.progress import Progress, silent
from seatrial.core.project import ProjectSettings
from seatrial.pages.embed import embed
from seatrial.release import Index, IndexedRelease, inspect, open_index
from seatrial.steps.compare import write_comparison
from seatrial.steps.gate_review import (
    gate_facts,
    own_verdict,
    reviewed_for,
)
from seatrial.steps.lockfile import LOCKFILE, lock_release, with_toolkit
from seatrial.steps.overview import related_pages, write_overview
from seatrial.steps.own_process import copy_export
from seatrial.steps.recipes import project_recipes, released_recipes
from seatrial.steps.signing import sign_result
from seatrial.steps.traffic import traffic_of
from seatrial.steps.trial_setup import TrialPair, policy_and_wheels, project_policy
from seatrial.stores.remote_tables import open_source
from seatrial.trial import gate
from seatrial.trial.acceptance_review import refused_checks
from seatrial.trial.equality_checks import judged_as
from seatrial.trial.gate import Acceptance, read_acceptances, result_folder
from seatrial.trial.gate_checks import DECLARED
from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Kind, NotComparedError, Verdict
from seatrial.trial.report.formats import to_json, to_junit, to_markdown
from seatrial.trial.report.page import to_html
from seatrial.trial.run import run
from seatrial.trial.verdict import judge
from seatrial.wheels.attestation import STATEMENT, signing_key
from seatrial.wheels.sources import WheelSource
from seatrial.wheels.wheel import WheelInfo


@dataclass(frozen=True)
class TrialResult:
    """A verdict and its folder, if it has one; if it passed, the lockfile of the tested environment ("" if none)."""

    verdict: Verdict = field(repr=False)
    lockfile: str = field(default="", repr=False)
    folder: Path | None = None

    def __str__(self) -> str:
        return self.cause

    @property
    def outcome(self) -> str:
        """The verdict in a word: passed, blocked, waiting or inconclusive."""
        return str(self.verdict.outcome)

    @property
    def passed(self) -> bool:
        """Whether the release may be published."""
        return self.verdict.exit_code == 0

    @property
    def cause(self) -> str:
        """The verdict and its cause in a sentence."""
        return self.verdict.cause

    @property
    def next_step(self) -> str:
        """What usually follows: a command, or what has to be done first."""
        return "seatrial publish" if self.passed else gate.next_step(self.verdict)

    @property
    def checks(self) -> list[dict[str, Any]]:
        """The checks as rows of a table: `pandas.DataFrame(result.checks)`."""
        keys = ("suite", "name", "subject", "outcome", "summary", "old", "new", "limit", "hint")
        return [{key: getattr(check, key) for key in keys} | {"id": check.id} for check in self.verdict.checks]

    def _repr_html_(self) -> str:

        return embed(to_html(self.verdict))


def unchanged(pair: TrialPair) -> str:
    """Say that the built wheel is the release that it would replace; "" where there is something to compare.

    This happens when only a lockfile was committed. That release had its trial. What may have changed since is the
    date, and an acceptance must not expire for a release that is already being served.
    """
    project_policy(pair.project)  # an invalid one is an error in any case
    if pair.baseline is None or pair.baseline_sha256 != pair.candidate.sha256:
        return ""
    note = f"{pair.baseline.requirement} is already published, with exactly these bytes: there is nothing to compare."
    gate.write_results(pair.folder, {"trial.md": f"{note}\n"})
    return note


def run_trial(
    pair: TrialPair,
    *,
    data: str | Path | None = None,
    traffic: str = "",
    output: Path | None = None,
    same_wheel: bool = False,
    kind: Kind | None = None,
    progress: Progress = silent,
) -> TrialResult:
    """Compare the two releases of a project's trial, and write the result to its folder or to `output`.

    `traffic` is a window of the prediction log, whose rows both answer too; default: the policy's. `kind` replaces the
    policy's. A trial of the same two wheels that was run as a retrain or a redesign is judged as the other without
    being run again.
    """
    project, candidate, baseline, index = pair.project, pair.candidate, pair.baseline, pair.index
    if kind and not (data or traffic or output or same_wheel):
        policy = project_policy(project).model_copy(update={"kind": kind})
        if verdict := _judged_again(pair, policy):
            return write_pair_result(
                pair, pair.folder, verdict, lock_tested(verdict, candidate, with_toolkit(index), project, progress)
            )
    policy, source = policy_and_wheels(project, index, progress)
    policy = policy.model_copy(update={"kind": kind}) if kind else policy
    facts, rules = gate_facts(project, index, candidate, baseline, policy)
    reviewed = reviewed_for(project, candidate, pair.baseline_sha256, rules, datetime.now(UTC).date())
    require_writable(output or pair.folder)
    with TemporaryDirectory(prefix="seatrial-") as folder:
        with open_source(data, progress) if data else nullcontext() as export:
            rows = copy_export(project, export, Path(folder)) if export else None
        with project_recipes(project, pair.built, index, baseline, policy, Path(folder), progress) as recipes:
            verdict = run(
                candidate,
                index.fetch(baseline) if baseline else None,
                policy=policy,
                index=source,
                recipes=recipes,
                data=rows,
                traffic=traffic_of(project, policy, traffic),
                acceptances=reviewed.valid,
                same_wheel=same_wheel,
                further=[*facts, *refused_checks(reviewed)],
                progress=progress,
            )
    return write_pair_result(
        pair, output or pair.folder, verdict, lock_tested(verdict, candidate, source, project, progress)
    )


def _judged_again(pair: TrialPair, policy: Policy) -> Verdict | None:
    """The stored verdict of these two wheels, judged as another kind of change; None where a trial has to be run."""
    verdict = gate.stored_verdict(pair.project.root, pair.candidate.sha256, pair.baseline_sha256)
    if verdict is None or verdict.kind == policy.kind or "repackage" in (verdict.kind, policy.kind):
        return None
    if not own_verdict(pair.project, verdict):
        return None
    if verdict.policy != {**policy.model_dump(), "kind": verdict.kind}:
        return None
    facts, _ = gate_facts(pair.project, pair.index, pair.candidate, pair.baseline, policy)
    kept = [check for check in judged_as(verdict.checks, policy.kind) if check.name != DECLARED]
    checks = [*kept, *(fact for fact in facts if fact.name == DECLARED)]
    outcome, cause = judge(checks, policy)
    return replace(
        verdict, checks=tuple(checks), outcome=outcome, cause=cause, kind=policy.kind, policy=policy.model_dump()
    )


def stored_result(pair: TrialPair) -> TrialResult | None:
    """Return the result of the trial that the built wheel passed before it was published; None if it is not."""
    note = unchanged(pair)
    if not note:
        return None
    for folder in gate.result_folders(pair.project.root, pair.candidate.sha256):
        verdict = gate.read_result(folder)
        if verdict.exit_code == 0:
            return TrialResult(verdict, folder=folder)
    raise NotComparedError(note, hint="Change the project and build it again, with a higher version.")


def compare_releases(
    old: str,
    new: str,
    *,
    project: ProjectSettings | None,
    index: IndexSettings | None,
    data: str | Path | None = None,
    traffic: str = "",
    output: Path | None = None,
    same_wheel: bool = False,
    kind: Kind | None = None,
    progress: Progress = silent,
) -> TrialResult:
    """Compare any two releases, given as wheels or as name==version on an index, with or without a project.

    The result for two releases of the project is stored for its gates, like that of its own trial.
    """
    opened = open_index(index) if index else None
    policy, source = policy_and_wheels(project, opened, progress)
    policy = policy.model_copy(update={"kind": kind}) if kind else policy
    (baseline, old_release), (candidate, new_release) = (_wheel_of(name, opened) for name in (old, new))
    with TemporaryDirectory(prefix="seatrial-") as unpacked, ExitStack() as stack:
        recipes = None
        rows = stack.enter_context(open_source(data, progress)) if data else None
        acceptances, further = _facts_of(project, opened, candidate, new_release, old_release, policy)
        if opened and old_release and new_release and old_release.sha256 != new_release.sha256:
            made = released_recipes(opened, new_release, old_release, policy, Path(unpacked), progress)
            recipes = stack.enter_context(made)
        verdict = run(
            candidate,
            baseline,
            policy=policy,
            index=source,
            recipes=recipes,
            data=rows,
            traffic=traffic_of(project, policy, traffic),
            acceptances=acceptances,
            same_wheel=same_wheel,
            further=further,
            progress=progress,
        )
    if project and source and old_release and new_release and new_release.name == canonicalize_name(project.name):
        folder = output or result_folder(project.root, new_release.sha256, old_release.sha256)
        wheel = inspect(candidate)
        lockfile = lock_tested(verdict, wheel, source, project, progress)
        return write_result(folder, verdict, lockfile, project, (inspect(baseline), wheel))
    return write_result(output, verdict) if output else TrialResult(verdict)


def _facts_of(
    project: ProjectSettings | None,
    index: Index | None,
    candidate: Path,
    new: IndexedRelease | None,
    old: IndexedRelease | None,
    policy: Policy,
) -> tuple[Sequence[Acceptance], Sequence[Check]]:
    """The acceptances that count for two releases of the project on its index, and the gate's checks."""
    if not (project and index and new and old) or new.name != canonicalize_name(project.name):
        return (read_acceptances(project.root) if project else ()), ()
    wheel = inspect(candidate)
    facts, rules = gate_facts(project, index, wheel, old, policy)
    reviewed = reviewed_for(project, wheel, old.sha256, rules, datetime.now(UTC).date())
    return reviewed.valid, [*facts, *refused_checks(reviewed)]


def _wheel_of(name: str, index: Index | None) -> tuple[Path, IndexedRelease | None]:
    if name.endswith(".whl"):
        return Path(name).absolute(), None
    if index is None:
        raise SeatrialError(
            f"{name!r} is not a wheel, and there is no index to look it up on.", hint="Name one with --index."
        )
    release = index.find(name)
    return index.fetch(release), release


def write_pair_result(pair: TrialPair, folder: Path, verdict: Verdict, lockfile: str) -> TrialResult:
    """Write the verdict of a pair, as `write_result` does, with both of its wheels."""
    baseline = pair.index.fetch_wheel(pair.baseline) if pair.baseline else None
    return write_result(folder, verdict, lockfile, pair.project, (baseline, pair.candidate))


def write_result(
    folder: Path,
    verdict: Verdict,
    lockfile: str = "",
    project: ProjectSettings | None = None,
    wheels: tuple[WheelInfo | None, WheelInfo] | None = None,
) -> TrialResult:
    """Write a verdict in all its formats, and the lockfile of the tested environment.

    With a project and its two wheels, it also writes their comparison, and links the project's pages.
    """
    page = folder / "trial.html"
    old, new = wheels or (None, None)
    compared = old is not None and new is not None and old.sha256 != new.sha256
    pages = related_pages(project, new, page, old if compared else None) if project and new else ()
    files = {page.name: to_html(verdict, pages=pages), "trial.md": to_markdown(verdict), "junit.xml": to_junit(verdict)}
    if lockfile:
        files[LOCKFILE] = lockfile
    else:
        (folder / LOCKFILE).unlink(missing_ok=True)  # from an earlier trial
    like = project.data if project else None  # the page quotes rows
    gate.write_results(folder, {**files, "verdict.json": to_json(verdict)}, like=like)
    if project and new:
        (folder / STATEMENT).unlink(missing_ok=True)  # about an earlier verdict
        if verdict.exit_code == 0 and (key := signing_key()):
            sign_result(folder, new.path.name, verdict, key, gate.acceptances_of(project.root, verdict))
    if project and old and new and compared:
        write_comparison(project, old, new)
    if project:
        write_overview(project)
    return TrialResult(verdict, lockfile, folder)


def lock_tested(
    verdict: Verdict, candidate: WheelInfo, source: WheelSource | None, project: ProjectSettings, progress: Progress
) -> str:
    """Lock what a passed candidate runs with, for `deploy`; "" where it did not pass or cannot be locked now.

    Whether everything that the server needs can be resolved is not the trial's concern; `deploy` reports it.
    """
    from seatrial.deploy.service_log import logs_in_containers

    if verdict.exit_code or source is None:
        return ""
    try:
        return lock_release(candidate, source, [], progress, logs=logs_in_containers(project)).lockfile.text
    except SeatrialError:
        return ""
