"""pylock.toml and the signed statement next to a lockfile: always of that lockfile; and what must be signed, is."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.projects.tiny import make_project, make_wheel
from tests.wheels.signing_keys import pem, public_key_of

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.core.project import ProjectSettings, find_project
from seatrial.deploy import TargetState
from seatrial.deploy.history import Entry
from seatrial.steps.deploy import deploy, rollback
from seatrial.wheels.attestation import STATEMENT, AttestationError, TrialStatement, sign
from seatrial.wheels.lockfile import Lockfile, read_lockfile
from seatrial.wheels.pylock import PYLOCK, OwnWheel, differences, make_pylock

KEY, THEIRS = (pem(ec.generate_private_key(ec.SECP256R1())) for _ in range(2))
SIGNING = {"public_keys": ["team.pub"], "required": True}


class Shelf:
    """A target that notes what it was told to run."""

    name = "shelf"

    def __init__(self, project: ProjectSettings, settings: dict[str, object]) -> None:
        self.path = project.root / "shelf"

    def check(self) -> None:
        pass

    def switch(self, pinned: object, commit: object, progress: object) -> str:
        commit()  # type: ignore[operator]
        self.path.write_text(pinned.version)  # type: ignore[attr-defined]
        return "the shelf"

    def settle(self, pinned: object, progress: object) -> None:
        self.path.write_text(pinned.version)  # type: ignore[attr-defined]

    def serving(self) -> str | None:
        return self.path.read_text() if self.path.exists() else None


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ProjectSettings:
    root = make_project(tmp_path / "tiny")
    (root / "team.pub").write_bytes(public_key_of(KEY))
    shelves = ModuleType("shelves")
    shelves.Shelf = Shelf  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "shelves", shelves)
    return replace(find_project(root), deploy={"shelf": {"class": "shelves:Shelf"}})


def lockfile_of(wheel: Path, dependency: str = "a") -> Lockfile:
    version = wheel.name.split("-")[1]
    lines = f"tiny-model=={version} --hash=sha256:{sha256(wheel)}\n"
    return read_lockfile(lines, dependency)


def companions(wheel: Path, lockfile: Lockfile, key: bytes = KEY, **statement: str) -> dict[str, str]:
    own = OwnWheel(wheel.name, sha256(wheel), wheel.stat().st_size, str(wheel))
    signed = TrialStatement(wheel.name, sha256(wheel), "c" * 64, lockfile_sha256=lockfile.digest)
    return {PYLOCK: make_pylock(lockfile, [own], None), STATEMENT: sign(replace(signed, **statement), key)}


def put(project: ProjectSettings, version: str, *, key: bytes | None = KEY, **statement: str) -> Entry:
    """Deploy a version to the shelf, as `seatrial deploy` does it."""
    state = TargetState(project, "shelf")
    wheel = make_wheel(project.root.parent / "wheels", version=version)
    lockfile = lockfile_of(wheel)
    beside = companions(wheel, lockfile, key or KEY, **statement)
    if key is None:
        del beside[STATEMENT]
    entry = Entry(
        f"id{version}", "deploy", "2026", "A", "", "tiny-model", version, sha256(wheel), "tiny_model", lockfile.digest
    )
    state.store(lockfile, [wheel], beside)
    state.write_lockfile(entry, lockfile, "index")
    state.record(entry)
    Shelf(project, {}).path.write_text(version)
    return entry


def files(project: ProjectSettings) -> dict[str, str]:
    folder = project.root / "deploy" / "shelf"
    return {path.name: path.read_text() for path in folder.iterdir() if path.name != "history.jsonl"}


def back(project: ProjectSettings, **more: object) -> str:
    return rollback(replace(project, **more), "shelf", git=False).version  # type: ignore[arg-type]


def test_the_files_next_to_a_lockfile_change_with_it(project: ProjectSettings) -> None:
    put(project, "0.1.0")
    first = files(project)
    assert set(first) == {"requirements.txt", PYLOCK, STATEMENT}
    put(project, "0.2.0", key=None)
    assert set(files(project)) == {"requirements.txt", PYLOCK}
    assert "0.2.0" in files(project)[PYLOCK]
    assert back(project) == "0.1.0"
    again = files(project)
    assert (again[PYLOCK], again[STATEMENT]) == (first[PYLOCK], first[STATEMENT])


@pytest.mark.parametrize("kill", range(8))
def test_after_a_kill_no_file_is_of_another_lockfile(
    project: ProjectSettings, monkeypatch: pytest.MonkeyPatch, kill: int
) -> None:
    put(project, "0.1.0")
    steps = iter(range(100))

    def dying(name: str) -> object:
        real = getattr(Path, name)

        def call(path: Path, *arguments: object, **more: object) -> object:
            if path.parent == project.root / "deploy" / "shelf" and next(steps) == kill:
                raise KeyboardInterrupt
            return real(path, *arguments, **more)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", dying("unlink"))
        patch.setattr(Path, "replace", dying("replace"))
        try:
            put(project, "0.2.0")
        except KeyboardInterrupt:
            killed = True
        else:
            killed = False
    assert killed is (kill < 6)  # two files removed, the lockfile and two files written, and the history
    found = files(project)
    lockfile = read_lockfile(found["requirements.txt"], "it")
    assert differences(found.get(PYLOCK, ""), lockfile) == [] or PYLOCK not in found
    version = "0.2.0" if "0.2.0" in found["requirements.txt"] else "0.1.0"
    rollback(project, "shelf", version, git=False)
    found = files(project)
    assert differences(found[PYLOCK], read_lockfile(found["requirements.txt"], "it")) == []
    assert STATEMENT in found


def test_a_file_that_is_not_of_the_lockfile_is_replaced_or_removed(project: ProjectSettings) -> None:
    put(project, "0.1.0")
    good, folder, notes = files(project), project.root / "deploy" / "shelf", list[str]()
    for words in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=A", "-c", "user.email=a@e.invalid", "commit", "-qmx"],
    ):
        subprocess.run(["git", "-C", str(project.root), *words], check=True)
    (folder / PYLOCK).write_text(good[PYLOCK].replace('"0.1.0"', '"0.1.1"'))
    with pytest.raises(SeatrialError, match=r"pylock\.toml was edited by hand and is not committed"):
        rollback(project, "shelf", "0.1.0", git=False)
    commit = ["-c", "user.name=A", "-c", "user.email=a@e.invalid", "commit", "-qam", "x"]
    subprocess.run(["git", "-C", str(project.root), *commit], check=True)
    rollback(project, "shelf", "0.1.0", git=False, progress=notes.append)
    assert files(project) == good
    assert "replacing pylock.toml, which did not fit the lockfile" in notes
    (folder / STATEMENT).write_text(sign(TrialStatement("x.whl", "e" * 64, "c" * 64), KEY))
    subprocess.run(["git", "-C", str(project.root), *commit], check=True)
    rollback(project, "shelf", "0.1.0", git=False)
    assert files(project) == good


@pytest.mark.parametrize(
    ("key", "message"), [(None, "The trial of tiny-model 0.1.0 is not signed"), (THEIRS, "No trusted key has signed")]
)
def test_a_rollback_needs_a_signature_where_one_is_required(
    project: ProjectSettings, key: bytes | None, message: str
) -> None:
    put(project, "0.1.0", key=key)
    put(project, "0.2.0")
    before = files(project)
    with pytest.raises(AttestationError, match=message):
        back(project, signing=SIGNING)
    assert (files(project), Shelf(project, {}).serving()) == (before, "0.2.0")
    assert back(project) == "0.1.0"


def test_a_rollback_goes_to_a_signed_release_whose_acceptance_has_ended(project: ProjectSettings) -> None:
    put(project, "0.1.0", valid_until="2020-01-01")
    put(project, "0.2.0")
    assert back(project, signing=SIGNING) == "0.1.0"


def test_a_rollback_refuses_a_lockfile_that_was_not_signed(project: ProjectSettings) -> None:
    put(project, "0.1.0", lockfile_sha256="0" * 64)
    put(project, "0.2.0")
    with pytest.raises(AttestationError, match=r"The lockfile of tiny-model 0\.1\.0 is not the one that was tested"):
        back(project, signing=SIGNING)


def test_a_history_that_names_another_wheel_than_its_lockfile_is_refused(project: ProjectSettings) -> None:
    unsigned, signed = put(project, "0.1.0", key=None), put(project, "0.2.0")
    put(project, "0.3.0")
    state = TargetState(project, "shelf")
    state.record(replace(signed, id="forged", version="0.1.5", pin=unsigned.pin))
    for signing in ({}, SIGNING):
        with pytest.raises(SeatrialError, match=r"lockfile of tiny-model 0\.1\.5 names another wheel than the history"):
            rollback(replace(project, signing=signing), "shelf", "0.1.5", git=False)


def test_a_lockfile_that_was_exchanged_does_not_start_an_unsigned_release(project: ProjectSettings) -> None:
    put(project, "0.1.0", key=None)
    put(project, "0.2.0")
    folder = project.root / "deploy" / "shelf"
    state = TargetState(project, "shelf")
    wheel = project.root.parent / "wheels" / "tiny_model-0.1.0-py3-none-any.whl"
    entry = replace(state.history()[0], id="forged")
    state.write_lockfile(entry, lockfile_of(wheel), "index")  # as somebody could write and commit it
    for call in (deploy, rollback):
        with pytest.raises(AttestationError, match=r"The trial of tiny-model 0\.1\.0 is not signed"):
            call(replace(project, signing=SIGNING), "shelf", git=False)
        state.history_path.write_text("".join(f"{each.to_json()}\n" for each in state.history() if each.id != "forged"))
    assert Shelf(project, {}).serving() == "0.2.0"
    text = (folder / "requirements.txt").read_text()
    (folder / "requirements.txt").write_text(text.replace("--hash", f"--hash=sha256:{'0' * 64} --hash"))
    with pytest.raises(SeatrialError, match="has more than one hash for tiny-model"):
        TargetState(project, "shelf").current()
