"""Verdicts of every kind, with the data that trials produce: the renderings and the pytest plugin are tested on them."""

import math
from dataclasses import asdict, replace
from typing import Any

from seatrial.trial.policy import Policy
from seatrial.trial.records import Check, Outcome, Subject, Verdict
from seatrial.trial.report.evidence import BeforeAfter, ChangeHistogram, LabelFlips
from seatrial.trial.verdict import judge

SHA_OLD = "8f14e45fceea167a5a36dedd4bea2543c9f0f895fb98ab9159f51fd0297e236d"
SHA_NEW = "c9f0f895fb98ab9159f51fd0297e236d8f14e45fceea167a5a36dedd4bea2543"

BASELINE = Subject(
    "titanic-model", "0.1.0", SHA_OLD, "onnx", "a" * 64, {"python": "3.12.3", "numpy": "2.3.4", "onnxruntime": "1.23.1"}
)
CANDIDATE = replace(
    BASELINE,
    version="0.1.1",
    sha256=SHA_NEW,
    data_sha256="b" * 64,
    environment={**BASELINE.environment, "numpy": "2.3.5"},
)

COLUMNS = ("pclass", "name", "sex", "age", "sibsp", "parch", "ticket", "fare", "cabin", "embarked")


def row(old: Any, new: Any, label: Any, *, drivers: tuple[str, ...] = (), **values: Any) -> dict[str, Any]:
    return {"row": values, "old": old, "new": new, "label": label, "drivers": list(drivers)}


def _exact(suite: str, rows: str = "golden rows", what: str = "what training stored") -> Check:
    summary = f"the installed candidate equals {what} on all 64 {rows}, to 1e-09."
    return Check(f"{suite}.scores", suite, Outcome.passed, summary, new=2.2e-16, limit=1e-9)  # type: ignore[arg-type]


def _again() -> tuple[Check, ...]:
    """The checks of the releases with themselves: both trained again, and the baseline's golden rows."""
    again = _exact("reproduce", "rows", "the baseline")
    baseline = replace(_exact("golden"), name="golden.baseline")
    return replace(again, name="reproduce.candidate"), replace(again, name="reproduce.baseline"), baseline


INVARIANTS = tuple(
    Check(f"invariants.{name}", "invariants", Outcome.passed, summary)
    for name, summary in (
        ("rows", "the candidate answers each of 1,309 rows once"),
        ("finite", "all scores are finite"),
        ("sums", "probabilities add up to 1"),
        ("again", "the same scores twice"),
        ("alone", "the same scores alone and in a batch"),
        ("order", "the same scores in any order"),
        ("inputs", "the rows are not changed"),
    )
)
CONTRACT = (
    Check("contract.same", "contract", Outcome.passed, "Columns, rules and answers are the same."),
    Check(
        "contract.version",
        "contract",
        Outcome.passed,
        "0.1.0 to 0.1.1; 0.1.1 is recommended, because predictions change.",
    ),
)
# One check of each name that a finished trial has, for verdicts that are only looked up.
COMPLETE = tuple(
    Check(name, name.partition(".")[0], Outcome.passed, "as it must be")  # type: ignore[arg-type]
    for name in (
        *("golden.scores", "invariants.rows", "invariants.finite", "contract.same", "golden.baseline"),
        *("reproduce.candidate", "reproduce.baseline", "rebuild.scores", "total.changes", "cost.size"),
    )
)
COST = (
    Check("cost.size", "cost", Outcome.passed, "Within the allowed cost, wheel: 1.2e+05 bytes before, 1.3e+05 bytes now (1.1 times).", old=120_000.0, new=131_000.0, limit=4.0, severity=0.27),
    Check("cost.load", "cost", Outcome.passed, "Within the allowed cost, loading: 0.31 s before, 0.33 s now (1.1 times).", old=0.31, new=0.33, limit=3.0, severity=0.35),
    Check("cost.latency", "cost", Outcome.passed, "Within the allowed cost, one row: 2.1e-05 s before, 2e-05 s now (0.95 times).", old=2.1e-5, new=2e-5, limit=2.0, severity=0.48),
)  # fmt: skip
DATA = (
    Check("data.rows", "data", Outcome.passed, "The data has enough rows: 1,140 rows before, 1,309 now (+15%).", old=1140, new=1309, limit=798),
    *(Check("data.column", "data", Outcome.passed, f"`{c}` is distributed as before.", subject=c) for c in COLUMNS[:6]),
)  # fmt: skip


def _family(name: str, severity: float, summary: str, *, subject: str = "", **more: Any) -> Check:
    outcome = Outcome.blocked if severity > 1 else Outcome.passed
    return Check(f"total.{name}", "total", outcome, summary, subject=subject if severity > 1 else "", limit=0.05, severity=severity, **more)  # fmt: skip


def _total() -> tuple[Check, ...]:
    slices = [
        ("sex = female", 0.012, 0.05),
        ("pclass = 3", 0.011, 0.04),
        ("age: 21 to 28", 0.02, 0.07),
        ("embarked = Q", 0.05, 0.12),
    ]
    return (
        _family("changes", 0.61, "No more than after retraining: the 99th percentile of the changes is 0.071; harmless retraining reaches 0.116.", new=0.071),
        _family("flips", 0.44, "No more than after retraining: label flips were 0.021; harmless retraining reaches 0.048.", new=0.021),
        _family("shares", 0.31, "No more than after retraining: the share of 1 changed by 0.006; harmless retraining reaches 0.02.", old=0.38, new=0.386),
        _family("losses", 0.05, "Not worse: the Brier score went from 0.141 to 0.138; harmless retraining reaches 0.006.", old=0.141, new=0.138),
        _family(
            "slices", 0.42, "No group changed much; embarked = Q changed most: its predictions moved by 0.05; harmless retraining reaches 0.12.", new=0.05,
            evidence={"members": [{"name": f"{n} (moved)", "value": v, "limit": limit} for n, v, limit in slices]},
        ),
        _family("sensitivity", 0.38, "Every column is used as before; `fare` changed most (shuffling it moved predictions by 0.061 before, 0.068 now).", old=0.061, new=0.068),
        _family("probes", 0.52, "Predictions for generated rows changed little; those that vary `age` moved most, by 0.06; harmless retraining reaches 0.115."),
        *_metrics((0.871, 0.876, (-0.021, 0.012)), (0.823, 0.829, (-0.022, 0.011)), (0.43, 0.421, (-0.06, 0.02))),
        Check("metrics.trivial", "total", Outcome.passed, "Better than trivial: its Brier skill score is 0.41, the baseline's 0.40.", old=0.40, new=0.41, limit=0.0),
        Check("metrics.gain", "total", Outcome.passed, "No suspicious gain: ROC AUC went from 0.868 to 0.874 on rows held out of each training.", old=0.868, new=0.874, limit=0.1),
    )  # fmt: skip


def _metrics(*found: tuple[float, float, tuple[float, float]]) -> list[Check]:
    checks = []
    for (name, label), (old, new, (low, high)) in zip(
        (("roc_auc", "ROC AUC"), ("accuracy", "accuracy"), ("log_loss", "log loss")), found, strict=False
    ):
        limit = 0.03 if name == "log_loss" else 0.01
        failed = low > limit
        summary = f"{label} went from {old} to {new} (worse by {low} to {high}, 95 % interval)"
        checks.append(Check(
            "metrics.worse", "total", Outcome.blocked if failed else Outcome.passed,
            f"the candidate is worse: {summary}" if failed else f"Not worse beyond chance and margin: {summary}.",
            subject=name, old=old, new=new, limit=limit, severity=max(low, 0) / limit, evidence={"interval": [low, high], "proven": high < limit},
        ))  # fmt: skip
    return checks


SENSITIVITY = (
    ("sex", 0.31, 0.30),
    ("pclass", 0.142, 0.149),
    ("age", 0.091, 0.088),
    ("fare", 0.061, 0.068),
    ("name", 0.055, 0.05),
    ("embarked", 0.021, 0.024),
    ("sibsp", 0.018, 0.016),
    ("parch", 0.007, 0.008),
)
SLICES = (("sex = female", 466, 0.151, 0.149), ("sex = male", 843, 0.128, 0.126), ("pclass = 1", 323, 0.151, 0.155), ("pclass = 2", 277, 0.119, 0.118), ("pclass = 3", 709, 0.142, 0.137), ("age: 0 to 21", 250, 0.150, 0.147), ("embarked = Q", 123, 0.129, 0.141))  # fmt: skip


def pictures(*, ignored: str = "") -> dict[str, Any]:
    bulk = [0.001, 0.002, 0.004, 0.01, 0.03, 0.08, 0.2, 0.34, 0.21, 0.08, 0.03, 0.009, 0.003, 0.001, 0.0005]
    shares = (
        bulk
        if not ignored
        else [0.12, 0.14, 0.1, 0.05, 0.02, 0.02, 0.04, 0.06, 0.05, 0.08, 0.09, 0.09, 0.07, 0.05, 0.02]
    )
    reach = 0.15 if not ignored else 0.75
    edges = [-reach + 2 * reach * place / len(shares) for place in range(len(shares) + 1)]
    return {
        "change": asdict(ChangeHistogram(tuple(edges), tuple(shares), "change in the probability of survived", (-0.116, 0.116))),
        "flips": asdict(LabelFlips(("died", "survived"), ((796, 13), (14, 486)), 11, 16) if not ignored else LabelFlips(("died", "survived"), ((641, 168), (197, 303)), 262, 103)),
        "sensitivity": [asdict(BeforeAfter(n, o, 0.0 if n == ignored else w, o * 0.7, o * 1.35)) for n, o, w in SENSITIVITY],
        "slices": [asdict(BeforeAfter(n, o, w + d, w + d - 0.02, w + d + 0.02, rows)) for n, rows, o, w in SLICES for d in [0.12 if ignored and "sex" in n else 0.0]],
        "slices_label": "Brier score",
        "shares": [asdict(BeforeAfter(n, o, w, o - 0.03, o + 0.03)) for n, o, w in (("survived = 1", 0.382, 0.379), ("age missing", 0.2, 0.21), ("cabin missing", 0.77, 0.775), ("sex = female", 0.356, 0.36))],
    }  # fmt: skip


WORST = (
    row(0.914, 0.132, 1, pclass=1, name="Allison, Mrs. Hudson J C", sex="female", age=25.0, sibsp=1, parch=2, ticket="113781", fare=151.55, cabin="C22 C26", embarked="S"),
    row(0.931, 0.164, 1, pclass=1, name="Rothes, the Countess. of (Lucy Noel Martha Dyer-Edwards)", sex="female", age=33.0, sibsp=0, parch=0, ticket="110152", fare=86.5, cabin="B77", embarked="S"),
    row(0.112, 0.601, 0, pclass=3, name="Dawson, Mr. Jack", sex="male", age=None, sibsp=0, parch=0, ticket="A/5 21171", fare=8.05, cabin=None, embarked="S"),
)  # fmt: skip


def verdict_of(checks: tuple[Check, ...], **changes: Any) -> Verdict:
    policy = Policy()
    outcome, cause = judge(checks, policy)
    given: dict[str, Any] = {
        "outcome": outcome,
        "cause": cause,
        "kind": "retrain",
        "task": "binary",
        "candidate": CANDIDATE,
        "baseline": BASELINE,
        "checks": checks,
        "rows": {"golden": 64, "reference": 1309, "probes": 412},
        "policy": policy.model_dump(),
        "recommended_version": "0.1.1",
        "seconds": {"environments": 6.1, "answers": 3.4, "replicas": 7.2, "comparison": 1.1},
        "started": "2026-11-24T22:02:11+00:00",
        "seatrial": "0.1.0",
    }
    return Verdict(**{**given, **changes})


def passed() -> Verdict:
    """A harmless retrain, with everything that a trial can show."""
    checks = (_exact("golden"), *INVARIANTS, *CONTRACT, *_again(), _exact("rebuild", "rows", "the baseline"), *_total(), *DATA, *COST)  # fmt: skip
    small = tuple({**each, "new": each["old"] + 0.08} for each in WORST)
    return verdict_of(checks, pictures=pictures(), worst_rows=small)


def ignored_feature() -> Verdict:
    """A candidate whose pipeline lost a column."""
    total = {check.id: check for check in _total()}
    summary = "the candidate ignores `sex` (shuffling it moved predictions by 0.31 before, 0 now)"
    bad = (
        _family("sensitivity", 14.2, summary, subject="sex", old=0.31, new=0.0, hint="Look at the pipeline's columns and at features.py."),
        _family("changes", 5.3, "predictions moved more than retraining explains: the 90th percentile of the changes is 0.61; harmless retraining reaches 0.116", new=0.61),
        _family("flips", 5.8, "labels flipped more than retraining explains: label flips is 0.279; harmless retraining reaches 0.048", subject="label flips", new=0.279),
        _family("slices", 4.1, "the group `sex` = female changed: its error grew by 0.12; harmless retraining reaches 0.03", subject="sex = female"),
        *_metrics((0.871, 0.702, (0.131, 0.203)), (0.823, 0.712, (0.08, 0.142)), (0.43, 0.571, (0.24, 0.43))),
        Check("rebuild.scores", "rebuild", Outcome.inconclusive, "the candidate's code could not be trained on the baseline's data: 0.1.0 has no sdist", hint="Publish the sdist with the wheel."),
    )  # fmt: skip
    checks = {
        **total,
        **{check.name: check for check in bad if check.name in total},
        **{check.id: check for check in bad},
    }
    checks = {id_: check for id_, check in checks.items() if id_ == check.id}
    everything = (_exact("golden"), *INVARIANTS, *CONTRACT, _exact("reproduce", "rows", "the baseline"), *checks.values(), *DATA, *COST)  # fmt: skip
    return verdict_of(everything, pictures=pictures(ignored="sex"), worst_rows=WORST * 3)


def golden_rows() -> Verdict:
    """A wheel that does not reproduce the scores from its training."""
    bad = Check(
        "golden.scores",
        "golden",
        Outcome.blocked,
        "the installed candidate differs from what training stored on 9 of 64 golden rows (by up to 0.41): it differs where `age` is missing",
        subject="age",
        new=0.41,
        limit=1e-9,
        severity=math.inf,
        hint="Build the release again in a clean checkout.",
        evidence={"rows": [3, 9], "off": 9, "cause": "it differs where `age` is missing", "strength": 1.0},
    )
    worst = (row(0.31, 0.72, 0, drivers=("age",), pclass=3, sex="male", age=None), row(0.55, 0.71, 1, drivers=("age",), pclass=2, sex="female", age=None))  # fmt: skip
    return verdict_of((bad, *INVARIANTS, *CONTRACT), worst_rows=worst)


def redesign() -> Verdict:
    """A change on purpose, which somebody has to accept; one part of it is accepted."""
    checks = (
        _exact("golden"),
        *INVARIANTS,
        Check("contract.extension", "contract", Outcome.noted, "The column deck is new, and may be given.", subject="deck"),
        Check("contract.version", "contract", Outcome.accepted, "0.1.0 to 0.1.1; 0.2.0 is recommended, because the contract breaks. Accepted by ada until 2026-12-24: agreed with the callers"),
        Check("rebuild.scores", "rebuild", Outcome.waiting, "the candidate differs from the baseline on 812 of 1,309 rows (by up to 0.22): the difference depends on `cabin`, which explains 64% of it", subject="cabin", new=0.22, limit=1e-9, severity=math.inf, hint="Accept it if this is what the change was for."),
        *_total(),
    )  # fmt: skip
    return verdict_of(checks, kind="redesign", worst_rows=WORST)


def no_sdist() -> Verdict:
    """A suite that could not run."""
    bad = Check("rebuild.scores", "rebuild", Outcome.inconclusive, "the candidate's code could not be trained on the baseline's data: 0.1.0 has no sdist", hint="Publish the sdist with the wheel.")  # fmt: skip
    return verdict_of((_exact("golden"), *INVARIANTS, *CONTRACT, bad, *_total()))


def first_release() -> Verdict:
    """Nothing to compare with yet."""
    return verdict_of((_exact("golden"), *INVARIANTS, _again()[0], *COST[:1]), baseline=None, recommended_version="")


def multiclass() -> Verdict:
    """Three classes, whose predictions are sets of probabilities."""
    worst = (row({"setosa": 0.91, "versicolor": 0.06, "virginica": 0.03}, {"setosa": 0.2, "versicolor": 0.7, "virginica": 0.1}, "setosa", petal_length=1.4, sepal_length=5.1),)  # fmt: skip
    labels = LabelFlips(("setosa", "versicolor", "virginica"), ((50, 1, 0), (0, 47, 3), (0, 2, 48)), 3, 2)
    return verdict_of((_exact("golden"), *INVARIANTS, *_total()), task="multiclass", worst_rows=worst, pictures={"flips": asdict(labels)})  # fmt: skip


def regression() -> Verdict:
    """Prices, which are not probabilities."""
    edges = tuple(float(edge) for edge in range(-5000, 5001, 1000))
    change = ChangeHistogram(
        edges, (0.01, 0.02, 0.05, 0.12, 0.3, 0.28, 0.12, 0.06, 0.03, 0.01), "change of the price", (-3000.0, 3000.0)
    )
    worst = (row(181_500.0, 214_321.5, 179_000.0, rooms=5, area=143.5, town="Ghent"),)
    metrics = Check("metrics.worse", "total", Outcome.passed, "Not worse beyond chance and margin: RMSE went from 23400 to 23150.", subject="rmse", old=23400.0, new=23150.0, limit=0.03, evidence={"interval": [-0.05, 0.02]})  # fmt: skip
    return verdict_of((_exact("golden"), *INVARIANTS[:2], metrics), task="regression", worst_rows=worst, pictures={"change": asdict(change)})  # fmt: skip


EVIL = "<script>alert(1)</script>|`\x1b[31mred\x1b[0m\r\n## @everyone https://evil.example/x ![x](http://evil.example) \u202egpj.exe [bold]x[/] \ud800 \x00"


def hostile() -> Verdict:
    """Names and values that try to be markup on every surface."""
    long = "long " * 2000
    checks = (
        Check("total.slices", "total", Outcome.blocked, f"the group {EVIL} changed", subject=EVIL, hint=EVIL, severity=2.0, limit=0.1, new=math.nan, evidence={"members": [{"name": EVIL, "value": 1.0, "limit": 0.2}, {"name": long, "value": math.inf, "limit": 0.2}, {"name": "b", "value": 0.1, "limit": 0.2}]}),
        Check("total.changes", "total", Outcome.waiting, long, subject=long, severity=math.nan),
        Check("data.column", "data", Outcome.noted, EVIL, subject=f"a{EVIL}"),
    )  # fmt: skip
    evil = replace(CANDIDATE, name=EVIL, version=EVIL, sha256=EVIL, engine=EVIL, environment={EVIL: EVIL})
    return verdict_of(
        checks,
        cause=f"Blocked: {EVIL}",
        candidate=evil,
        seatrial=EVIL,
        started=EVIL,
        rows={EVIL: 3},
        policy={EVIL: EVIL, "slices": [EVIL]},
        seconds={EVIL: 1.0},
        recommended_version=EVIL,
        worst_rows=({"row": {EVIL: EVIL, long: long, "n": math.nan}, "old": EVIL, "new": math.inf, "label": EVIL, "drivers": [EVIL]}, {"nothing": 1}),
        pictures={
            "flips": {"classes": [EVIL, "b"], "counts": [[1, 2], [3, 4]]},
            "slices": [{"name": EVIL, "old": 0.1, "new": 0.2}, {"name": "broken"}, 7],
            "slices_label": EVIL,
            "change": {"edges": [0, 1], "shares": [1, 2, 3]},
            "sensitivity": "nonsense",
        },
    )  # fmt: skip


def nothing() -> Verdict:
    """A trial that claims to have passed without any check."""
    return verdict_of((), outcome=Outcome.passed, cause="Passed: all 0 checks passed.")


SAMPLES = {
    each.__name__: each
    for each in (
        passed,
        ignored_feature,
        golden_rows,
        redesign,
        no_sdist,
        first_release,
        multiclass,
        regression,
        hostile,
        nothing,
    )
}
