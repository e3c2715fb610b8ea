"""Whole trials of releases that behave differently where production will be; each is blocked, and its cause named."""

import platform
import sys
from datetime import date

import pytest
from tests.trial.sigmoid_releases import NOTED, ReleaseMaker

from seatrial.trial.behaviour_trial import settable
from seatrial.trial.records import Check, Outcome, Verdict
from seatrial.trial.run import run

pytestmark = pytest.mark.slow
IMPORTS = "import datetime, os, time\nfrom pathlib import Path\n"
MOVABLE = sys.platform == "linux" and platform.machine() == "x86_64"


def test_only_variables_that_cannot_disturb_the_process_are_set() -> None:
    asked = ["REGION", "all of them", "LD_PRELOAD", "PYTHONPATH", "A=B", "x\0", "", "REGION", "region_2"]
    assert settable(asked) == ["REGION", "region_2"]


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> ReleaseMaker:
    return ReleaseMaker(tmp_path_factory.mktemp("releases"))


def features(body: str, top: str = "") -> dict[str, str]:
    code = f"{IMPORTS}{top}\ndef y(x: float | None) -> float | None:\n    {body}\n    return x\n"
    return {"features.py": code}


def failing(verdict: Verdict) -> dict[str, Check]:
    bad = (Outcome.blocked, Outcome.waiting)
    return {check.id: check for check in verdict.checks if check.outcome in bad and check.suite == "behaviour"}


def found(releases: ReleaseMaker, code: dict[str, str]) -> dict[str, Check]:
    """The checks that fail for a first release, which needs half the processes of a comparison."""
    return failing(run(releases.make("0.1.0", code=code), None, policy=NOTED, index=releases.index))


def beside_itself(releases: ReleaseMaker, code: dict[str, str]) -> dict[str, Check]:
    """The checks that fail for a release whose baseline has the same code."""
    return failing(releases.run(releases.make("0.1.1", code=code), releases.make("0.1.0", code=code)))


@pytest.mark.parametrize(
    ("body", "top", "check", "words"),
    [
        pytest.param(
            "if time.localtime(0).tm_hour: return 1.0",
            "",
            "behaviour.elsewhere[zone]",
            "differently in another time zone (UTC+14)",
            marks=pytest.mark.soak,
        ),
        pytest.param(
            "if os.getcwd() == '/': return 1.0",
            "",
            "behaviour.elsewhere[folder]",
            "differently in another working directory",
            marks=pytest.mark.soak,
        ),
        (
            "kept.append(bytearray(20_000))",
            "kept = []",
            "behaviour.memory",
            "memory grows with every call: ",
        ),
    ],
)
def test_it_is_blocked_and_the_cause_is_named(
    releases: ReleaseMaker, body: str, top: str, check: str, words: str
) -> None:
    checks = found(releases, features(body, top))
    assert list(checks) == [check]
    assert checks[check].outcome is Outcome.blocked
    assert words in checks[check].summary


NEW_ROWS = features("return clean(x)", "import functools\n@functools.cache\ndef clean(x): return x\n")
LIMITED = features(
    "return clean(x)",
    "import functools\n@functools.lru_cache(maxsize=4096)\ndef clean(x): return x\n@functools.lru_cache\ndef b(x): return x\n",
)


def test_a_cache_without_a_limit_waits_and_is_named(releases: ReleaseMaker) -> None:
    (check,) = found(releases, NEW_ROWS).values()
    assert check.name == "behaviour.new_rows"
    assert check.outcome is Outcome.waiting
    assert "memory grows with every new row" in check.summary
    assert check.summary.endswith("in the cache of `clean`")


def test_a_cache_with_a_limit_is_no_alarm(releases: ReleaseMaker) -> None:
    assert found(releases, LIMITED) == {}


def test_a_texts_hash_that_decides_is_blocked_and_named(releases: ReleaseMaker) -> None:
    checks = found(releases, features("if x is not None: return hash(str(x)) % 1000 / 100"))
    check = checks["behaviour.elsewhere[process]"]
    assert check.outcome is Outcome.blocked
    assert check.summary.endswith("`features.py` `y` reads hashes or addresses that differ in each process (hash)")


DECIDED_BY_THE_CLOCK = features(f"if datetime.date.today().year > {date.today().year if MOVABLE else 9000}: return 1.0")


def test_a_clock_that_decides_is_blocked(releases: ReleaseMaker) -> None:
    checks = found(releases, DECIDED_BY_THE_CLOCK)
    if not MOVABLE:
        assert list(checks) == ["behaviour.reads[clock: features.py y]"]
        return
    check = checks.pop("behaviour.elsewhere[date]")
    assert checks == {}
    assert check.outcome is Outcome.blocked
    assert "differently on another date (next year)" in check.summary
    assert check.summary.endswith("`features.py` `y` reads the clock (date.today)")
    assert check.evidence["rows"][:3] == [0, 1, 2]


@pytest.mark.soak
def test_a_clock_that_decides_waits_if_the_baseline_reads_it_too(releases: ReleaseMaker) -> None:
    checks = beside_itself(releases, DECIDED_BY_THE_CLOCK)
    if not MOVABLE:
        assert checks == {}
        return
    (shared,) = checks.values()
    assert shared.outcome is Outcome.waiting
    assert shared.summary.endswith("So does the baseline")


BOTH_READS = features("Path('/etc/rates.csv').exists()\n    if os.environ.get('REGION'): return 1.0")


def test_what_is_read_waits_and_blocks_if_it_decides(releases: ReleaseMaker) -> None:
    checks = found(releases, BOTH_READS)
    decides = checks.pop("behaviour.elsewhere[variables set]")
    assert decides.outcome is Outcome.blocked
    assert "if `REGION` is set, first golden row 1: `features.py` `y` reads the environment variable `REGION`" in (
        decides.summary
    )
    (without_effect,) = checks.values()
    assert without_effect.outcome is Outcome.waiting
    assert without_effect.summary.startswith(
        "`features.py` `y` reads the file `/etc/rates.csv`. No score was different"
    )


def test_what_the_baseline_reads_too_is_noted(releases: ReleaseMaker) -> None:
    assert beside_itself(releases, features("Path('/etc/rates.csv').exists()")) == {}


def test_a_release_that_fails_elsewhere_is_blocked_and_the_condition_is_named(releases: ReleaseMaker) -> None:
    made = releases.make("0.1.0", code=features("os.environ['HOME']"))
    verdict = run(made, None, policy=NOTED, index=releases.index)
    check = failing(verdict)["behaviour.elsewhere[variables]"]
    assert check.outcome is Outcome.blocked
    assert "cannot answer without environment variables" in check.summary
    assert "KeyError" in check.summary
    assert "KeyError: 'HOME' (features.py, line 5)" in verdict.cause
    assert "Traceback" not in verdict.cause + check.summary
    assert "\n" not in verdict.cause
    assert "behaviour.lasting" in verdict.cause.partition("Not run: ")[2]
