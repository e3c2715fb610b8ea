"""The pytest plugin: one test for each check of the trial, with the marker `differential`.

A project's tests/test_differential.py is as short as this:

    import pytest

    @pytest.mark.differential
    def test_the_candidate_may_replace_the_baseline(trial_check) -> None:
        trial_check.require()

A test that takes `trial_check` becomes one test for each check of the trial. The trial runs once per session, also with
pytest-xdist, and only if such a test is left after pytest's selection by `-m`, `-k` and path; with `--collect-only` it
does not run. The plugin itself selects and skips nothing: since a trial takes time, a project puts
`-m "not differential"` into its `addopts`, and `pytest -m differential` on the command line overrides that.

A check that passed, was noted or was accepted passes; the last two are sections of the report. A check that is blocked,
waiting or inconclusive fails. Where nothing was compared, because there is no wheel or no check, it is an error.

The trial is run by the hook `pytest_seatrial_run_trial`, which does what the command does unless a conftest.py
implements it. Every pytest run loads this module where Seatrial is installed, so it imports nothing heavy before a
trial is needed.
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
_SHARED = "seatrial_trial"  # in xdist's workerinput: the folder that workers share
_CHECK = pytest.StashKey["Check | str"]()
_FOLDER = pytest.StashKey[Path]()
_VERDICTS = pytest.StashKey[dict[Path, "Verdict | str"]]()
_HEADLINES = pytest.StashKey[list[str]]()


class Hooks:
    """What a conftest.py can override."""

    @pytest.hookspec(firstresult=True)
    def pytest_seatrial_run_trial(self, project: Path, config: pytest.Config) -> "Verdict | None":
        """Run the trial of the project that the folder `project` is in.

        Return its verdict, or raise a SeatrialError (such as NotComparedError) that says why there is none.
        """


class TrialCheck:
    """One check, as a test sees it."""

    def __init__(self, check: "Check", node: pytest.Item) -> None:
        self.check = check
        self._node = node

    def require(self) -> None:
        """Fail if the check keeps the release from being published."""
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
    "waiting": "Review the difference, and accept it if it is right: `seatrial trial accept --reason ...`",
    "inconclusive": "The check could not run, which does not count as passed; `seatrial trial` shows details.",
}


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Let projects decide how the trial is run."""
    pluginmanager.add_hookspecs(Hooks)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, so that `--strict-markers` accepts it."""
    config.addinivalue_line("markers", "differential: the sea trial of the candidate release; takes a while")


@pytest.hookimpl(trylast=True)
def pytest_seatrial_run_trial(project: Path) -> "Verdict":
    """Run it as the command does, in a process of its own: the judge must not share one with a conftest.py."""
    import json

    from seatrial.core.errors import SeatrialError
    from seatrial.steps.own_process import run_apart
    from seatrial.trial.records import ExitCode, read_verdict

    finished = (ExitCode.passed, ExitCode.blocked, ExitCode.undecided)
    document = json.loads(run_apart(["trial", "--json", "--project", str(project)], expected=finished))
    if document["outcome"] is None:
        raise SeatrialError(document["why"], hint="Change the project and build it again, with a higher version.")
    return read_verdict(document, "the trial's result")


@pytest.fixture
def trial_check(request: pytest.FixtureRequest) -> TrialCheck:
    """One check of the trial; a test that takes it runs once for each check."""
    check = request.node.stash.get(_CHECK, "The trial did not run: `trial_check` cannot be combined with parametrize.")
    if isinstance(check, str):
        pytest.fail(check, pytrace=False)
    return TrialCheck(check, request.node)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Replace the selected tests by one for each check; last, because other plugins deselect tests."""
    if config.option.collectonly or not any(_stands_for_checks(item) for item in items):
        return
    items[:] = [test for item in items for test in (_one_per_check(item) if _stands_for_checks(item) else [item])]


def _stands_for_checks(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and FIXTURE in item.fixturenames and not hasattr(item, "callspec")


def _one_per_check(item: pytest.Item) -> Iterator[pytest.Item]:
    assert isinstance(item, pytest.Function)
    verdict = _verdict_for(item)
    if isinstance(verdict, str):
        yield _copy(item, "trial", verdict)
        return
    from seatrial.trial.records import ExitCode
    from seatrial.trial.report.reading import failed
    from seatrial.trial.report.words import clean

    line = _headline(verdict)
    item.config.stash.setdefault(_HEADLINES, []).append(line)
    if not verdict.checks or (verdict.exit_code != ExitCode.passed and not failed(verdict)):
        yield _copy(item, "verdict", line)
    for check in verdict.checks:
        yield _copy(item, clean(check.id, 120), check)


def _headline(verdict: "Verdict") -> str:
    from seatrial.trial.report.reading import headline
    from seatrial.trial.report.words import clean

    return clean(str(headline(verdict)))


def _copy(item: pytest.Function, name: str, check: "Check | str") -> pytest.Item:
    """Copy the test for one check, or for the reason why there is none."""
    copy = pytest.Function.from_parent(item.parent, name=f"{item.name}[{name}]", callobj=item.obj)
    for mark in item.own_markers:  # also those that a conftest.py added
        if mark not in copy.own_markers:
            copy.add_marker(getattr(pytest.mark, mark.name).with_args(*mark.args, **mark.kwargs))
    copy.stash[_CHECK] = check
    return copy


def _verdict_for(item: pytest.Function) -> "Verdict | str":
    """The trial of this test's project: run once, or read from the file that the first of xdist's workers wrote."""
    config, project = item.config, item.path.parent
    verdicts = config.stash.setdefault(_VERDICTS, {})
    if project not in verdicts:
        shared = getattr(config, "workerinput", {}).get(_SHARED)
        verdicts[project] = _run_once_for_all_workers(item, Path(shared)) if shared else _run(item)
    return verdicts[project]


def _run(item: pytest.Function) -> "Verdict | str":
    from seatrial.core.errors import SeatrialError
    from seatrial.trial.records import Verdict
    from seatrial.trial.report.words import clean

    try:
        verdict = item.ihook.pytest_seatrial_run_trial(project=item.path.parent, config=item.config)
    except SeatrialError as error:
        return "\n".join(clean(part) for part in (f"Not compared: {error.message}", error.hint) if part)
    except Exception as error:  # a bug of ours must fail the test, and not end the run
        return clean(f"Not compared: the trial failed with {type(error).__name__}: {error}")
    return verdict if isinstance(verdict, Verdict) else "Not compared: the trial returned no verdict."


def _run_once_for_all_workers(item: pytest.Function, shared: Path) -> "Verdict | str":
    """Workers must collect the same tests, so they wait for the first one; a lock ends with its process."""
    import hashlib
    import json

    from filelock import FileLock

    from seatrial.core.files import write_atomic
    from seatrial.trial.records import read_verdict
    from seatrial.trial.report.formats import to_json

    path = shared / f"{hashlib.sha256(str(item.path.parent).encode()).hexdigest()}.json"
    with FileLock(f"{path}.lock"):
        if not path.exists():
            verdict = _run(item)
            if not isinstance(verdict, str):
                write_atomic(path.with_suffix(".txt"), _headline(verdict))
            write_atomic(path, json.dumps(verdict) if isinstance(verdict, str) else to_json(verdict))
    document: Any = json.loads(path.read_bytes())
    return document if isinstance(document, str) else read_verdict(document, str(path))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """With xdist: pass each worker the folder that they share, new for each session."""
    if _FOLDER not in node.config.stash:
        node.config.stash[_FOLDER] = Path(tempfile.mkdtemp(prefix="seatrial-trial-"))
    node.workerinput[_SHARED] = str(node.config.stash[_FOLDER])


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the verdict and its cause in one line."""
    folder = config.stash.get(_FOLDER, None)
    of_workers = [path.read_text("utf-8") for path in sorted(folder.glob("*.txt"))] if folder else []
    headlines = config.stash.get(_HEADLINES, [])
    for line in dict.fromkeys(headlines or of_workers):
        terminalreporter.section("sea trial")
        terminalreporter.line(line)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the shared folder."""
    if _FOLDER in config.stash:
        shutil.rmtree(config.stash[_FOLDER], ignore_errors=True)
