"""Access keys as they are stored: what is written, what is read back, and what is not accepted."""

import hashlib
import json
import re
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from seatrial.core.access_keys import (
    SECRET,
    Allowance,
    changing_keys,
    make_key,
    parse_keys,
    read_key_file,
    render_keys,
)
from seatrial.core.errors import SeatrialError

VALID = {"name": "web", "scopes": ["predict"], "sha256": "0" * 64}


def stored(**changes: Any) -> str:
    return json.dumps({"keys": [{**VALID, **changes}]})


def test_a_key_has_256_random_bits_and_only_its_hash_is_stored() -> None:
    made = [make_key("web", ["predict"]) for _ in range(50)]
    secrets = {secret for _, secret in made}
    assert len(secrets) == 50
    for key, secret in made:
        assert SECRET.fullmatch(secret)
        assert key.sha256 == hashlib.sha256(secret.encode()).hexdigest()
        assert secret not in render_keys([key])
        assert secret not in repr(key)


def test_what_is_written_is_read_back() -> None:
    everything, _ = make_key(
        "web", ["predict", "metrics"], rate="100/s", quota="1000000/day", expires="2027-01-31T12:30:00+02:00"
    )
    least, _ = make_key("web", ["log"])
    assert parse_keys(render_keys([everything, least]), "keys") == (everything, least)
    assert everything.rate == Allowance(100, 1)
    assert everything.quota == Allowance(1_000_000, 86_400)
    assert everything.expires == datetime(2027, 1, 31, 10, 30, tzinfo=UTC)
    assert least.rate is least.quota is least.expires is None


def test_a_key_expires_when_its_day_begins() -> None:
    key, _ = make_key("web", ["predict"], expires="2027-01-31")
    assert not key.expired(datetime(2027, 1, 30, 23, 59, 59, tzinfo=UTC))
    assert key.expired(datetime(2027, 1, 31, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not valid JSON"),
        ("[" * 100_000, "is not valid JSON"),
        ("[]", "must be an object"),
        ('{"keys": {}}', "must be an object"),
        ('{"keys": [], "more": 1}', "must be an object"),
        ('{"keys": [1]}', "keys[0] must be an object"),
        (stored(secret="x"), "keys[0] has the unknown entry 'secret'"),
        (stored(name=""), "keys[0].name must be"),
        (stored(name="web\n"), "keys[0].name must be"),
        (stored(name=None), "keys[0].name must be"),
        (stored(scopes=[]), "keys[0].scopes must be"),
        (stored(scopes="predict"), "keys[0].scopes must be"),
        (stored(scopes=["predict", "all"]), "keys[0].scopes must be"),
        (stored(scopes=[["predict"]]), "keys[0].scopes must be"),
        (stored(sha256="0" * 63), "keys[0].sha256 must be"),
        (stored(sha256="A" * 64), "keys[0].sha256 must be"),
        (stored(rate="100"), "keys[0].rate must be"),
        (stored(rate="0/s"), "keys[0].rate must be"),
        (stored(rate="-1/s"), "keys[0].rate must be"),
        (stored(rate="1.5/s"), "keys[0].rate must be"),
        (stored(rate=None), "keys[0].rate must be"),
        (stored(quota="5/week"), "keys[0].quota must be"),
        (stored(expires="tomorrow"), "keys[0].expires must be"),
        (stored(expires=1_900_000_000), "keys[0].expires must be"),
        (stored(expires=None), "keys[0].expires must be"),
        (json.dumps({"keys": [VALID, VALID]}), "has the key 00000000 twice"),
    ],
)
def test_what_is_not_understood_is_an_error_with_its_place(text: str, message: str) -> None:
    with pytest.raises(SeatrialError, match=re.escape(message)) as caught:
        parse_keys(text, "keys.json")
    assert "keys.json" in caught.value.message


def test_a_new_key_is_checked_as_stored_ones_are() -> None:
    for options in ({"rate": "fast"}, {"quota": "1/fortnight"}, {"expires": "soon"}):
        with pytest.raises(SeatrialError, match="The new key"):
            make_key("web", ["predict"], **options)  # type: ignore[arg-type]


def test_a_key_file_is_for_its_owner_only_and_changes_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "new" / "keys.json"
    with changing_keys(file) as keys:
        assert keys == []
        keys.append(make_key("web", ["predict"])[0])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes()
    interrupted = changing_keys(file)
    interrupted.__enter__().clear()
    assert not interrupted.__exit__(RuntimeError, RuntimeError("interrupted"), None)
    assert file.read_bytes() == before
    with changing_keys(file) as keys:
        keys.append(make_key("app", ["metrics"])[0])
    assert [key.name for key in read_key_file(file)] == ["web", "app"]


def test_a_missing_key_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SeatrialError, match=r"none\.json cannot be read: No such file"):
        read_key_file(tmp_path / "none.json")
