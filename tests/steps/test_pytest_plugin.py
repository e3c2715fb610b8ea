"""The pytest plugin, in runs of pytest as a project starts them, with a stub that returns a verdict."""

import os
import re
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tests.trial.samples import SAMPLES

ROOT = Path(__file__).parents[2]
TEST = """
import pytest

@pytest.mark.differential
def test_the_candidate_may_replace_the_baseline(trial_check):
    trial_check.require()

def test_something_else():
    pass
"""
STUB = """
from pathlib import Path
from tests.trial.samples import SAMPLES

def pytest_seatrial_run_trial(project, config):
    with (Path(__file__).parent / "held").open("a") as file:
        file.write("x")
    return SAMPLES[{sample!r}]()
"""


@dataclass
class Run:
    code: int
    output: str
    cases: dict[str, str]  # what each came to, by name
    held: int

    def of(self, outcome: str) -> list[str]:
        return [name for name, each in self.cases.items() if each == outcome]


def run(folder: Path, *arguments: str, conftest: str = "", test: str = TEST, plugin: bool = True) -> Run:
    project = folder / "project"
    project.mkdir()
    (project / "pytest.ini").write_text('[pytest]\naddopts = --strict-markers -m "not differential"\n')
    (project / "conftest.py").write_text(textwrap.dedent(conftest))
    (project / "test_differential.py").write_text(test)
    plugins = ["-p", "seatrial.steps.pytest_plugin"] if plugin else []
    command = [sys.executable, "-m", "pytest", *plugins, "-p", "no:cacheprovider", "--junitxml=out.xml", *arguments]
    # No plugin but those named here: the entry point may be installed or not.
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)}
    environment.pop("PYTEST_ADDOPTS", None)
    environment = {k: v for k, v in environment.items() if not k.startswith("PYTEST_XDIST")}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    cases = {}
    for case in ElementTree.parse(project / "out.xml").iter("testcase") if (project / "out.xml").exists() else ():
        kinds = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        cases[case.attrib["name"]] = kinds[0] if kinds else "passed"
    held = project / "held"
    return Run(done.returncode, done.stdout + done.stderr, cases, len(held.read_text()) if held.exists() else 0)


def stub(sample: str) -> str:
    return STUB.format(sample=sample)


def test_a_passed_trial_is_one_green_test_per_check(tmp_path: Path) -> None:
    done = run(tmp_path, "-m", "differential", conftest=stub("passed"))
    assert done.code == 0, done.output
    checks = SAMPLES["passed"]().checks
    assert sorted(done.of("passed")) == sorted(f"test_the_candidate_may_replace_the_baseline[{c.id}]" for c in checks)
    assert done.held == 1
    assert "Passed: All 36 checks passed." in done.output


def test_a_blocked_check_fails_with_its_summary_and_hint_and_no_traceback(tmp_path: Path) -> None:
    done = run(tmp_path, "-m", "differential", conftest=stub("ignored_feature"))
    assert done.code == 1
    assert "Blocked: The candidate ignores `sex` (shuffling it moved predictions by 0.31 before, 0 now)." in done.output
    assert "Look at the pipeline's columns and at features.py." in done.output
    assert "def test_the_candidate" not in done.output
    assert not done.of("skipped")
    assert any("rebuild.scores" in name for name in done.of("failure"))  # inconclusive
    assert any("golden.scores" in name for name in done.of("passed"))


@pytest.mark.parametrize(("sample", "word"), [("redesign", "Waiting"), ("no_sdist", "Inconclusive")])
def test_a_waiting_or_inconclusive_check_fails(tmp_path: Path, sample: str, word: str) -> None:
    done = run(tmp_path, "-m", "differential", "-rA", conftest=stub(sample))
    assert done.code == 1
    assert len(done.of("failure")) == 1
    assert not done.of("skipped")
    assert f"{word}: " in done.output
    if sample == "redesign":  # what is noted or accepted passes, and is told
        assert "Noted: The column deck is new, and may be given." in done.output
        assert "Accepted: " in done.output


def test_nothing_compared_is_an_error_with_the_hint(tmp_path: Path) -> None:
    raising = """
    from seatrial.trial.records import NotComparedError

    def pytest_seatrial_run_trial(project, config):
        raise NotComparedError("There is no wheel in dist.", hint="Run `seatrial build`.")
    """
    done = run(tmp_path, "-m", "differential", conftest=raising)
    assert done.code == 1
    assert list(done.cases.values()) == ["error"]
    assert "Not compared: There is no wheel in dist." in done.output
    assert "Run `seatrial build`." in done.output


@pytest.mark.parametrize("body", ["raise ZeroDivisionError('a bug')", "return None", "return 1"])
def test_an_exception_in_the_trial_fails_the_test(tmp_path: Path, body: str) -> None:
    done = run(
        tmp_path, "-m", "differential", conftest=f"def pytest_seatrial_run_trial(project, config):\n    {body}\n"
    )
    assert done.code == 1, done.output
    assert list(done.cases.values()) == ["error"]


def test_without_a_project_the_default_is_an_error_not_a_pass(tmp_path: Path) -> None:
    done = run(tmp_path, "-m", "differential")
    assert done.code == 1, done.output
    assert list(done.cases.values()) == ["error"]


def test_a_trial_without_a_check_is_an_error(tmp_path: Path) -> None:
    done = run(tmp_path, "-m", "differential", conftest=stub("nothing"))
    assert done.code == 1
    assert list(done.cases.values()) == ["error"]
    assert "contains no checks" in done.output


def test_a_verdict_worse_than_its_checks_is_an_additional_error(tmp_path: Path) -> None:
    conftest = """
    from dataclasses import replace
    from seatrial.trial.records import Outcome
    from tests.trial.samples import SAMPLES

    def pytest_seatrial_run_trial(project, config):
        return replace(SAMPLES["first_release"](), outcome=Outcome.blocked, cause="Blocked: it is.")
    """
    done = run(tmp_path, "-m", "differential", conftest=conftest)
    assert done.code == 1
    assert len(done.of("error")) == 1


@pytest.mark.parametrize(
    "arguments", [(), ("-m", "differential", "--collect-only"), ("-m", "differential", "-k", "something")]
)
def test_no_trial_is_run_unless_one_is_selected(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = run(tmp_path, *arguments, conftest=stub("passed"))
    assert done.held == 0
    assert done.of("passed") == ([] if arguments else ["test_something_else"])


def test_the_test_may_be_a_method_and_its_body_decides(tmp_path: Path) -> None:
    test = """
import pytest

class TestTrial:
    @pytest.mark.differential
    def test_trial(self, trial_check):
        if trial_check.check.suite != "invariants":
            trial_check.require()
        assert trial_check.check.name != "invariants.rows", "a rule of our own"
"""
    done = run(tmp_path, "-m", "differential", conftest=stub("first_release"), test=test)
    assert done.of("failure") == ["test_trial[invariants.rows]"], done.output
    assert len(done.cases) == 10


def test_workers_of_xdist_share_one_trial(tmp_path: Path) -> None:
    done = run(tmp_path, "-m", "differential", "-p", "xdist.plugin", "-n", "2", conftest=stub("ignored_feature"))
    assert done.held == 1, done.output
    assert done.code == 1
    verdict = SAMPLES["ignored_feature"]()
    assert len(done.cases) == len(verdict.checks)
    assert len(done.of("failure")) == 8
    assert "Blocked: The candidate ignores `sex`" in done.output


@pytest.mark.soak
def test_workers_of_xdist_share_one_error(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        "-m",
        "differential",
        "-p",
        "xdist.plugin",
        "-n",
        "2",
        conftest="def pytest_seatrial_run_trial(): 1 / 0",
    )
    assert done.code == 1
    assert list(done.cases.values()) == ["error"]


def test_names_from_the_packages_cannot_control_the_terminal(tmp_path: Path) -> None:
    done = run(tmp_path, "-m", "differential", conftest=stub("hostile"))
    assert done.code == 1
    assert "\x1b[31m" not in done.output
    assert re.search(r"\\x1b\[31mred", done.output)


def test_without_the_plugin_the_test_fails(tmp_path: Path) -> None:
    done = run(tmp_path, "-m", "differential", plugin=False)
    assert done.code != 0


def test_other_test_runs_load_nothing_heavy(tmp_path: Path) -> None:
    conftest = """
    import sys

    def pytest_unconfigure(config):
        heavy = {"numpy", "pydantic", "jinja2", "seatrial.trial.records", "seatrial.core.errors", "xml.etree.ElementTree"}
        print("loaded:", sorted(heavy & set(sys.modules)))
    """
    done = run(tmp_path, "-s", "-o", "junit_family=xunit2", conftest=conftest)
    assert done.code == 0
    assert re.search(r"loaded: \[('xml.etree.ElementTree')?\]", done.output), (
        done.output
    )  # pytest's own, for --junitxml


def test_importing_it_is_cheap() -> None:
    code = (
        "import pytest, tempfile, shutil, time; t = time.perf_counter(); import seatrial.steps.pytest_plugin; "
        "print(time.perf_counter() - t)"
    )
    times = [float(subprocess.check_output([sys.executable, "-c", code], text=True)) for _ in range(3)]
    assert min(times) < 0.02
