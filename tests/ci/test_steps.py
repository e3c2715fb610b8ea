"""What steps call, in which folder, and whether their failure counts; which tests a command runs."""

import subprocess
from pathlib import Path

import pytest
from tests.ci.trees import CIRCLE, GITLAB, WORKFLOW, circle, github, looked_at, run

from seatrial.ci.doctor import examine
from seatrial.ci.doctor.shell import Shell, calls
from seatrial.ci.doctor.work import plain
from seatrial.ci.doctor.work import tests as is_test

TESTS = {
    "pyproject.toml": "[project]\nname = 'm'\n",
    "titanic/tests/test_a.py": "import pytest\n@pytest.mark.slow\ndef test_one(): ...\nclass TestTwo:\n    def test_three(self): ...\n",
    "titanic/src/m.py": "",
    "titanic/pyproject.toml": "[tool.pytest.ini_options]\ntestpaths = 'tests'\naddopts = \"-m 'not slow'\"\n",
}


def found(folder: Path, files: dict[str, str], check: str = "no-tests") -> list[str]:
    return [line for name, line in looked_at(folder, {**TESTS, **files}) if name == check]


# Where a service runs `pytest tests`: with the folder given in each way that there is, and without.
PLACES = {
    "gitlab, cd in a line before": (GITLAB, "t:\n  script:\n    - cd titanic\n    - pytest tests\n", True),
    "gitlab, cd in before_script": (GITLAB, "default:\n  before_script: [cd titanic]\nt:\n  script: [pytest tests]\n", True),
    "gitlab, cd in global before_script": (GITLAB, "before_script: [cd titanic]\nt:\n  script: [pytest tests]\n", True),
    "gitlab, cd inherited": (GITLAB, ".b: {before_script: [cd titanic]}\nt:\n  extends: .b\n  script: [pytest tests]\n", True),
    "gitlab, cd by reference": (GITLAB, ".b: {script: [cd titanic]}\nt:\n  script: [!reference [.b, script], pytest tests]\n", True),
    "gitlab, cd there and back": (GITLAB, "t:\n  script: [cd titanic, cd .., pytest tests]\n", False),
    "gitlab, after_script is another shell": (GITLAB, "t:\n  script: [cd titanic]\n  after_script: [pytest tests]\n", False),
    "gitlab, nowhere": (GITLAB, "t:\n  script: [pytest tests]\n", False),
    "github, step": (WORKFLOW, github(run("pytest tests", **{"working-directory": "titanic"})), True),
    "github, job": (WORKFLOW, github(run("pytest tests"), job="    defaults: {run: {working-directory: ./titanic/}}\n"), True),
    "github, workflow": (WORKFLOW, "defaults: {run: {working-directory: titanic}}\n" + github(run("pytest tests")), True),
    "github, workspace": (WORKFLOW, github(run("pytest tests", **{"working-directory": "${{ github.workspace }}/titanic"})), True),
    "github, each step is a shell": (WORKFLOW, github(run("cd titanic") + run("pytest tests")), False),
    "github, nowhere": (WORKFLOW, github(run("pytest tests")), False),
    "circleci, step": (CIRCLE, circle("      - run: {command: pytest tests, working_directory: titanic}\n"), True),
    "circleci, step from home": (CIRCLE, circle("      - run: {command: pytest tests, working_directory: ~/project/titanic}\n"), True),
    "circleci, job": (
        CIRCLE,
        circle("      - run: pytest tests\n", job="    working_directory: ~/project/titanic\n").replace(
            "- checkout\n", "- checkout: {path: ~/project}\n"), True,
    ),
    "circleci, nowhere": (CIRCLE, circle("      - run: pytest tests\n"), False),
    "in one line": (CIRCLE, circle("      - run: cd titanic && pytest tests\n"), True),
    "in a subshell": (CIRCLE, circle("      - run: (cd titanic && pytest tests)\n"), True),
    "after a subshell": (CIRCLE, circle("      - run: (cd titanic && ls); pytest tests\n"), False),
    "by uv": (CIRCLE, circle("      - run: uv run --directory titanic pytest tests\n"), True),
    "by poetry": (CIRCLE, circle("      - run: poetry -C titanic run pytest tests\n"), True),
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_paths_count_from_where_a_step_works(place: str, tmp_path: Path):
    path, text, right = PLACES[place]
    assert (found(tmp_path, {path: text}) == []) is right


@pytest.mark.parametrize(
    "unknown",
    [
        run("cd $DIR && pytest tests"),
        run("pushd titanic/src && popd && pytest tests"),
        run("pytest tests", **{"working-directory": "${{ matrix.project }}"}),
    ],
)
def test_a_folder_that_cannot_be_known_is_not_accused(unknown: str, tmp_path: Path):
    assert found(tmp_path, {WORKFLOW: github(unknown)}) == []


@pytest.mark.parametrize(
    ("step", "what"),
    [
        ("      - uses: actions/checkout@v5\n        with: {path: here}\n", "here/titanic"),
        ("      - uses: actions/checkout@v5\n        with: {repository: acme/other}\n", "titanic"),
    ],
)
def test_the_checkout_says_where_the_repository_lies(step: str, what: str, tmp_path: Path):
    text = github(step + run("pytest tests", **{"working-directory": what}))
    assert found(tmp_path, {WORKFLOW: text}) == []
    assert found(tmp_path, {WORKFLOW: text.replace("pytest tests", "pytest texts")}) != []


def test_a_pipeline_at_the_top_is_read_from_the_folder_of_a_project(tmp_path: Path):
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    steps = {"cd titanic": run("cd titanic && pytest {}"), "step": run("pytest {}", **{"working-directory": "titanic"})}
    for what, step in steps.items():
        for path, expected in (("tests", 0), ("api", 1)):
            looked_at(tmp_path, {**TESTS, WORKFLOW: github(step.format(path))})
            assert len(examine(tmp_path / "titanic")) == expected, (what, path)
    looked_at(tmp_path, {WORKFLOW: github(run("cd other && pytest api"))})
    assert examine(tmp_path / "titanic") == []  # of another project


RUNS = [
    "pytest", "python -m pytest", "pytest -n auto", "pytest -p no:cacheprovider -n 2", "pytest --junitxml out/x.xml",
    "pytest -o junit_family=x tests", "pytest -c pyproject.toml", "pytest --rootdir . tests", "pytest -q -rA --tb short",
    "pytest tests/test_a.py::TestTwo", "pytest tests/test_a.py::TestTwo::test_three", "pytest tests/test_a.py::TestTwo::test_three[1-a]",
    "pytest -k three", "pytest -k 'not one'", "pytest -m slow", "pytest -m ''", "pytest --deselect tests/test_a.py::test_one",
    "pytest --ignore tests/e2e", "pytest --cov src", "pytest --cov src --cov-report term tests", "pytest --new-option what tests",
    "uv run pytest", "uv run --frozen --group dev -- pytest tests", "poetry run pytest", "poetry run python -m pytest tests",
    "coverage run -m pytest", "coverage run --source src -m pytest tests", "python -W error -m coverage run -m pytest",
    "timeout 10m pytest tests", "xvfb-run -a pytest", "pytest tests > log.txt 2>&1", "pytest tests | tee log.txt",
    "pytest --doctest-modules src", "make test", "tox -e py311", "nox -s tests", "just test", "./scripts/run_tests.sh", "npm test",
    "docker run image pytest api", "bash -c 'pytest tests'", "pytest $PATHS", "pytest -m slow tests/*.py", "FOO=1 pytest tests",
]  # fmt: skip
RUNS_NOTHING = {
    "pytest api": "api does not exist", "python3.11 -m pytest -n auto api": "api does not exist",
    "pytest --junitxml out/x.xml api": "api does not exist", "pytest src": "no test file in titanic/src",
    "pytest --collect-only": "asked to list", "pytest --co -q": "asked to list", "pytest --setup-only": "asked to list",
    "uv run pytest --version": "asked to list", "pytest tests/test_a.py::test_four": "there is no test",
    "pytest tests/test_a.py::TestTwo::test_one": "there is no test", "pytest --ignore tests": "no test file",
    "pytest --deselect tests/test_a.py": "every test is deselected", "pytest -k four": "no test meets 'four'",
    "pytest -m 'slow and fast'": "no test meets", "pytest tests/test_a.py::test_one": "no test meets 'not slow'",
    "coverage run -m pytest api": "api does not exist", "poetry run pytest api": "api does not exist",
    "uv run --with x python -m pytest api": "api does not exist", "bash -ec 'pytest api'": "api does not exist",
    "timeout 10m pytest api": "api does not exist", "echo tested": "none of its commands", "pip install pytest": "none of its commands",
}  # fmt: skip


def test_commands_that_run_tests_are_not_accused(tmp_path: Path):
    for command in RUNS:
        text = f't:\n  script:\n    - cd titanic\n    - "{command}"\ntest:\n  extends: t\n'
        assert found(tmp_path, {GITLAB: text}) == [], command


def test_commands_that_run_none_are_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for command, said in RUNS_NOTHING.items():
        looked_at(tmp_path, {**TESTS, GITLAB: f'test:\n  script:\n    - cd titanic\n    - "{command}"\n'})
        assert [each.message for each in examine(tmp_path) if said in each.message], command


def test_the_settings_of_pytest_are_those_of_the_nearest_folder_that_has_some(tmp_path: Path):
    step = {
        GITLAB: "t: {script: [cd titanic, pytest tests/test_a.py]}\n",
        "titanic/tests/test_a.py": "def test_a(): ...\n",
    }
    slow = "-m slow"
    for name, text, expected in (
        ("titanic/pytest.ini", f"[pytest]\naddopts = {slow}\n", 1),
        ("titanic/tox.ini", f"[pytest]\naddopts = {slow}\n", 1),
        ("titanic/setup.cfg", f"[tool:pytest]\naddopts = {slow}\n", 1),
        ("titanic/pyproject.toml", "[tool.pytest]\naddopts = ['-m', 'slow']\n", 1),
        ("pyproject.toml", f"[tool.pytest.ini_options]\naddopts = '{slow}'\n", 1),
        ("titanic/tests/pytest.ini", "[pytest]\n", 0),
        ("titanic/pytest.toml", "[pytest]\n", 0),
        ("titanic/other.ini", f"[pytest]\naddopts = {slow}\n", 0),
    ):
        folder = tmp_path / name.replace("/", "-")
        assert len(looked_at(folder, {**step, name: text})) == expected, name
    named = {**step, GITLAB: "t: {script: [cd titanic, pytest -c other.ini tests/test_a.py]}\n"}
    assert len(looked_at(tmp_path / "named", {**named, "titanic/other.ini": f"[pytest]\naddopts = {slow}\n"})) == 1


def test_a_test_that_may_be_inherited_or_imported_is_not_denied(tmp_path: Path):
    for text in ("from shared import *\n", "class TestHere(shared.Base): ...\n", "def broken(:\n"):
        files = {"titanic/tests/test_a.py": text, WORKFLOW: github(run("pytest titanic/tests -m slow -k what"))}
        assert found(tmp_path, files) == [], text


def test_what_an_action_or_a_called_workflow_does_is_not_known(tmp_path: Path):
    test = "on: push\njobs:\n  test:\n    runs-on: x\n    steps:\n      - uses: {}\n      - run: echo\n"
    assert found(tmp_path, {WORKFLOW: test.format("acme/run-tests@v1")}) == []
    assert found(tmp_path, {WORKFLOW: test.format("actions/setup-python@v5")}) == ["test:"]
    called = "on: push\njobs:\n  test:\n    uses: ./.github/workflows/t.yml\n"
    assert found(tmp_path, {WORKFLOW: called}) == []


# Scripts, and the calls of `t` in them whose failure is passed over: in a shell that ends at a failure, and in one that does not.
PASSED_OVER = {
    "t": ([], []),
    "t || true": (["t"], ["t"]),
    "t || :": (["t"], ["t"]),
    "t || echo failed": (["t"], ["t"]),
    "t || { echo failed; exit 1; }": ([], []),
    "t || (echo failed && false)": ([], []),
    "t || exit": ([], []),
    "t || exit 0": (["t"], ["t"]),
    "t; exit 0": (["t"], ["t"]),
    "t; true": (["t"], ["t"]),
    "t &": (["t"], ["t"]),
    "t &\nwait $!": ([], []),
    "t | tee log": ([], []),
    "set +o pipefail\nt | tee log": (["t"], ["t"]),
    "set +e\nt\necho done": (["t"], ["t"]),
    "set +e\nt": ([], []),
    "set +e\nt\ncode=$?\nexit $code": ([], []),
    "set +e\nset -e\nt\necho done": ([], []),
    "set -euo pipefail\nt\necho done": ([], []),
    "t\necho done": ([], ["t"]),
    "cd x && t\necho done": ([], ["t"]),
    "t && echo ok": ([], []),
    "t && echo ok\necho done": (["t"], ["t"]),
    "t && echo ok || exit 1\necho done": ([], []),
    "if t; then echo ok; fi\necho done": ([], []),
    "! t": ([], []),
    "if x; then\n  t && echo ok\nelse\n  echo no\nfi": ([], []),
    "(cd x && t) || true": (["t"], ["t"]),
    "bash -c 't; true'": (["t"], ["t"]),
    "bash -ec 't' || true": (["t"], ["t"]),
    "echo 't || true'": ([], []),
    "cat <<EOF\nt || true\nEOF": ([], []),
    "python -c '\nt || true\n'": ([], []),
    "cat <<-'EOF' <<OTHER\nt || true\nEOF\nt || true\nOTHER\nt || true": (["t"], ["t"]),
    "echo 'x <<EOF'\nt || true": (["t"], ["t"]),
    "cat <<< EOF\nt || true": (["t"], ["t"]),
}


@pytest.mark.parametrize("script", PASSED_OVER)
def test_whose_failure_is_passed_over(script: str):
    for shell, expected in zip((Shell(), Shell(errexit=False)), PASSED_OVER[script], strict=True):
        assert [call.program for call in calls(script, shell=shell) if call.ignored and call.program == "t"] == expected


def test_bash_agrees_about_what_is_passed_over(tmp_path: Path):
    """The shell itself says which of these scripts end well though `t` fails; where `t` is a program that fails."""
    import os
    import subprocess

    (tmp_path / "t").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "t").chmod(0o755)
    (tmp_path / "x").mkdir()
    for script, (strict, _) in PASSED_OVER.items():
        if script in ("t; exit 0", "t; true", "! t") or "echo 't" in script or "<<" in script or "python" in script:
            continue  # what is meant and what happens are two things; or there is no `t` in it
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", script], cwd=tmp_path, capture_output=True, check=False,
            env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        )  # fmt: skip
        own_ways = script.startswith("if t") or script.startswith("if x")
        assert own_ways or (done.returncode == 0) is bool(strict), script


def test_the_services_own_shells(tmp_path: Path):
    piped = "pytest titanic | tee log"
    for shell, expected in ((None, 1), ("bash", 0), ("bash -e {0}", 1), ("bash -eo pipefail {0}", 0)):
        text = github(run(piped, **({"shell": shell} if shell else {})))
        assert len(found(tmp_path, {WORKFLOW: text}, "ignored-failure")) == expected, shell
    for shell, expected in (("", 0), ("/bin/bash", 1), ("/bin/bash -eo pipefail", 0)):
        more = f", shell: {shell}" if shell else ""
        text = circle(f'      - run: {{command: "{piped}\\n\\necho done"{more}}}\n')
        assert len(found(tmp_path, {WORKFLOW: "", CIRCLE: text}, "ignored-failure")) == expected, shell
    text = github(run("'import pytest; pytest api || true'", shell="python"))
    assert found(tmp_path, {WORKFLOW: text, CIRCLE: circle("")}, "no-tests") == []


def test_what_runs_a_program_is_taken_off():
    for text in ("~/tools/bin/python -m pytest x", "uv --quiet run pytest x", "env A=1 sudo pytest x", "time pytest x"):
        (call,) = calls(text)
        assert plain(call) == "pytest x", text
        assert is_test(call)
    assert plain(calls("python -c 'import pytest'")[0]).startswith("python")
