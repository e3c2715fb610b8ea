"""The ledger knows what was made on this machine, whatever happens to the files of a project."""

import json
from pathlib import Path

import pytest

from seatrial.trial import ledger

NAME = "0123456789abcdef-first"
ACCEPTANCE = {"checks": ["data.surprise"], "by": "Ada", "on": "2027-03-01", "until": "2027-03-31"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEATRIAL_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def document(root: Path, text: str) -> Path:
    root.mkdir(exist_ok=True)
    (root / "verdict.json").write_text(text)
    return root / "verdict.json"


def test_the_last_verdict_of_two_wheels_counts(tmp_path: Path) -> None:
    root = tmp_path / "project"
    assert ledger.known_verdict(NAME, document(root, "one"), root) == "unknown"
    for text in ("one", "two"):
        ledger.expect(NAME, text, root)
        ledger.settle(NAME, root)
    assert ledger.known_verdict(NAME, document(root, "two"), root) == "recorded"
    assert ledger.known_verdict(NAME, document(root, "one"), root) == "edited"


def test_a_killed_trial_leaves_the_verdict_before_it_in_force(tmp_path: Path) -> None:
    root = tmp_path / "project"
    ledger.expect(NAME, "one", root)
    ledger.settle(NAME, root)
    ledger.expect(NAME, "two", root)
    assert ledger.known_verdict(NAME, document(root, "one"), root) == "recorded"
    assert ledger.known_verdict(NAME, document(root, "two"), root) == "recorded"


def test_a_copy_of_a_project_has_its_records(tmp_path: Path) -> None:
    root, copy = tmp_path / "project", tmp_path / "copy"
    ledger.expect(NAME, "one", root)
    ledger.settle(NAME, root)
    assert ledger.known_verdict(NAME, document(copy, "one"), copy) == "recorded"
    assert ledger.known_verdict(NAME, document(copy, "other"), copy) == "edited"


def test_an_acceptance_is_known_as_it_was_given() -> None:
    assert not ledger.knows_acceptance(ACCEPTANCE)
    ledger.record_acceptance(ACCEPTANCE)
    assert ledger.knows_acceptance(dict(ACCEPTANCE))
    assert not ledger.knows_acceptance({**ACCEPTANCE, "until": "2099-01-01"})


def test_the_wheels_that_were_published_are_known_by_their_hashes(home: Path) -> None:
    for version, letter in (("0.1.0", "a"), ("0.1.0", "b"), ("0.1.1", "c")):
        ledger.record_published("tiny", "folder", version, letter * 64)
    assert ledger.published_hashes("tiny", "folder", "0.1.0") == {"a" * 64, "b" * 64}
    assert ledger.published_hashes("tiny", "elsewhere", "0.1.0") == set()


@pytest.mark.parametrize("content", ["", "[]", '{"entries": {}}', '{"entries": 1, "mac": 1}', '{"mac": "00"}'])
def test_a_damaged_record_is_none(home: Path, content: str) -> None:
    ledger.record_published("tiny", "https://index.example/", "0.1.0", "a" * 64)
    assert ledger.published("tiny") == {"https://index.example/": ["0.1.0"]}
    (record,) = (home / "ledger" / "published").iterdir()
    record.write_text(content)
    assert ledger.published("tiny") == {}


def test_a_record_of_another_machine_is_none(home: Path) -> None:
    ledger.record_published("tiny", "https://index.example/", "0.1.0", "a" * 64)
    (record,) = (home / "ledger" / "published").iterdir()
    assert json.loads(record.read_text())["name"] == "tiny"
    assert (home / "ledger" / "key").stat().st_mode & 0o077 == 0
    (home / "ledger" / "key").write_bytes(b"another key")
    assert ledger.published("tiny") == {}
