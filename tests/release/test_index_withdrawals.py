"""Yanked and removed versions: who, when and why stays on the page, installers skip them, and no number is used again."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from tests.projects.tiny import make_sdist, make_wheel
from tests.release.indexes import TOKEN, private_index
from tests.release.test_killed import at, copy, in_child, killed_at, needs_fork, tree
from tests.soak import turns

from seatrial.core.errors import SeatrialError, UsageError
from seatrial.release import FolderIndex, HttpIndex
from seatrial.release.index import newest
from seatrial.release.index_withdrawals import read_request
from seatrial.wheels.installer import find_uv
from seatrial.wheels.resolution import resolve_release
from seatrial.wheels.wheel import inspect

WHY = {"reason": "a <bad> table", "who": "Ada"}
NAME = "tiny-model"


@pytest.fixture
def index(tmp_path: Path) -> FolderIndex:
    """An index with two releases, each with its sdist."""
    made = at(tmp_path / "index")
    for version in ("0.1.0", "0.2.0"):
        made.publish([make_wheel(tmp_path, version=version), make_sdist(tmp_path, version=version)])
    return made


def test_a_yanked_version_is_skipped_unless_it_is_pinned(index: FolderIndex) -> None:
    assert index.withdraw(NAME, "0.2.0", "yank", **WHY)
    assert index.find(NAME).version == "0.1.0"
    assert index.find("tiny-model==0.2.0").wheel.yank_reason == WHY["reason"]
    assert getattr(newest(index.releases(NAME)), "version", None) == "0.1.0"
    assert [file.yanked for file in index.files(NAME)] == [False, False, True, True]
    document = json.loads((index.path / "simple" / NAME / "index.json").read_text())
    assert [entry.get("yanked") for entry in document["files"]] == [None, None, WHY["reason"], WHY["reason"]]
    (record,) = index.withdrawals(NAME)
    assert (record.action, record.version, record.who, record.reason) == ("yank", "0.2.0", "Ada", WHY["reason"])
    assert record.when == "2026-11-24T10:00:00Z"
    assert not index.withdraw(NAME, "0.2.0", "yank", **WHY)
    assert index.withdraw(NAME, "0.2.0", "restore", **WHY)
    assert index.find(NAME).version == "0.2.0"
    assert len(index.withdrawals(NAME)) == 2
    for version in ("0.1.0", "0.2.0"):
        index.withdraw(NAME, version, "yank", **WHY)
    with pytest.raises(SeatrialError, match=r"no release of tiny-model that is not yanked; 0.2.0: a <bad> table"):
        index.find(NAME)


def test_an_installer_skips_a_yanked_version(index: FolderIndex, tmp_path: Path) -> None:
    index.withdraw(NAME, "0.2.0", "yank", **WHY)
    command = [str(find_uv()), "pip", "install", "--no-cache", "--no-config", "--python", sys.executable, "--no-deps"]
    for name, version in ((NAME, "0.1.0"), ("tiny-model==0.2.0", "0.2.0")):
        target = tmp_path / version
        subprocess.run(
            [*command, "--target", str(target), "--index-url", index.url, name], check=True, capture_output=True
        )
        assert (target / f"tiny_model-{version}.dist-info").is_dir()
    user = make_wheel(tmp_path, "user-model", requires=(NAME,))
    wheels = {each.wheel.name: each.wheel.version for each in resolve_release(inspect(user), index=index).wheels}
    assert wheels[NAME] == "0.1.0"


def test_a_removed_version_is_gone_and_cannot_come_back(index: FolderIndex, tmp_path: Path) -> None:
    files = [make_wheel(tmp_path, version="0.2.0"), make_sdist(tmp_path, version="0.2.0")]
    assert index.withdraw(NAME, "0.2.0", "remove", **WHY)
    assert [release.version for release in index.releases(NAME)] == ["0.1.0"]
    assert not list((index.path / "simple" / NAME).glob("*0.2.0*"))
    for again in (files, [make_wheel(tmp_path / "b", version="0.2.0", content="x = 1")]):
        with pytest.raises(SeatrialError, match=r"was removed by Ada on 2026-11-24: a <bad> table"):
            index.publish(again)
    with pytest.raises(SeatrialError, match="was removed by Ada"):
        index.add(files[1])
    with pytest.raises(SeatrialError, match="was removed by Ada"):
        index.publish([make_wheel(tmp_path / "d", version="0.2")])  # the same version, spelled differently
    assert not index.withdraw(NAME, "0.2", "remove", **WHY)
    index.withdraw(NAME, "0.1", "remove", **WHY)
    assert index.releases(NAME) == []
    with pytest.raises(SeatrialError, match="not a release of one"):
        index.publish([make_wheel(tmp_path / "c", version="99", release=None)])


def test_a_models_name_takes_releases_only(index: FolderIndex, tmp_path: Path) -> None:
    library = make_wheel(tmp_path / "library", version="99", release=None)
    with pytest.raises(SeatrialError, match="tiny-model is a model, and this wheel is not a release of one"):
        index.publish([library])
    index.publish([make_wheel(tmp_path, "a-library", release=None)])
    assert index.find(NAME).version == "0.2.0"


def test_an_sdist_without_its_wheel_is_not_installed(index: FolderIndex, tmp_path: Path) -> None:
    """An installer would build it, which runs whatever it says."""
    index.add(make_sdist(tmp_path, version="99"))
    assert [file.yank_reason for file in index.files(NAME) if file.yanked] == ["its wheel is not published"]
    assert index.find(NAME).version == "0.2.0"
    index.add(make_wheel(tmp_path, version="99"))
    assert not any(file.yanked for file in index.files(NAME))
    index.withdraw(NAME, "99", "yank", **WHY)
    assert [file.yank_reason for file in index.files(NAME) if file.yanked] == [WHY["reason"]] * 2


def test_a_version_that_is_not_there_is_named(index: FolderIndex) -> None:
    with pytest.raises(SeatrialError, match=r"has no tiny-model 9") as error:
        index.withdraw(NAME, "9", "remove", **WHY)
    assert error.value.hint == "It has 0.1.0, 0.2.0."
    with pytest.raises(SeatrialError, match="not a version"):
        index.withdraw(NAME, "../x", "remove", **WHY)


@needs_fork
@pytest.mark.parametrize("action", ["yank", "remove"])
def test_a_kill_at_any_moment_leaves_the_old_or_the_new_state(index: FolderIndex, tmp_path: Path, action: str) -> None:
    clean = tmp_path / "clean"
    copy(index.path, clean)
    at(clean).withdraw(NAME, "0.2.0", action, **WHY)  # type: ignore[arg-type]
    seen = set()
    for moment in range(1, 200, turns(1, 4)):
        broken = tmp_path / f"killed-{moment}"
        copy(index.path, broken)
        act = lambda b=broken: at(b).withdraw(NAME, "0.2.0", action, **WHY)  # noqa: E731
        code = in_child(lambda b=broken, m=moment, a=act: killed_at(b, m, a))  # type: ignore[misc]
        if code == 0:
            break
        assert code == -signal.SIGKILL
        listed, records = at(broken).files(NAME), at(broken).withdrawals(NAME)
        done = len([file for file in listed if not file.yanked]) == 2
        assert done == bool(records), f"killed before touch {moment}"
        for file in listed:
            at(broken).local(NAME, file)
        seen.add(done)
        at(broken).withdraw(NAME, "0.2.0", action, **WHY)  # type: ignore[arg-type]
        assert tree(broken) == tree(clean), f"killed before touch {moment}"
        shutil.rmtree(broken)
    assert seen == {False, True}


def test_over_http_the_password_and_a_reason_are_needed(index: FolderIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAM_TOKEN", TOKEN)
    monkeypatch.setenv("COLUMNS", "200")
    with private_index(index.path) as running:
        url = f"{running.simple}{NAME}/withdrawals"
        body = {"version": "0.2.0", "action": "yank", **WHY}
        assert httpx.post(url, json=body).status_code == 401
        auth = ("__token__", TOKEN)
        assert httpx.post(url, json=body, auth=auth, headers={"Origin": "https://evil.example"}).status_code == 403
        assert httpx.post(url, json={**body, "reason": " "}, auth=auth).status_code == 400
        assert httpx.post(url, content=b"[" * 20_000, auth=auth).status_code == 413
        assert not any(file.yanked for file in index.files(NAME))
        remote = HttpIndex(running.settings())
        assert remote.withdraw(NAME, "0.2.0", "yank", **WHY)
        assert not remote.withdraw(NAME, "0.2.0", "yank", **WHY)
        assert remote.find(NAME).version == "0.1.0"
        assert remote.find("tiny-model==0.2.0").wheel.yank_reason == WHY["reason"]
        with pytest.raises(SeatrialError, match=r"The index has no|the index has no tiny-model 9"):
            remote.withdraw(NAME, "9", "yank", **WHY)
        command = [
            sys.executable,
            "-m",
            "seatrial",
            "index",
            "remove",
            "tiny-model==0.2.0",
            "--reason",
            "not ours",
            "--by",
            "Bo",
        ]
        project = Path(__file__).parents[2] / "titanic"
        done = subprocess.run(
            [*command, "--index", str(index.path), "--project", str(project)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "tiny-model==0.2.0 is removed on" in done.stdout + done.stderr
    assert [(record.action, record.who) for record in index.withdrawals(NAME)] == [("yank", "Ada"), ("remove", "Bo")]


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"version": 1}', b'{"version": "1", "action": "burn", "reason": "a", "who": "b"}',
     b'{"version": "1", "action": "yank", "reason": "a\\nb", "who": "b"}', b"\xff", b"[" * 100_000],
)  # fmt: skip
def test_a_request_that_is_not_one_is_refused(body: bytes) -> None:
    with pytest.raises(UsageError):
        read_request(body)
