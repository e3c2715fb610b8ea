"""The keys that a server knows: rotation and revocation without a restart, broken files, rates and quotas."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from loguru import logger

from seatrial.core.access_keys import AccessKey, Allowance, make_key, render_keys
from seatrial.core.errors import SeatrialError
from seatrial.serve import keys as keys_module
from seatrial.serve.keys import KeyRing, Meter


class Clock:
    """A clock that tests set: monotonic and UTC at the same time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, now: float = 1_000_000.0) -> None:
        self.now = now
        monkeypatch.setattr(keys_module, "monotonic", lambda: self.now)
        monkeypatch.setattr(keys_module, "time", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def warnings() -> list[str]:
    found: list[str] = []
    number = logger.add(lambda message: found.append(message.record["message"]), level="WARNING")
    yield found  # type: ignore[misc]
    logger.remove(number)


def write(file: Path, *keys: AccessKey) -> None:
    file.write_text(render_keys(keys))


def taken(meter: Meter, most: int = 1000) -> int:
    """How many requests are answered at once."""
    return next((count for count in range(most) if not meter.take()), most)


def test_a_rate_runs_out_and_comes_back_evenly(clock: Clock) -> None:
    meter = Meter(Allowance(10, 1), None)
    assert taken(meter) == 10
    clock.now += 0.05
    assert taken(meter) == 0
    clock.now += 0.06
    assert taken(meter) == 1
    clock.now += 0.5
    assert taken(meter) == 5
    clock.now += 3600
    assert taken(meter) == 10


def test_a_rate_is_never_exceeded_over_time(clock: Clock) -> None:
    meter = Meter(Allowance(60, 60), None)
    answered = 0
    for _ in range(10_000):
        clock.now += 0.03  # five minutes
        answered += meter.take()
    assert answered == pytest.approx(60 + 300, abs=1)


def test_each_worker_grants_its_share(clock: Clock) -> None:
    shares = [Meter(Allowance(10, 1), Allowance(21, 3600), workers=4) for _ in range(4)]
    assert [taken(meter) for meter in shares] == [2, 2, 2, 2]
    clock.now += 1
    assert sum(taken(meter) for meter in shares) == 4 * 2
    clock.now += 3
    assert [taken(meter) for meter in shares] == [1, 1, 1, 1], "the quota's share is 5"


def test_a_share_below_one_still_answers_one_at_a_time(clock: Clock) -> None:
    meter = Meter(Allowance(1, 1), Allowance(1, 86_400 * 365), workers=4)
    meter.quota = None
    assert taken(meter) == 1
    clock.now += 3.9
    assert taken(meter) == 0
    clock.now += 0.2
    assert taken(meter) == 1


def test_a_quota_runs_out_until_its_period_ends(clock: Clock) -> None:
    clock.now = 86_400 * 20_000 - 10.0
    meter = Meter(None, Allowance(3, 86_400))
    assert taken(meter) == 3
    (state,) = meter.states()
    assert (state.left, state.one_after) == (0, 10.0)
    clock.now += 9.9
    assert taken(meter) == 0
    clock.now += 0.2
    assert taken(meter) == 3


def test_a_request_that_the_rate_refuses_does_not_count_for_the_quota(clock: Clock) -> None:
    meter = Meter(Allowance(1, 1), Allowance(5, 86_400))
    for _ in range(3):
        clock.now += 1
        assert taken(meter, 100) == 1
    assert [state.left for state in meter.states()] == [0, 2]


def test_the_keys_of_one_name_share_their_allowances(clock: Clock) -> None:
    made = [make_key("web", ["predict"], rate="4/min") for _ in range(2)]
    other = make_key("app", ["predict"], rate="4/min")
    ring = KeyRing(file_or_text=render_keys([key for key, _ in (*made, other)]))
    first, second, third = (ring.find(secret) for _, secret in (*made, other))
    assert first
    assert second
    assert third
    assert taken(first.meter) == 4
    assert taken(second.meter) == 0
    assert taken(third.meter) == 4


def test_a_key_is_replaced_and_revoked_without_a_restart(tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "keys.json"
    old, old_secret = make_key("web", ["predict"], rate="5/min")
    new, new_secret = make_key("web", ["predict"], rate="5/min")
    write(file, old)
    ring = KeyRing(str(file))
    holder = ring.find(old_secret)
    assert holder
    assert ring.find(new_secret) is None
    assert taken(holder.meter) == 5
    ring.remember((b"x-api-key", old_secret.encode()), holder)

    write(file, old, new)
    clock.now += 0.5
    ring.look_if_due()
    assert ring.find(new_secret) is None, "the file is looked at once a second"
    clock.now += 0.6
    ring.look_if_due()
    assert ring.remembered == {}
    replaced = ring.find(new_secret)
    assert replaced
    assert ring.find(old_secret)
    assert taken(replaced.meter) == 0, "what was counted stays counted"

    write(file, new)
    clock.now += 1.1
    ring.look_if_due()
    assert ring.find(old_secret) is None
    assert ring.find(new_secret)


@pytest.mark.parametrize("damage", ["missing", "broken", "folder"])
def test_the_last_keys_stay_while_the_file_is_damaged(
    tmp_path: Path, clock: Clock, warnings: list[str], damage: str
) -> None:
    file = tmp_path / "keys.json"
    key, secret = make_key("web", ["predict"])
    write(file, key)
    ring = KeyRing(str(file))
    file.unlink()
    if damage == "broken":
        file.write_text('{"keys": [')
    elif damage == "folder":
        file.mkdir()
    for _ in range(5):
        clock.now += 1.1
        ring.look_if_due()
        assert ring.find(secret)
    assert len(warnings) == 1, warnings
    assert "The access keys stay as they were" in warnings[0]
    if damage == "folder":
        file.rmdir()
    write(file)
    clock.now += 1.1
    ring.look_if_due()
    assert ring.find(secret) is None
    assert ring.empty


def test_a_damaged_source_at_the_start_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    for file, text in (("none.json", ""), ("broken.json", ""), ("", "none.json"), ("", "{"), ("", "{}")):
        with pytest.raises(SeatrialError):
            KeyRing(str(tmp_path / file) if file else "", text)


def test_a_file_and_a_text_are_used_together(tmp_path: Path) -> None:
    (first, one), (second, two), (third, three) = (make_key(name, ["predict"]) for name in "abc")
    write(tmp_path / "a.json", first)
    write(tmp_path / "b.json", second)
    by_path = KeyRing(str(tmp_path / "a.json"), str(tmp_path / "b.json"))
    assert by_path.find(one)
    assert by_path.find(two)
    by_text = KeyRing(str(tmp_path / "a.json"), f" {render_keys([third])}")
    assert by_text.find(one)
    assert by_text.find(three)
    assert by_text.find(two) is None


def test_an_expired_key_is_not_found_and_not_remembered(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    key, secret = make_key("web", ["predict"], expires=soon)
    ring = KeyRing(file_or_text=render_keys([key]))
    holder = ring.find(secret)
    assert holder
    ring.remember((b"x-api-key", secret.encode()), holder)

    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return soon

    monkeypatch.setattr(keys_module, "datetime", Later)
    assert ring.find(secret) is None
    clock.now += 1.1
    ring.look_if_due()
    assert ring.remembered == {}
    assert ring.empty


def test_the_file_is_looked_at_once_a_second(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "keys.json"
    write(file)
    ring = KeyRing(str(file))
    looks: list[object] = []
    stat = Path.stat
    monkeypatch.setattr(Path, "stat", lambda path, **options: looks.append(path) or stat(path, **options))  # type: ignore[func-returns-value]
    for _ in range(1000):
        clock.now += 0.01
        ring.look_if_due()
    assert 9 <= looks.count(file) <= 10
