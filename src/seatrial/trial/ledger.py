"""The ledger: what this machine's trials ended with, and what was accepted and published here, outside of the projects.

Files of a project can be edited by anyone who works on it. The ledger is in the user's state folder, and each of its
files carries an HMAC by a key of this machine, so a result that was edited later, or made up, is noticed. It does not
stop a person who edits the ledger with that key: docs/evidence.md says what does.
"""

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from seatrial.core.errors import SeatrialError
from seatrial.core.files import read_json, to_json, write_atomic
from seatrial.core.state import state_home

Kind = Literal["verdicts", "acceptances", "published"]
Known = Literal["recorded", "edited", "unknown"]
FOLDER, KEY = "ledger", "key"


def expect(name: str, content: str, root: Path) -> None:
    """Announce a verdict that is about to be written; until `settle`, the one before it counts as well."""
    digest = hashlib.sha256(content.encode()).hexdigest()
    _change("verdicts", name, lambda known: {**known, str(root): [*known.get(str(root), [])[-1:], digest]})


def settle(name: str, root: Path) -> None:
    """Keep only the last announced verdict of these wheels in this project: it has been written."""
    _change("verdicts", name, lambda known: {**known, str(root): known.get(str(root), [])[-1:]})


def known_verdict(name: str, document: Path, root: Path) -> Known:
    """Whether the stored verdict is what a trial on this machine wrote: `unknown` where none of it was run here.

    A copy of a project has the records of the projects that it may be a copy of.
    """
    known = _read("verdicts", name)
    if not known:
        return "unknown"
    digest = hashlib.sha256(document.read_bytes()).hexdigest()
    own = known.get(str(root))
    allowed = own if own is not None else [each for digests in known.values() for each in digests]
    return "recorded" if digest in allowed else "edited"


def record_acceptance(acceptance: dict[str, Any]) -> None:
    """Note that `seatrial trial accept` wrote this acceptance on this machine."""
    _change("acceptances", _digest(acceptance), lambda known: {**known, "recorded": [acceptance["on"]]})


def knows_acceptance(acceptance: dict[str, Any]) -> bool:
    """Whether `seatrial trial accept` wrote exactly this acceptance on this machine."""
    return bool(_read("acceptances", _digest(acceptance)))


def record_published(name: str, where: str, version: str, sha256: str) -> None:
    """Note which wheel of a model was published to the index at `where` (without a token) from this machine."""
    _change("published", name, lambda known: {**known, where: sorted({*known.get(where, []), f"{version} {sha256}"})})


def published(name: str) -> dict[str, list[str]]:
    """The versions of a model that were published from this machine, by index."""
    return {where: [each.split()[0] for each in wheels] for where, wheels in _read("published", name).items()}


def published_hashes(name: str, where: str, version: str) -> set[str]:
    """The SHA-256 of the wheels of this version that were published to `where` from this machine."""
    wheels = (each.partition(" ") for each in _read("published", name).get(where, []))
    return {sha256 for known, _, sha256 in wheels if known == version and sha256}


def _digest(value: dict[str, Any]) -> str:
    return hashlib.sha256(to_json(value).encode()).hexdigest()


def _folder() -> Path:
    return state_home() / FOLDER


def _path(kind: Kind, name: str) -> Path:
    return _folder() / kind / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.json"


def _read(kind: Kind, name: str) -> dict[str, list[str]]:
    """One record; {} where there is none, or where its HMAC is not this machine's."""
    path = _path(kind, name)
    with suppress(SeatrialError, OSError, KeyError, TypeError, ValueError, AttributeError):
        document = read_json(path)
        entries = document["entries"]
        if hmac.compare_digest(str(document["mac"]), _mac(kind, name, entries)):
            return {str(key): list(map(str, values)) for key, values in entries.items()}
    return {}


def _change(kind: Kind, name: str, change: Any) -> None:
    with _locked():
        entries = change(_read(kind, name))
        content = to_json({"entries": entries, "mac": _mac(kind, name, entries), "name": name})
        write_atomic(_path(kind, name), content, like=_folder() / KEY)


def _mac(kind: Kind, name: str, entries: dict[str, list[str]]) -> str:
    message = json.dumps([kind, name, entries], sort_keys=True).encode()
    return hmac.new(_key(), message, hashlib.sha256).hexdigest()


def _key() -> bytes:
    """The machine's key, made at its first use, for this user's eyes only."""
    path = _folder() / KEY
    with suppress(FileNotFoundError):
        return path.read_bytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
    return path.read_bytes()


@contextmanager
def _locked() -> Iterator[None]:
    from filelock import FileLock

    _folder().mkdir(parents=True, exist_ok=True)
    with FileLock(_folder() / "lock"):
        _key()
        yield
