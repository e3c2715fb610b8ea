"""`seatrial keys`: the secret is printed once, only its hash is stored, and a key is found again to revoke it."""

import hashlib
import json
from pathlib import Path

import pytest
from tests.projects.tiny import make_project

from seatrial.cli.app import run
from seatrial.core.access_keys import SECRET, Allowance, read_key_file


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = make_project(tmp_path / "tiny")
    monkeypatch.chdir(root)
    return root


def test_a_key_is_printed_once_and_stored_as_a_hash(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["keys", "add", "web", "--scope", "predict", "--scope", "metrics", "--rate", "100/s"]
    assert run([*words, "--quota", "1000000/day", "--expires", "2100-01-31"]) == 0
    shown = capsys.readouterr()
    secret = shown.out.strip()
    assert SECRET.fullmatch(secret)
    assert secret not in shown.err
    (key,) = read_key_file(root / ".seatrial" / "keys.json")
    assert (key.name, key.scopes, key.rate) == ("web", ("predict", "metrics"), Allowance(100, 1))
    assert key.sha256 == hashlib.sha256(secret.encode()).hexdigest()
    assert run(["keys", "list"]) == 0
    listed = capsys.readouterr().out
    assert key.id in listed
    assert "100/s" in listed
    assert "2100-01-31" in listed
    assert secret not in listed
    assert run(["keys", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["keys"][0]["quota"] == "1000000/day"


def test_one_of_several_keys_is_revoked_by_its_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "keys.json"
    for name in ("web", "web", "app"):
        assert run(["keys", "add", name, "--file", str(file)]) == 0
    first, second, other = read_key_file(file)
    capsys.readouterr()
    assert run(["keys", "revoke", "web", "--file", str(file)]) == 1
    assert f"web has several keys: {first.id}, {second.id}." in capsys.readouterr().err
    assert run(["keys", "revoke", "web", "--key", other.id, "--file", str(file)]) == 1
    assert read_key_file(file) == (first, second, other)
    assert run(["keys", "revoke", "web", "--key", first.id, "--file", str(file)]) == 0
    assert read_key_file(file) == (second, other)
    assert run(["keys", "revoke", "web", "--file", str(file)]) == 0
    assert run(["keys", "revoke", "app", "--key", "all", "--file", str(file)]) == 0
    assert read_key_file(file) == ()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["add", "web", "--scope", "all"], "The new key.scopes must be"),
        (["add", "we b"], "The new key.name must be"),
        (["add", "seatrial-deploy"], "The name seatrial-deploy is kept for deployments."),
        (["add", "web", "--rate", "fast"], "The new key.rate must be"),
        (["add", "web", "--expires", "2020-01-01"], "The key would not be valid: it expires on 2020-01-01."),
        (["list"], "keys.json cannot be read: No such file"),
        (["revoke", "web"], "keys.json cannot be read: No such file"),
    ],
)
def test_errors_leave_no_file(root: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    assert run(["keys", *words]) == 1
    assert message in capsys.readouterr().err
    assert not (root / ".seatrial" / "keys.json").exists()


def test_a_broken_file_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "keys.json"
    file.write_text("{")
    assert run(["keys", "add", "web", "--file", str(file)]) == 1
    assert "is not valid JSON" in capsys.readouterr().err
    assert file.read_text() == "{"
