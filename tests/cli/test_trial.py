"""The gate as a user meets it: no wheel is published before its trial, and a bad one is never published."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tests.commands import run_here

from seatrial.core.files import sha256
from seatrial.wheels.lockfile import read_lockfile

pytestmark = pytest.mark.slow


class Releases:
    """A project from which one release after another is made, by the commands."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return run_here(*words, cwd=self.root)

    def change(self, name: str, old: str, new: str) -> None:
        path = self.root / "src" / "titanic_model" / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def set_version(self, version: str) -> None:
        path = self.root / "src" / "titanic_model" / "__init__.py"
        path.write_text(re.sub(r'__version__ = ".*"', f'__version__ = "{version}"', path.read_text()))

    def build(self, version: str, *commands: str) -> None:
        self.set_version(version)
        for command in commands or ("train", "build"):
            done = self.run(command)
            assert done.returncode == 0, done.stderr

    def trial(self) -> tuple[int, dict]:
        done = self.run("trial", "--json")
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)


def wheel_hash(releases: Releases, version: str) -> str:
    return sha256(releases.root / "dist" / f"titanic_model-{version}-py3-none-any.whl")


@pytest.fixture(scope="module")
def releases(titanic_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Releases:
    """The project, trained and built as 0.1.0."""
    root = tmp_path_factory.mktemp("gate") / "titanic"
    shutil.copytree(titanic_project, root, ignore=shutil.ignore_patterns("dist", ".seatrial", "__pycache__"))
    releases = Releases(root)
    releases.build("0.1.0")
    return releases


def test_a_first_release_is_published_only_after_its_trial(releases: Releases) -> None:
    before = releases.run("publish")
    assert before.returncode == 1
    assert "No trial has been run for this wheel" in before.stderr
    assert "Run `seatrial trial`" in before.stderr
    code, verdict = releases.trial()
    assert code == 0, verdict["cause"]
    assert "first release" in verdict["cause"]
    assert verdict["baseline"] is None
    assert releases.run("publish").returncode == 0
    assert releases.run("publish").returncode == 0  # the same bytes again


def test_a_pure_refactoring_passes_all_suites(releases: Releases) -> None:
    releases.change("features.py", "return 1 + sibsp + parch", "return sibsp + parch + 1")
    releases.build("0.1.1")
    code, verdict = releases.trial()
    assert code == 0, verdict["cause"]
    assert {check["suite"] for check in verdict["checks"]} == {
        "golden", "invariants", "contract", "reproduce", "rebuild", "total", "data", "cost", "behaviour", "settings",
        "gate",
    }  # fmt: skip
    assert all(check["outcome"] in ("passed", "noted") for check in verdict["checks"])
    assert verdict["seconds"]["total"] < 60
    (folder,) = [p for p in (releases.root / ".seatrial" / "trials").iterdir() if "first" not in p.name]
    assert sorted(p.name for p in folder.iterdir()) == [
        "junit.xml", "requirements.txt", "trial.html", "trial.md", "verdict.json",
    ]  # fmt: skip
    pin = read_lockfile((folder / "requirements.txt").read_text(), "the trial's")
    assert (pin.model.requirement, pin.model.hashes) == ("titanic-model==0.1.1", (verdict["candidate"]["sha256"],))
    assert {"seatrial", "onnxruntime", "uvicorn"} <= {line.name for line in pin.requirements}
    assert "Passed" in (folder / "trial.html").read_text()
    suite = ElementTree.parse(folder / "junit.xml").getroot()
    assert not list(suite.iter("failure")) + list(suite.iter("skipped"))
    assert releases.run("publish").returncode == 0


def test_a_lost_feature_is_named_and_never_published(releases: Releases) -> None:
    releases.change("pipeline.py", '"pclass", "sex", "title"', '"pclass", "title"')
    releases.build("0.2.0")
    done = releases.run("trial")
    assert done.returncode == 1
    first = next(line for line in done.stdout.splitlines() if line)
    assert first.startswith("Blocked: ")
    assert "ignores `sex`" in done.stdout.replace("\n", " ")
    (folder,) = (releases.root / ".seatrial" / "trials").glob(f"{wheel_hash(releases, '0.2.0')[:16]}-*")
    assert not (folder / "requirements.txt").exists()
    refused = releases.run("publish")
    assert refused.returncode == 1
    assert "has not passed its trial" in refused.stderr
    assert [r["version"] for r in json.loads(releases.run("releases", "--json").stdout)] == ["0.1.0", "0.1.1"]
    releases.change("pipeline.py", '"pclass", "title"', '"pclass", "sex", "title"')


def test_an_intended_change_is_named_and_waits_until_somebody_accepts_it(releases: Releases) -> None:
    releases.set_version("0.1.1")
    releases.change("pipeline.py", "LogisticRegression(C=1.0", "LogisticRegression(C=0.8")
    released = releases.run("release", "minor")
    assert released.returncode == 1
    assert "Blocked: the code changed since 0.1.1 (pipeline.py): " in released.stdout
    assert "titanic-model 0.2.0: ROC AUC 0." in released.stdout
    assert "(0.1.1) -> 0." in released.stdout
    assert released.stderr.endswith("If that is meant, run `seatrial trial --kind redesign`.\n")
    again = releases.run("trial", "--kind", "redesign", "--json")
    assert again.returncode == 3, again.stderr
    verdict = json.loads(again.stdout)
    assert (verdict["outcome"], verdict["kind"]) == ("waiting", "redesign")
    assert "training" not in again.stderr, "it is judged again, without being run again"
    assert releases.run("publish").returncode == 1
    accepted = releases.run("trial", "accept", "--reason", "less overfitting, agreed with the crew")
    assert accepted.returncode == 0, accepted.stderr
    assert "Next: seatrial publish" in accepted.stderr
    (given,) = json.loads((releases.root / "accepted.json").read_text())
    assert given["reason"] == "less overfitting, agreed with the crew"
    assert given["checks"]
    again = releases.run("trial", "accept", "--reason", "once more")
    assert again.returncode == 2
    assert "No difference is waiting for acceptance" in again.stderr
    assert releases.run("publish").returncode == 0
    nothing = releases.run("release", "--json")
    assert nothing.returncode == 0, nothing.stderr
    facts = json.loads(nothing.stdout)
    assert (facts["version"], facts["trial"], facts["published"]) == ("0.2.0", None, False)
    assert facts["before"] == facts["after"]
    assert "0.2.0" in (releases.root / "src" / "titanic_model" / "artifacts" / "card.md").read_text()
    assert releases.run("publish").returncode == 0, "the version and the artifacts are still the published ones"


@pytest.mark.soak
def test_two_releases_are_compared_by_name_without_a_project(releases: Releases, tmp_path: Path) -> None:
    index = str(releases.root / ".seatrial" / "index")
    names = ("titanic-model==0.1.0", "titanic-model==0.1.1")
    done = run_here("trial", *names, "--index", index, "--json", "--output", "out", cwd=tmp_path)
    verdict = json.loads(done.stdout)
    assert done.returncode == 0, verdict["cause"]
    assert {"reproduce.candidate", "rebuild.scores"} <= {check["name"] for check in verdict["checks"]}  # from sdists
    assert (tmp_path / "out" / "trial.html").is_file()


@pytest.mark.soak
def test_a_trial_of_two_named_releases_is_stored_for_the_gates_of_their_project(releases: Releases) -> None:
    shutil.rmtree(releases.root / ".seatrial" / "trials")
    done = releases.run("trial", "titanic-model==0.1.1", "titanic-model==0.1.0", "--json")
    verdict = json.loads(done.stdout)
    (folder,) = (releases.root / ".seatrial" / "trials").iterdir()
    new, old = verdict["candidate"]["sha256"][:16], verdict["baseline"]["sha256"][:16]
    assert folder.name == f"{new}-{old}"
    assert json.loads((folder / "verdict.json").read_text())["cause"] == verdict["cause"]


@pytest.mark.soak
def test_two_wheels_that_cannot_be_trained_again_are_inconclusive(releases: Releases, tmp_path: Path) -> None:
    folder = releases.root / ".seatrial" / "index" / "simple" / "titanic-model"
    old, new = (folder / f"titanic_model-0.1.{n}-py3-none-any.whl" for n in (0, 1))
    index = str(releases.root / ".seatrial" / "index")
    done = run_here("trial", str(old), str(new), "--index", index, "--json", cwd=tmp_path)
    assert done.returncode == 3
    assert json.loads(done.stdout)["outcome"] == "inconclusive"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("trial", "titanic-model==0.1.0"), 2, "give both"),
        (("trial", "titanic-model==9", "titanic-model==0.1.0"), 1, "has no titanic-model==9"),
        (("trial", "titanic-model==0.1.0", "titanic-model==0.1.0"), 4, "the comparison would be vacuous"),
        (("trial", "accept"), 2, "--reason"),
    ],
)
def test_usage_errors_are_one_line_with_their_exit_code(
    releases: Releases, words: tuple[str, ...], code: int, message: str
) -> None:
    done = releases.run(*words)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_key_of_the_policy_is_a_usage_error(releases: Releases, tmp_path: Path) -> None:
    root = tmp_path / "titanic"
    shutil.copytree(releases.root, root)
    settings = root / "pyproject.toml"
    settings.write_text(settings.read_text() + "\n[tool.seatrial.trial]\nmargn = 0.1\n")
    done = Releases(root).run("trial")
    assert done.returncode == 2
    assert "unknown key `margn`" in done.stderr
    assert "Did you mean `margin`?" in done.stderr


@pytest.mark.soak
def test_what_a_team_in_a_hurry_does_is_in_the_first_line(releases: Releases, tmp_path: Path) -> None:
    """It relaxes the policy, cuts the golden rows to one and gives rows of its choice, all in one release."""
    hurried = Releases(Path(shutil.copytree(releases.root, tmp_path / "titanic")))
    settings, table = hurried.root / "pyproject.toml", hurried.root / "data" / "titanic.csv"
    settings.write_text(settings.read_text() + "\n[tool.seatrial.trial]\nmargin = 1.0\n")
    hurried.build("0.3.0", "train")
    golden = hurried.root / "src" / "titanic_model" / "artifacts" / "golden.json"
    rows = json.loads(golden.read_text())
    golden.write_text(json.dumps({"rows": rows["rows"][:1], "scores": rows["scores"][:1]}))
    assert hurried.run("build").returncode == 0
    (tmp_path / "chosen.csv").write_text("".join(table.read_text().splitlines(keepends=True)[:41]))
    done = hurried.run("trial", "--data", str(tmp_path / "chosen.csv"), "--json")
    assert done.returncode == 3, done.stderr
    verdict = json.loads(done.stdout)
    for remark in (
        "olicy relaxed since 0.2.0: margin 0.01 -> 1.0.",
        "he release carries 1 golden rows, and the policy asks for 16.",
        "urther rows: chosen.csv, 40 rows, sha256 ",
    ):
        assert remark in verdict["cause"]
    assert {check["name"]: check["outcome"] for check in verdict["checks"]}["golden.trained"] == "passed"
    assert hurried.run("publish").returncode == 1
