"""The policy: what a candidate must fulfil, from [tool.seatrial.trial] in pyproject.toml, with defaults."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from seatrial.core.settings import read_table
from seatrial.trial.records import Kind, PolicyError


class Policy(BaseModel):
    """What must be true of a candidate. Every key has a default, and its description is its documentation."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    kind: Kind = Field(
        "retrain",
        description="repackage: nothing may differ; retrain: new data, same code; redesign: changed on purpose",
    )
    tolerance: float = Field(
        1e-9, ge=0, le=0.1, description="how far a probability may differ where nothing may; relative for regression"
    )
    margin: float = Field(
        0.01, ge=0, le=1, description="how much worse a metric may be, beyond chance; relative for errors"
    )
    false_alarms: float = Field(
        0.01, ge=1e-6, le=0.2, description="the share of harmless releases that all statistical checks may block"
    )
    expected_change: float = Field(
        0.3, gt=0, le=2, description="the share of training rows that a usual retrain exchanges or adds"
    )
    replicas: int = Field(
        12, ge=5, le=200, description="how often the baseline's recipe is trained again, to learn what is noise"
    )
    replica_seconds: float = Field(
        120, gt=0, description="the seconds after which no further replica is begun, if there are five"
    )
    slices: list[str] = Field([], description="columns whose groups are compared; empty: all with few values")
    min_slice: int = Field(30, ge=5, description="the fewest rows of a group that is judged")
    min_rows: int = Field(30, ge=10, description="the fewest labelled rows on which metrics are judged")
    max_fewer_rows: float = Field(0.3, ge=0, le=1, description="the share of training rows that may be missing")
    max_rewritten: float = Field(
        0.05, ge=0, le=1, description="the share of known training rows that may have changed in a column"
    )
    changing: list[str] = Field([], description="columns whose values may change in known rows, such as an age")
    time: str = Field(
        "",
        description="the column that says when a row came, `rows` for the order of the table, or `none`; "
        "empty: a column of dates, or the order of the table",
    )
    pending: list[str | int | float | bool] = Field(
        [], description="labels that stand for an outcome that is not known yet, and may change in known rows"
    )
    labels_mature_after: float = Field(
        0.0, ge=0, description="the days after which a row's label is final; needs a `time` that is a date"
    )
    suspicious_gain: float = Field(
        0.1, gt=0, description="a gain in the headline metric that asks for acceptance, because it may come from a leak"
    )
    max_slower: float = Field(
        2.0, ge=1, description="how many times slower a prediction of 1, 64 or 10,000 rows may be"
    )
    max_larger: float = Field(4.0, ge=1, description="how many times larger the wheel may be")
    max_memory: float = Field(
        2.0, ge=1, description="how many times more memory predictions may take, if it is 50 MB more"
    )
    max_load: float = Field(3.0, ge=1, description="how many times longer loading may take")
    traffic: str = Field(
        "",
        description="the window of the prediction log that both releases answer, as 7d or 2027-01-01..2027-01-08; "
        "empty: none",
    )
    traffic_rows: int = Field(
        20_000, ge=100, le=2_000_000, description="the most rows of that window that are drawn and replayed"
    )
    inconclusive: Literal["wait", "note"] = Field(
        "wait", description="what happens if a suite cannot run: wait (exit code 3), or note (it is only reported)"
    )
    min_golden: int = Field(16, ge=1, description="the fewest golden rows that a release may carry")
    acceptance_days: int = Field(
        90, ge=1, le=3650, description="the days after which an acceptance ends at the latest, counted from its day"
    )
    second_person: bool = Field(
        False,
        description="whether an acceptance counts only if someone else than the author of the release's commit "
        "committed it",
    )
    timeout: float = Field(120.0, ge=1, description="seconds that a release may take to answer")
    memory_mb: int = Field(4096, ge=128, description="memory that a release may use, in MB")
    threads: int = Field(1, ge=1, description="threads of each release")
    training_seconds: float = Field(
        600.0, ge=1, description="seconds that one training of a release's code may take, in its confined process"
    )
    training_memory_mb: int = Field(8192, ge=512, description="memory that this process may use, in MB")


def read_policy(settings: dict[str, Any], where: str) -> Policy:
    """Check [tool.seatrial.trial]; `where` names the file. Raises PolicyError naming key, fault and meaning."""
    return read_table(Policy, settings, f"{where}: [tool.seatrial.trial]", PolicyError)
