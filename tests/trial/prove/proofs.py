"""Gate proofs made by hand, for tests of the document and of the page."""

from seatrial.trial.policy import Policy
from seatrial.trial.prove.attempts import Attempt, Family, Result
from seatrial.trial.prove.gate_proof import GateProof


def attempt(name: str, result: Result, family: Family = "features", **more: object) -> Attempt:
    values = {"columns": ("age",), "check": "golden.scores[age]", "cause": "Blocked: it differs.", **more}
    return Attempt(name, family, f"what {name} is", result, **values)  # type: ignore[arg-type]


def proof(*attempts: Attempt) -> GateProof:
    return GateProof("a-model", "0.1.0", "0" * 64, "retrain", attempts, {"golden": 65}, Policy().model_dump(), {})


SOUND = proof(
    attempt("drop", "caught", failed=("golden.scores",), changed=9, rows=900),
    attempt("unseen", "unchanged", "preprocessing"),
    attempt("constant[age]", "caught", "columns", failed=("golden.scores", "reproduce.candidate")),
    attempt("as it is", "passed", "harmless"),
)
