"""The pytest plugin: one test for each check of the trial, under the marker `differential`.

A project's tests/test_differential.py is as short as this:

    import pytest

    @pytest.mark.differential
    def test_the_candidate_may_replace_the_baseline(trial_check) -> None:
        trial_check.require()

A test that takes `trial_check` stands for as many tests as the trial makes checks. The trial is held once a session,
also with pytest-xdist, and only if such a test is left when pytest has selected by `-m`, `-k` and by path; with
`--collect-only` it is not. Nothing is selected or skipped by this plugin: since a trial takes its time, a project puts
`-m "not differential"` into its `addopts`, and `pytest -m differential` on the command line overrules that.

A check that passed, or is noted or accepted, passes, and what the latter say is a section of the report. One that is
blocked, waiting or inconclusive fails. Where nothing was compared, for want of a wheel or of any check, it is an error.

What holds the trial is the hook `pytest_seatrial_hold`, by default what the command does (`HOLDER`). This module is
loaded by every run of pytest where Seatrial is installed, so it imports nothing of weight before a trial is wanted.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from seatrial.trial.records import Check, Verdict

FIXTURE = "trial_check"
# Given any folder of a project, holds its trial. A name, since a trial knows nothing of the command above it.
HOLDER = ("seatrial.steps.trial", "hold_project")
_SHARED = "seatrial_trial"  # in xdist's workerinput: the folder in which workers meet
_CHECK = pytest.StashKey["Check | str"]()
_FOLDER = pytest.StashKey[Path]()
_VERDICTS = pytest.StashKey[dict[Path, "Verdict | str"]]()
_TOLD = pytest.StashKey[list[str]]()


class Hooks:
    """What a conftest.py can do otherwise."""

    @pytest.hookspec(firstresult=True)
    def pytest_seatrial_hold(self, project: Path, config: pytest.Config) -> "Verdict | None":
        """Hold the trial of the project that the folder `project` lies in.

        Return its verdict, or raise a SeatrialError (as NotComparedError) saying why there is none.
        """


class TrialCheck:
    """One check, as a test sees it."""

    def __init__(self, check: "Check", node: pytest.Item) -> None:
        self.check = check
        self._node = node

    def require(self) -> None:
        """Fail unless the check leaves the release a way to be published."""
        from seatrial.trial.records import Outcome
        from seatrial.trial.report.reading import FAILED, WORD, figures_of
        from seatrial.trial.report.words import clean, sentence

        check = self.check
        parts = [f"{WORD[check.outcome]}: {sentence(clean(check.summary))}", clean(figures_of(check))]
        if check.outcome in FAILED:
            parts.append(sentence(clean(check.hint)) or _NEXT[check.outcome.value])
            pytest.fail("\n".join(part for part in parts if part), pytrace=False)
        if check.outcome is not Outcome.passed:
            self._node.add_report_section("call", "trial", "\n".join(part for part in parts if part))


_NEXT = {
    "blocked": "`seatrial trial` writes a page that shows what changed.",
    "waiting": "Look at it, and accept it if it is right: `seatrial trial accept --reason ...`",
    "inconclusive": "It could not be found out, which is no pass; `seatrial trial` says more.",
}


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Let projects say how the trial is held."""
    pluginmanager.add_hookspecs(Hooks)


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker, so that `--strict-markers` knows it."""
    config.addinivalue_line("markers", "differential: the sea trial of the candidate release; takes a while")


@pytest.hookimpl(trylast=True)
def pytest_seatrial_hold(project: Path) -> "Verdict":
    """Hold it as the command does."""
    from importlib import import_module

    module, function = HOLDER
    verdict: Verdict = getattr(import_module(module), function)(project)
    return verdict


@pytest.fixture
def trial_check(request: pytest.FixtureRequest) -> TrialCheck:
    """One check of the trial; a test that takes it is run for each."""
    check = request.node.stash.get(_CHECK, "The trial was not held: `trial_check` does not go with parametrize.")
    if isinstance(check, str):
        pytest.fail(check, pytrace=False)
    return TrialCheck(check, request.node)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put a test for each check in the place of those that were selected; last, as others deselect."""
    if config.option.collectonly or not any(_stands_for_checks(item) for item in items):
        return
    items[:] = [each for item in items for each in (_one_for_each(item) if _stands_for_checks(item) else [item])]


def _stands_for_checks(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and FIXTURE in item.fixturenames and not hasattr(item, "callspec")


def _one_for_each(item: pytest.Item) -> Iterator[pytest.Item]:
    assert isinstance(item, pytest.Function)
    verdict = _held(item)
    if isinstance(verdict, str):
        yield _copy(item, "trial", verdict)
        return
    from seatrial.trial.records import ExitCode
    from seatrial.trial.report.reading import failed, headline
    from seatrial.trial.report.words import clean

    line = f"{headline(verdict)}"
    item.config.stash.setdefault(_TOLD, []).append(clean(line))
    if not verdict.checks or (verdict.exit_code != ExitCode.passed and not failed(verdict)):
        yield _copy(item, "verdict", clean(line))
    for check in verdict.checks:
        yield _copy(item, clean(check.id, 120), check)


def _copy(item: pytest.Function, name: str, check: "Check | str") -> pytest.Item:
    """The same test once more, for one check, or to say why there is none."""
    copy = pytest.Function.from_parent(item.parent, name=f"{item.name}[{name}]", callobj=item.obj)
    for mark in item.own_markers:  # also those that a conftest.py put on it
        if mark not in copy.own_markers:
            copy.add_marker(getattr(pytest.mark, mark.name).with_args(*mark.args, **mark.kwargs))
    copy.stash[_CHECK] = check
    return copy


def _held(item: pytest.Function) -> "Verdict | str":
    """The trial of this test's project: held once, or read from where the first of xdist's workers put it."""
    config, project = item.config, item.path.parent
    known = config.stash.setdefault(_VERDICTS, {})
    if project not in known:
        shared = getattr(config, "workerinput", {}).get(_SHARED)
        known[project] = _first_of_many(item, Path(shared)) if shared else _hold(item)
    return known[project]


def _hold(item: pytest.Function) -> "Verdict | str":
    from seatrial.core.errors import SeatrialError
    from seatrial.trial.records import Verdict
    from seatrial.trial.report.words import clean

    try:
        verdict = item.ihook.pytest_seatrial_hold(project=item.path.parent, config=item.config)
    except SeatrialError as error:
        return "\n".join(clean(part) for part in (f"Not compared: {error.message}", error.hint) if part)
    except Exception as error:  # a fault of ours must be a red test rather than the end of the run
        return clean(f"Not compared: the trial failed with {type(error).__name__}: {error}")
    return verdict if isinstance(verdict, Verdict) else "Not compared: the trial gave no verdict."


def _first_of_many(item: pytest.Function, shared: Path) -> "Verdict | str":
    """Workers must collect the same tests, so they wait for whoever comes first; a lock ends with its process."""
    import hashlib
    import json

    from filelock import FileLock

    from seatrial.core.files import write_atomic
    from seatrial.trial.records import read_verdict
    from seatrial.trial.report.document import to_json

    path = shared / f"{hashlib.sha256(str(item.path.parent).encode()).hexdigest()}.json"
    with FileLock(f"{path}.lock"):
        if not path.exists():
            found = _hold(item)
            write_atomic(path, json.dumps(found) if isinstance(found, str) else to_json(found))
    document: Any = json.loads(path.read_bytes())
    return document if isinstance(document, str) else read_verdict(document, str(path))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """With xdist: give each worker the folder in which they meet, new for each session."""
    if _FOLDER not in node.config.stash:
        node.config.stash[_FOLDER] = Path(tempfile.mkdtemp(prefix="seatrial-trial-"))
    node.workerinput[_SHARED] = str(node.config.stash[_FOLDER])


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say the verdict and its cause in one line."""
    told = config.stash.get(_TOLD, []) or _told_by_workers(config)
    for line in dict.fromkeys(told):
        terminalreporter.section("sea trial")
        terminalreporter.line(line)


def _told_by_workers(config: pytest.Config) -> list[str]:
    folder = config.stash.get(_FOLDER, None)
    found = sorted(folder.glob("*.json")) if folder else []
    if not found:
        return []
    import json

    from seatrial.trial.records import read_verdict
    from seatrial.trial.report.reading import headline
    from seatrial.trial.report.words import clean

    documents = [(json.loads(path.read_bytes()), str(path)) for path in found]
    return [clean(str(headline(read_verdict(*each)))) for each in documents if isinstance(each[0], dict)]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind."""
    if _FOLDER in config.stash:
        shutil.rmtree(config.stash[_FOLDER], ignore_errors=True)
