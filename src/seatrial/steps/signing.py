"""Signing: a key of the team's vouches for a passed trial, and publish and deploy check that it did.

A private key signs where the environment variable SEATRIAL_SIGNING_KEY holds it, as PEM or as the path of a PEM file,
with its password, if it has one, in SEATRIAL_SIGNING_PASSWORD. Public keys are files of the project.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256, write_atomic
from seatrial.core.settings import read_table
from seatrial.trial import gate
from seatrial.trial.records import Outcome, Verdict
from seatrial.wheels.attestation import AttestationError, TrialStatement, sign, verify

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings

KEY, PASSWORD = "SEATRIAL_SIGNING_KEY", "SEATRIAL_SIGNING_PASSWORD"
STATEMENT = "statement.intoto.jsonl"  # next to the verdict
SIGN = "Sign it: `seatrial trial sign --key FILE`, or run the trial where the key is in SEATRIAL_SIGNING_KEY."


class SigningSettings(BaseModel):
    """[tool.seatrial.signing]."""

    model_config = ConfigDict(extra="forbid", strict=True)

    public_keys: list[str] = Field([], description="the files of the public keys, as PEM, whose signatures count")
    required: bool = Field(False, description="whether publish and deploy refuse a release without a signature")


def signing_settings(project: "ProjectSettings") -> SigningSettings:
    """The project's settings; SeatrialError names what is wrong with them."""
    where = f"{project.root / 'pyproject.toml'}: [tool.seatrial.signing]"
    settings = read_table(SigningSettings, project.signing, where)
    if settings.required and not settings.public_keys:
        raise SeatrialError(f"{where} required = true needs public_keys.", hint='public_keys = ["keys/team.pub"]')
    return settings


def signing_key(path: Path | None = None) -> bytes | None:
    """The private key in `path`, or the one of the environment; None if there is none."""
    value = os.environ.get(KEY, "")
    if path is None and (not value or value.lstrip().startswith("-----BEGIN")):
        return value.encode() or None
    path = path or Path(value)
    try:
        return path.read_bytes()
    except OSError as error:
        raise SeatrialError(f"The signing key {path} cannot be read: {error.strerror}.", hint=SIGN) from None


def sign_result(folder: Path, wheel: str, verdict: Verdict, key: bytes) -> TrialStatement:
    """Sign the passed verdict in a folder of results, about the wheel of that file name."""
    if verdict.exit_code:
        raise AttestationError(f"Only a passed trial is signed. {verdict.cause}", hint=gate.next_step(verdict))
    by_outcome = {
        outcome: tuple(sorted(check.id for check in verdict.checks if check.outcome is outcome))
        for outcome in (Outcome.passed, Outcome.accepted)
    }
    statement = TrialStatement(
        wheel,
        verdict.candidate.sha256,
        sha256(folder / gate.DOCUMENT),
        verdict.baseline.sha256 if verdict.baseline else "",
        by_outcome[Outcome.passed],
        by_outcome[Outcome.accepted],
    )
    write_atomic(folder / STATEMENT, sign(statement, key, os.environ.get(PASSWORD)))
    return statement


def signed_by(project: "ProjectSettings", verdict: Verdict) -> str:
    """The id of the trusted key that signed this verdict of the project's trials; "" where nobody did and none must.

    Raises AttestationError where a signature is required and missing, or does not hold for exactly these bytes.
    """
    settings, candidate = signing_settings(project), verdict.candidate
    baseline = verdict.baseline.sha256 if verdict.baseline else None
    folder = gate.result_folder(project.root, candidate.sha256, baseline)
    title = f"{candidate.name} {candidate.version}"
    if not settings.public_keys:
        return ""
    try:
        envelope = (folder / STATEMENT).read_bytes()
    except OSError:
        if settings.required:
            raise AttestationError(f"The trial of {title} is not signed.", hint=SIGN) from None
        return ""
    statement = verify(envelope, [_public_key(project, name) for name in settings.public_keys], candidate.sha256)
    if (statement.verdict_sha256, statement.baseline_sha256) != (sha256(folder / gate.DOCUMENT), baseline or ""):
        raise AttestationError(
            f"The verdict of {title} is not the one that was signed.", hint=f"Run the trial again. {SIGN}"
        )
    return statement.key_id


def _public_key(project: "ProjectSettings", name: str) -> bytes:
    try:
        return (project.root / name).read_bytes()
    except OSError as error:
        raise SeatrialError(
            f"The public key {name} cannot be read: {error.strerror}.",
            hint="Correct [tool.seatrial.signing] public_keys.",
        ) from None
