"""Files that nobody should write, and somebody will: each is reported in one line, and none is a traceback."""

import os
import random
from pathlib import Path

import pytest
import yaml
from tests.ci.trees import CIRCLE, GITLAB, WORKFLOW, diagnosed, examine, not_checked
from tests.conftest import copy_titanic

from seatrial.ci import SERVICES, render
from seatrial.cli import app
from seatrial.core.project import find_project

DEEP = "[" * 5000 + "]" * 5000
BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{', '.join(['*' + old] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
ODD = {
    "nothing": (b"", 1, "it is empty"),
    "a comment": (b"# later\n", 1, "it is empty"),
    "a list": (b"- a\n- b\n", 1, "it is not a mapping"),
    "a word": (b"hello\n", 1, "it is not a mapping"),
    "no YAML": (b"jobs: [\n", 2, "it is not valid YAML, "),
    "a tab": (b"jobs:\n\tx: y\n", 2, "it is not valid YAML, "),
    "bytes": (b"\x00\x01\x02jobs", 1, "it is not text in UTF-8"),
    "UTF-16": ("jobs: {}\n".encode("utf-16"), 1, "it is not text in UTF-8"),
    "control characters": (b"jobs: \x07\n", 1, "it is not valid YAML, "),
    "depth": (f"jobs: {DEEP}\n".encode(), 1, "nested too deeply"),
    "itself": (b"jobs: &a {<<: *a, script: x}\n", 1, "contains itself"),
    "an alias to nothing": (b"jobs: *a\n", 1, "it is not valid YAML, "),
    "ten megabytes": (b"# " + b"x" * 10_000_000, 1, "is larger than a megabyte"),
}


@pytest.mark.parametrize("odd", ODD)
def test_a_pipeline_that_cannot_be_read_is_a_finding(odd: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    data, line, said = ODD[odd]
    (tmp_path / GITLAB).write_bytes(data)
    found = [each for each in examine(tmp_path) if said in each.message]
    assert [(each.path, each.line) for each in found] == [(GITLAB, line)], examine(tmp_path)
    assert "\n" not in found[0].message
    assert app.run(["doctor", str(tmp_path)]) == 1
    assert said in capsys.readouterr().out


def test_what_cannot_be_read_hides_nothing_else(tmp_path: Path):
    found = diagnosed(tmp_path, {GITLAB: "- a\n", CIRCLE: "jobs: [", WORKFLOW: "on: push\njobs:\n  a:\n    needs: b\n"})
    assert sorted(check for check, _ in found) == ["unreadable", "unreadable"]


def test_folders_and_links_in_place_of_a_pipeline(tmp_path: Path):
    (tmp_path / GITLAB).mkdir()
    (tmp_path / GITLAB / "x").write_text("")
    assert examine(tmp_path) == []
    for number, target in enumerate(("nowhere", "config.yml", "other.yml")):
        folder = tmp_path / str(number) / ".circleci"
        folder.mkdir(parents=True)
        (folder / "other.yml").write_text("jobs: {}\n")
        (folder / "config.yml").symlink_to(target)
        (found,) = examine(folder.parent)
        assert (found.path, found.message) == (
            CIRCLE, "This is not a pipeline: it is a symbolic link, and git stores only its target.",
        )  # fmt: skip
    (tmp_path / "1" / "above").symlink_to(tmp_path)
    assert len(examine(tmp_path / "1")) == 1


def test_anchors_merge_keys_and_a_header_are_understood(tmp_path: Path):
    text = (
        "spec: {inputs: {a: {default: b}}}\n---\n.a: &a\n  script: [railway up]\n  rules: [{if: $CI_COMMIT_TAG}]\n.b: &b {stage: test}\n"
        "deploy:\n  <<: [*a, *b]\n  rules: [{when: always}]\n"
    )
    found = diagnosed(tmp_path, {GITLAB: text})
    assert ("any-branch", ".a: &a") not in found
    assert {check for check, _ in found} == {"any-branch", "no-trial"}
    circular = "a: {extends: b, script: [x]}\nb: {extends: a}\n? [x, y]\n: {script: z}\n"
    assert diagnosed(tmp_path, {GITLAB: circular}) == [("unreadable", "a: {extends: b, script: [x]}")]


OTHERS = {
    "Dockerfile": "FROM\nFROM --platform=x\nEXPOSE\nEXPOSE $PORT/tcp\nRUN\nRUN [\nRUN ['x']\nENV\nARG\nCMD [\n\\\n<<EOF\nRUN <<EOF",
    "pip.conf": "[global\nextra-index-url\n",
    "sub/pip.ini": "[global]\nextra-index-url = https://x\nrequire-hashes = perhaps\n",
    "deploy/requirements.txt": "\\\n\\\n-e .\n;\n@\n==\n\u2028x==1\n--hash\n./a b c\n",
    "requirements.txt": "[x]\n\x0b\n===\n" + "x" * 6000,
    "Makefile": "\t-@\n\t@- (\n\t'\n",
    "release.sh": "curl '\n$((\n)) ) ) ;; && || |\n",
    "Procfile": "web\nweb:\n",
    "railway.json": "[",
    "deploy/local/history.jsonl": "[]\n3\n",
    "tests/test_x.py": "def (\n",
    "caf\u00e9/\U0001f600 .yml": "x",
}
PYPROJECTS = [
    "", "x", "tool = 3", "project = 3", "[project]\nname = 3\nversion = 4", "[tool]\nuv = 1\npytest = []\nseatrial = 2",
    "[tool.uv]\nindex = 'x'\nsources = 3\npip = 4", "[tool.uv]\nindex = [1, {url = 2}]\n[tool.uv.sources]\nx = [1]",
    "[tool.pytest]\nini_options = 3", "[tool.pytest.ini_options]\ntestpaths = 3\naddopts = 4",
    "[tool.pytest.ini_options]\ntestpaths = 'tests'\naddopts = \"-k '\"",
]  # fmt: skip


def test_other_files_with_odd_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for settings in PYPROJECTS:
        diagnosed(tmp_path, {**OTHERS, "pyproject.toml": settings, GITLAB: "test: {script: [pytest, pip install x]}\n"})
    (tmp_path / "pyproject.toml").write_bytes(b"\xff\xfe\x00")
    odd = tmp_path / os.fsdecode(b"\xff")
    odd.mkdir()
    (odd / ".env").write_text("PASSWORD=hunter2\n")
    assert app.run(["doctor", str(tmp_path)]) == 1
    assert "/.env:1: This line contains a password" in capsys.readouterr().out


def test_any_part_may_be_anything(tmp_path: Path):
    """Rendered pipelines with random parts replaced: whatever comes of it is reported, and nothing is raised."""
    project = find_project(copy_titanic(tmp_path / "titanic"))
    generator, tried = random.Random(int(os.environ.get("SEATRIAL_SEED", "1912"))), 0
    others = [None, "", "x", 3, True, [], {}, [None], [[["x"]]], {"x": None}, {"when": []}, "$X", "${{ x }}", "<< x >>"]
    for provider in SERVICES:
        ((path, text),) = render(project, provider).items()
        for _ in range(int(os.environ.get("SEATRIAL_ODD", "10"))):
            document = yaml.safe_load(text)
            document = {("on" if key is True else key): value for key, value in document.items()}
            for _ in range(generator.randint(1, 4)):
                part = document
                while isinstance(part, dict | list) and part:
                    key = generator.choice(list(part) if isinstance(part, dict) else range(len(part)))
                    if generator.random() < 0.3 or not isinstance(part[key], dict | list):
                        part[key] = generator.choice(others)
                        break
                    part = part[key]
            where = tmp_path / "odd" / path.relative_to(project.root)
            where.parent.mkdir(parents=True, exist_ok=True)
            where.write_text(yaml.safe_dump(document))
            examine(tmp_path / "odd")
            tried += 1
    assert tried >= 30


def test_each_pipeline_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import seatrial.ci.doctor.pipelines as module

    texts: list[str] = []
    before = yaml.compose_all
    monkeypatch.setattr(module.yaml, "compose_all", lambda text, **how: texts.append(text) or before(text, **how))
    diagnosed(tmp_path, {GITLAB: "a: {script: x}\n", CIRCLE: "jobs: {}\n", WORKFLOW: "on: push\njobs: {}\n"})
    assert len(texts) == len(set(texts)) == 3


def test_aliases_are_never_expanded(tmp_path: Path):
    assert diagnosed(tmp_path, {GITLAB: BOMB + "test: {script: *h}\n"}) == []
    assert "a part of the script" in not_checked(tmp_path)[0]


def test_the_services_find_the_files_that_they_write():
    for service in SERVICES.values():
        assert service.finds.fullmatch(service.path)
