"""The doctor: every fault that is planted in a copy of titanic/ is found, at its line, and the clean copy has none."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import patch

import pytest
from tests.ci.trees import examine
from tests.conftest import ROOT, TITANIC, copy_titanic

from seatrial.cli import app

CIRCLE = ".circleci/config.yml"
WORKFLOW = ".github/workflows/seatrial.yml"
GITLAB = ".gitlab-ci.yml"
Plant = Callable[[Path], None]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean copy of titanic/ with the pipelines of all three services, in git."""
    folder = copy_titanic(tmp_path_factory.mktemp("clean") / "titanic")
    shutil.copy(TITANIC / ".gitignore", folder)
    shutil.copytree(TITANIC / ".circleci", folder / ".circleci")
    for provider in ("github", "gitlab"):
        assert app.run(["ci", provider, "--project", str(folder)]) == 0
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    return folder


@pytest.fixture
def project(clean: Path, tmp_path: Path) -> Path:
    """A copy of it to plant faults in."""
    return Path(shutil.copytree(clean, tmp_path / "titanic"))


def replaced(name: str, old: str, new: str) -> Plant:
    def plant(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text, f"{name} has no {old!r}"
        (folder / name).write_text(text.replace(old, new, 1))

    return plant


def added(name: str, text: str) -> Plant:
    def plant(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((path.read_text() if path.exists() else "") + text)

    return plant


@pytest.fixture(autouse=True)
def without_workflow_linters(request: pytest.FixtureRequest) -> Iterator[None]:
    """Only hadolint, and only where a test is about it: test_linters.py has the tests of the others."""
    fault = getattr(request.node, "callspec", None)
    wanted = fault is not None and "latest" in str(fault.params.get("fault", ""))
    with nullcontext() if wanted else patch("seatrial.ci.doctor.linters.check", lambda tree: ()):
        yield


def diagnosed(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[dict]]:
    capsys.readouterr()
    code = app.run(["doctor", str(folder), "--json"])
    return code, json.loads(capsys.readouterr().out)


DOCKER = "FROM python:3.11-slim AS build\n{}\nFROM python:3.11-slim\n{}\n"
PIN = "titanic-model==0.1.0 \\\n    --hash=sha256:" + "0" * 64 + "\n"
FAKE = "gh" + "p_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
SECRET, UUID = "Zw7h" + "Kq92xT", "7f3c9a52-1b8e-" + "4d06-9c2f-d41e8a60b7c5"

# The fault, where it must be found (file and a part of the line), by which check, and a part of the message.
FAULTS: dict[str, tuple[Plant, str, str, str, str]] = {
    "contradicting filters": (
        replaced(CIRCLE, "              only: main\n", "              only: main\n              ignore: main\n"),
        CIRCLE, "- publish:", "unreachable-job", "its conditions contradict",
    ),
    "every branch deploys": (
        replaced(CIRCLE, "          requires: [publish]\n          context: [seatrial-deploy]\n          filters: *released\n", "          requires: [trial]\n"),
        CIRCLE, "seatrial deploy", "any-branch", "The job deploy deploys every branch",
    ),
    "every branch publishes at GitHub": (
        replaced(WORKFLOW, "    if: github.ref == 'refs/heads/main' && github.event_name != 'pull_request'\n", ""),
        WORKFLOW, "seatrial publish", "any-branch", "The job publish publishes every branch",
    ),
    "every branch deploys at GitLab": (
        replaced(GITLAB, "  needs: [train, build, trial, publish]\n  rules:\n    - if: $CI_COMMIT_BRANCH == \"main\"\n", "  needs: [train, build, trial]\n"),
        GITLAB, "seatrial deploy", "any-branch", "The job deploy deploys every branch",
    ),
    "a deployment without the trial": (
        replaced(CIRCLE, "requires: [lint, test, trial]", "requires: [lint, test, build]"),
        CIRCLE, "seatrial deploy", "no-trial", "The job deploy deploys a release that has not passed a trial",
    ),
    "a publication without the trial at GitHub": (
        replaced(WORKFLOW, "needs: [lint, test, trial]", "needs: [lint, test]"),
        WORKFLOW, "seatrial publish", "no-trial", "The job publish publishes a release that has not passed",
    ),
    "a publication without the trial at GitLab": (
        replaced(GITLAB, "needs: [lint, test, train, build, trial]", "needs: [lint, test, train, build]"),
        GITLAB, "seatrial publish", "no-trial", "The job publish publishes a release that has not passed",
    ),
    "tests in a folder that is not there": (
        replaced(CIRCLE, "-m pytest --junit", "-m pytest api/tests --junit"),
        CIRCLE, "api/tests", "no-tests", "api/tests does not exist",
    ),
    "tests in a folder without any": (
        replaced(CIRCLE, "-m pytest --junit", "-m pytest src --junit"),
        CIRCLE, "pytest src", "no-tests", "src has no test file",
    ),
    "a test job that tests nothing": (
        replaced(CIRCLE, "      - run: ~/tools/bin/python -m pytest --junitxml=reports/pytest.xml\n", "      - run: echo tested\n"),
        CIRCLE, "  - test:", "no-tests", "none of its commands is one",
    ),
    "tests || true": (
        replaced(CIRCLE, "reports/pytest.xml\n", "reports/pytest.xml || true\n"),
        CIRCLE, "|| true", "ignored-failure", "ignores failed tests",
    ),
    "tests; exit 0": (
        replaced(GITLAB, "reports/pytest.xml\n", "reports/pytest.xml; exit 0\n"),
        GITLAB, "; exit 0", "ignored-failure", "ignores failed tests",
    ),
    "a trial under set +e": (
        replaced(CIRCLE, "- run: ~/tools/bin/seatrial trial\n", "- run: |\n          set +e\n          ~/tools/bin/seatrial trial\n          echo done\n"),
        CIRCLE, "bin/seatrial trial", "ignored-failure", "ignores a failed trial",
    ),
    "a trial that may fail at GitHub": (
        replaced(WORKFLOW, "- run: seatrial trial\n", "- run: seatrial trial\n        continue-on-error: true\n"),
        WORKFLOW, "run: seatrial trial", "ignored-failure", "ignores a failed trial",
    ),
    "a trial that may fail at GitLab": (
        replaced(GITLAB, "trial:\n  stage: trial\n", "trial:\n  stage: trial\n  allow_failure: true\n"),
        GITLAB, "- seatrial trial", "ignored-failure", "ignores a failed trial",
    ),
    "an upload that takes a 403 for a success": (
        replaced(CIRCLE, "seatrial publish\n", "seatrial publish\n      - run: curl -F package=@dist/model.whl \"https://$TOKEN@push.fury.io/me/\"\n"),
        CIRCLE, "curl", "unchecked-upload", "403",
    ),
    "an upload in a script": (
        added("release.sh", "#!/bin/sh\nset -e\ncurl -s -T dist/model.whl https://index.example/\n"),
        "release.sh", "curl", "unchecked-upload", "403",
    ),
    "an unpinned deployment": (
        added("deploy/local/requirements.txt", "titanic-model>=0.1.0\n"),
        "deploy/local/requirements.txt", "titanic-model", "unpinned", "whatever version is newest",
    ),
    "a deployment without a hash": (
        added("deploy/local/requirements.txt", PIN + "numpy==2.0.0\n"),
        "deploy/local/requirements.txt", "numpy", "unhashed", "numpy is deployed without a hash",
    ),
    "an image without pins": (
        added("Dockerfile", DOCKER.format("RUN pip install titanic-model", "")),
        "Dockerfile", "pip install", "unhashed-install", "unpinned: titanic-model",
    ),
    "an image without hashes": (
        added("deploy/Dockerfile", DOCKER.format("RUN pip install --no-cache-dir -r requirements.txt", "")),
        "deploy/Dockerfile", "pip install", "unhashed-install", "without hashes",
    ),
    "an image on the latest of another": (
        added("Dockerfile", "FROM python\nCOPY . .\n"),
        "Dockerfile", "FROM", "hadolint/DL3006", "tag the version of an image",
    ),
    "a token as a build argument": (
        added("Dockerfile", DOCKER.format("ARG GEMFURY_TOKEN", "")),
        "Dockerfile", "ARG", "secret-in-image", "GEMFURY_TOKEN stays in the image",
    ),
    "an index with its token in the image itself": (
        added("Dockerfile", DOCKER.format("", "ARG PIP_EXTRA_INDEX_URL")),
        "Dockerfile", "ARG", "secret-in-image", "PIP_EXTRA_INDEX_URL stays in the image",
    ),
    "a GitHub token": (
        added("deploy/notes.md", f"the token is {FAKE}\n"),
        "deploy/notes.md", "the token", "secret", "a GitHub token",
    ),
    "an index with a password": (
        replaced("pyproject.toml", "[tool.seatrial.ci]", '[tool.uv.pip]\nindex-url = "https://maria:' + SECRET + '@index.example/simple/"\n\n[tool.seatrial.ci]'),
        "pyproject.toml", "index.example", "secret", "a URL with a password",
    ),
    "a random value called a token": (
        added(".env", f"RAILWAY_TOKEN={UUID}\n"),
        ".env", "RAILWAY_TOKEN", "secret", "looks like a token",
    ),
    "a port that is written down": (
        added("Dockerfile", 'FROM python:3.11-slim\nCMD ["uvicorn", "app:app", "--host", "0.0.0.0", "--port", "8000"]\n'),
        "Dockerfile", "CMD", "fixed-port", "listens on 8000 and not on PORT",
    ),
    "a Procfile with a port": (
        added("Procfile", "web: python -m seatrial.serve titanic_model --host 0.0.0.0 --port 8080\n"),
        "Procfile", "web:", "fixed-port", "8080",
    ),
    "a start command with a port": (
        added("railway.json", '{\n "deploy": {\n  "startCommand": "gunicorn app -b 0.0.0.0:5000"\n }\n}\n'),
        "railway.json", "startCommand", "fixed-port", "5000",
    ),
    "two versions": (
        replaced("pyproject.toml", 'dynamic = ["version"]', 'version = "0.3.0"'),
        "src/titanic_model/__init__.py", "__version__", "version-mismatch", "__version__ is 0.1.0, pyproject.toml has 0.3.0",
    ),
    "a pin from the future": (
        added("deploy/local/requirements.txt", PIN.replace("0.1.0", "0.9.0")),
        "deploy/local/requirements.txt", "titanic-model", "version-mismatch", "only at 0.1.0",
    ),
    "both sides the same release": (
        added("tests/differential/requirements.txt", "titanic-model==0.1.0\ntitanic-model>=0.1.0\n"),
        "tests/differential/requirements.txt", ">=", "same-release", "can be the same as",
    ),
    "both sides the same pin, in two files": (
        lambda folder: (
            added("tests/new-requirements.txt", "titanic-model==0.1.0\n")(folder),
            added("tests/old-requirements.txt", "titanic_model == 0.1.0\n")(folder),
        ),
        "tests/old-requirements.txt", "titanic_model", "same-release", "tests/new-requirements.txt:1",
    ),
    "a trial of a wheel against itself": (
        replaced(CIRCLE, "seatrial trial\n", "seatrial trial titanic-model==0.1.0 titanic-model==0.1.0\n"),
        CIRCLE, "seatrial trial", "same-release", "compares a release with itself",
    ),
}  # fmt: skip


def test_the_reference_project_is_healthy(project: Path, capsys: pytest.CaptureFixture[str]):
    assert diagnosed(project, capsys) == (0, [])
    assert app.run(["doctor", str(project)]) == 0
    *others, last = capsys.readouterr().err.splitlines()
    assert last == "Nothing found."
    assert [line.partition(":")[0] for line in others if "has no digest" in line] == [
        "deploy/docker/Dockerfile",
        "deploy/railway/Dockerfile",
    ]
    assert len(others) == 2


def test_a_folder_outside_of_projects_and_repositories_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert app.run(["doctor", str(tmp_path)]) == 1
    assert "is neither in a project nor in a git repository: there is nothing to check." in capsys.readouterr().err


def test_our_own_repository_and_the_project_in_it_are_healthy():
    assert examine(TITANIC) == []
    assert [f for f in examine(ROOT) if not f.path.startswith("tests/")] == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault: str, project: Path, capsys: pytest.CaptureFixture[str]):
    plant, path, part, check, said = FAULTS[fault]
    plant(project)
    code, findings = diagnosed(project, capsys)
    assert code == 1
    of_it = [f for f in findings if f["check"] == check and said in f["message"]]
    assert of_it, findings
    assert of_it[0]["path"] == path
    assert part in (project / path).read_text().splitlines()[of_it[0]["line"] - 1]
    assert of_it[0]["hint"]


PRIVATE = "https://index.example/simple"
# The set-ups of the table of what gets installed when an attacker puts version 99 on the public index.
SAFE = {
    "pip with hashes": f"pip install --require-hashes --extra-index-url {PRIVATE} -r requirements.txt",
    "pip with the private index alone, then the rest by hash": (
        f"pip install --no-deps --require-hashes --index-url {PRIVATE} -r model.txt && pip install --require-hashes -r rest.txt"
    ),
    "uv with hashes": f"uv pip install --require-hashes --index {PRIVATE} -r requirements.txt",
}
UNSAFE = {
    "pip, private index as extra": f"pip install --extra-index-url {PRIVATE} titanic-model",
    "pip, private index as primary": f"pip install --index-url {PRIVATE} --extra-index-url https://public.example titanic-model",
    "pip, exact version on both": f"python -m pip install --extra-index-url={PRIVATE} titanic-model==0.1.0",
    "uv, first index wins": f"uv pip install --index {PRIVATE} titanic-model==0.1.0",
    "uv, best match": f"uv pip install --index-strategy unsafe-best-match --index {PRIVATE} titanic-model==0.1.0",
}


@pytest.mark.parametrize("setup", SAFE)
def test_a_safe_way_to_install_is_not_reported(setup: str, project: Path):
    added("Dockerfile", DOCKER.format(f"RUN {SAFE[setup]}", ""))(project)
    replaced(CIRCLE, "- run: ~/tools/bin/ruff check .", f"- run: {SAFE[setup]}")(project)
    assert examine(project) == []


@pytest.mark.parametrize("setup", UNSAFE)
def test_an_unsafe_way_to_install_is_found_in_images_and_pipelines(setup: str, project: Path):
    added("Dockerfile", DOCKER.format(f"RUN {UNSAFE[setup]}", ""))(project)
    replaced(CIRCLE, "- run: ~/tools/bin/ruff check .", f"- run: {UNSAFE[setup]}")(project)
    replaced(WORKFLOW, "- run: ruff check .", f"- run: {UNSAFE[setup]}")(project)
    replaced(GITLAB, "- ruff check .", f"- {UNSAFE[setup]}")(project)
    found = {(f.path, f.line) for f in examine(project) if f.check == "two-indexes"}
    assert {path for path, _ in found} == {"Dockerfile", CIRCLE, WORKFLOW, GITLAB}
    assert all("install" in (project / path).read_text().splitlines()[line - 1] for path, line in found)


VARIABLE = DOCKER.format("ARG PIP_EXTRA_INDEX_URL\nRUN pip install {} -r requirements.txt", "")


@pytest.mark.parametrize(
    ("plant", "path", "part"),
    [
        (added("Dockerfile", VARIABLE.format("")), "Dockerfile", "ARG PIP_EXTRA"),
        (added("pip.conf", f"[global]\nextra-index-url = {PRIVATE}\n"), "pip.conf", "extra-index-url"),
        (added("requirements.txt", f"--extra-index-url {PRIVATE}\ntitanic-model==0.1.0\n"), "requirements.txt", "--extra"),
    ],
)  # fmt: skip
def test_a_second_index_by_settings_is_found(plant: Plant, path: str, part: str, project: Path):
    plant(project)
    (finding,) = [f for f in examine(project) if f.check == "two-indexes"]
    assert finding.path == path
    assert part in (project / path).read_text().splitlines()[finding.line - 1]


@pytest.mark.parametrize(
    "plant",
    [
        added("Dockerfile", VARIABLE.format("--require-hashes")),
        added("pip.conf", f"[global]\nextra-index-url = {PRIVATE}\nrequire-hashes = true\n"),
    ],
)
def test_a_second_index_by_settings_is_accepted_if_it_is_safe(plant: Plant, project: Path):
    plant(project)
    assert examine(project) == []


def test_a_secret_is_never_shown(project: Path, capsys: pytest.CaptureFixture[str]):
    for name in ("a GitHub token", "an index with a password", "a random value called a token"):
        FAULTS[name][0](project)
    for more in ([], ["--json"]):
        assert app.run(["doctor", str(project), *more]) == 1
        output = "".join(capsys.readouterr())
        for secret in (FAKE, SECRET, UUID):
            assert not any(secret[i : i + 6] in output for i in range(len(secret) - 5))


@pytest.mark.parametrize(
    "harmless",
    [
        "url = https://TOKEN@push.fury.io/ACCOUNT/",
        "url = https://${GEMFURY_TOKEN}:@pypi.fury.io/acme/",
        "GITHUB_TOKEN: ${{ secrets.GITHUB_TOKEN }}",
        'token = os.environ["INDEX_TOKEN"]',
        'token_env = "GEMFURY_PUSH_TOKEN"',
        "PASSWORD=<your password here>",
        "git clone git@github.com:acme/titanic.git",
        "--hash=sha256:0a30ef8f5322a4173720ae6712dc9a5e58f5a19868f3f167b4b5778db066c2b5",
    ],
)
def test_a_placeholder_is_not_a_secret(harmless: str, project: Path):
    added("notes.txt", harmless + "\n")(project)
    assert examine(project) == []


def test_files_that_git_ignores_are_not_read(project: Path):
    added(".seatrial/notes.txt", f"{FAKE}\n")(project)
    assert examine(project) == []


def test_a_comment_accepts_one_fault_in_one_line(project: Path):
    added("notes.txt", f"{FAKE} # doctor: ignore[secret]\n{FAKE} # doctor: ignore[no-tests]\n")(project)
    assert [finding.line for finding in examine(project)] == [2]


def test_invalid_yaml_is_reported_with_its_line(project: Path, capsys: pytest.CaptureFixture[str]):
    (project / CIRCLE).write_text("version: 2.1\njobs: [\n")
    assert app.run(["doctor", str(project)]) == 1
    assert f"{CIRCLE}:3: This is not a pipeline: it is not valid YAML, " in capsys.readouterr().out


def test_a_missing_folder_is_reported_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert app.run(["doctor", str(tmp_path / "nowhere")]) == 1
    assert "nowhere is not a folder." in capsys.readouterr().err


def test_the_output_has_place_fault_and_hint(project: Path, capsys: pytest.CaptureFixture[str]):
    FAULTS["a Procfile with a port"][0](project)
    assert app.run(["doctor", str(project)]) == 1
    shown = capsys.readouterr()
    assert shown.out.startswith(
        "Procfile:1: The service listens on 8080 and not on PORT.\n    Take it from the environment"
    )
    assert shown.err.endswith("1 finding\n")


def test_the_faults_of_the_first_template_are_all_found(tmp_path: Path):
    """A reconstruction of the template that this project descends from, with all of its faults."""
    files = {
        "pyproject.toml": '[project]\nname = "titanic-model"\nversion = "0.1.0"\n',
        "api/app.py": "app = None\n",
        "tests/test_model.py": "def test_model(): ...\n",
        "differential/requirements.txt": "titanic-model==0.1.0\ntitanic-model>=0.1.0\n",
        "Dockerfile": (
            "FROM python:3.11-slim\nARG PIP_EXTRA_INDEX_URL\nRUN pip install -r requirements.txt\n"
            'EXPOSE 8001\nCMD ["uvicorn", "api.app:app", "--host", "0.0.0.0", "--port", "8001"]\n'
        ),
        "requirements.txt": "titanic-model>=0.1.0\nfastapi\n",
        CIRCLE: """version: 2.1
jobs:
  test_model:
    docker: [{image: "cimg/python:3.11"}]
    steps:
      - checkout
      - run: pip install -r requirements.txt
      - run: pytest tests
  test_api:
    docker: [{image: "cimg/python:3.11"}]
    steps:
      - checkout
      - run: pytest api
  upload:
    docker: [{image: "cimg/python:3.11"}]
    steps:
      - checkout
      - run: |
          python -m build
          curl -F package=@dist/titanic_model.whl https://$TOKEN@push.fury.io/$ACCOUNT/
  deploy:
    docker: [{image: "cimg/python:3.11"}]
    steps:
      - checkout
      - run: railway up --detach
workflows:
  all:
    jobs:
      - test_model
      - test_api
      - upload:
          requires: [test_model]
          filters: {branches: {only: demo, ignore: [demo, main]}}
      - deploy:
          requires: [test_api]
""",
    }
    for name, text in files.items():
        added(name, text)(tmp_path)
    found = {(finding.check, finding.path, finding.line) for finding in examine(tmp_path)}
    assert found == {
        ("no-tests", CIRCLE, 13),
        ("unchecked-upload", CIRCLE, 20),
        ("no-trial", CIRCLE, 20),
        ("any-branch", CIRCLE, 25),
        ("no-trial", CIRCLE, 25),
        ("unreachable-job", CIRCLE, 31),
        ("secret-in-image", "Dockerfile", 2),
        ("two-indexes", "Dockerfile", 2),
        ("unhashed-install", "Dockerfile", 3),
        ("fixed-port", "Dockerfile", 5),
        ("same-release", "differential/requirements.txt", 2),
    }
