"""Signing: a key of the team's vouches for a passed trial, and publish, deploy and rollback check that it did.

A private key signs where the environment variable SEATRIAL_SIGNING_KEY holds it, as PEM or as the path of a PEM file,
with its password, if it has one, in SEATRIAL_SIGNING_PASSWORD. Public keys are files of the project, as committed; or
those that SEATRIAL_PUBLIC_KEYS names, which nobody can replace who only writes to the project.
"""

import os
import tomllib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256, write_atomic
from seatrial.core.git import GitError, call_git
from seatrial.core.settings import read_table
from seatrial.trial import gate
from seatrial.trial.records import Outcome, Verdict
from seatrial.wheels.attestation import (
    LOCKFILE,
    STATEMENT,
    AttestationError,
    TrialStatement,
    sign,
    signing_password,
    verify,
)

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings

PUBLIC_KEYS = "SEATRIAL_PUBLIC_KEYS"
SIGN = "Sign it: `seatrial trial sign --key FILE`, or run the trial where the key is in SEATRIAL_SIGNING_KEY."
COMMIT = "Commit it, so that git has who decides about signatures, or restore it."


class SigningSettings(BaseModel):
    """[tool.seatrial.signing]."""

    model_config = ConfigDict(extra="forbid", strict=True)

    public_keys: list[str] = Field([], description="the files of the public keys, as PEM, whose signatures count")
    required: bool = Field(
        False, description="whether publish, deploy and rollback refuse a release without a signature"
    )


def signing_settings(project: "ProjectSettings") -> SigningSettings:
    """The project's settings; SeatrialError names what is wrong with them, or that they are not the committed ones."""
    where = f"{project.root / 'pyproject.toml'}: [tool.seatrial.signing]"
    settings = read_table(SigningSettings, project.signing, where)
    if os.environ.get(PUBLIC_KEYS):
        return SigningSettings(public_keys=_files_of(os.environ[PUBLIC_KEYS]), required=True)
    if settings.required and not settings.public_keys:
        raise SeatrialError(f"{where} required = true needs public_keys.", hint='public_keys = ["keys/team.pub"]')
    committed = _committed_settings(project)
    if committed and committed != project.signing:
        raise AttestationError(f"{where} differs from the last commit.", hint=COMMIT)
    return settings


def sign_result(
    folder: Path, wheel: str, verdict: Verdict, key: bytes, acceptances: Sequence[gate.Acceptance] = ()
) -> TrialStatement:
    """Sign the passed verdict in a folder of results, about the wheel of that file name; it ends as acceptances do."""
    if verdict.exit_code:
        raise AttestationError(f"Only a passed trial is signed. {verdict.cause}", hint=gate.next_step(verdict))
    by_outcome = {
        outcome: tuple(sorted(check.id for check in verdict.checks if check.outcome is outcome))
        for outcome in (Outcome.passed, Outcome.accepted)
    }
    lockfile = folder / LOCKFILE
    statement = TrialStatement(
        wheel,
        verdict.candidate.sha256,
        sha256(folder / gate.DOCUMENT),
        verdict.baseline.sha256 if verdict.baseline else "",
        by_outcome[Outcome.passed],
        by_outcome[Outcome.accepted],
        sha256(lockfile) if lockfile.exists() else "",
        min((each.until for each in acceptances), default=""),
    )
    write_atomic(folder / STATEMENT, sign(statement, key, signing_password()))
    return statement


def signed_by(project: "ProjectSettings", verdict: Verdict) -> TrialStatement | None:
    """The statement of a trusted key about this verdict of the project's trials; None where there is and must be none.

    Raises AttestationError where a signature is required and missing, or does not hold for exactly these bytes.
    """
    candidate, baseline = verdict.candidate, verdict.baseline.sha256 if verdict.baseline else None
    folder, title = (
        gate.result_folder(project.root, candidate.sha256, baseline),
        f"{candidate.name} {candidate.version}",
    )
    statement = require_signed(project, title, candidate.sha256, _statements([folder]))
    if statement is None:
        return None
    if (statement.verdict_sha256, statement.baseline_sha256) != (sha256(folder / gate.DOCUMENT), baseline or ""):
        raise AttestationError(
            f"The verdict of {title} is not the one that was signed.", hint=f"Run the trial again. {SIGN}"
        )
    return statement


def require_signed(
    project: "ProjectSettings",
    title: str,
    wheel_sha256: str,
    statements: Sequence[bytes],
    *,
    lockfile: str = "",
    today: date | None = None,
) -> TrialStatement | None:
    """The first of these statements that a trusted key signed about this wheel, and with this `lockfile`, if given.

    None where the settings trust no key, or where there is no statement and none is required. What ran once may run
    again although an acceptance has ended since: then `today` is a day in the past.
    """
    settings = signing_settings(project)
    if not settings.public_keys or not (statements or settings.required):
        return None
    keys = trusted_keys(project)
    refusal: SeatrialError = AttestationError(f"The trial of {title} is not signed.", hint=SIGN)
    for number, envelope in enumerate(statements):
        try:
            statement = verify(envelope, keys, wheel_sha256, today=today)
            require_lockfile(project, statement, lockfile, title)
        except AttestationError as error:
            refusal = refusal if number else error
        else:
            return statement
    raise refusal


def trusted_keys(project: "ProjectSettings") -> list[bytes]:
    """The public keys whose signatures count, as PEM."""
    return [_public_key(project, name) for name in signing_settings(project).public_keys]


def require_lockfile(project: "ProjectSettings", statement: TrialStatement, digest: str, title: str) -> None:
    """Where a signature is required, refuse a statement about another lockfile; it may be about none."""
    if digest and statement.lockfile_sha256 not in ("", digest) and signing_settings(project).required:
        raise AttestationError(
            f"The lockfile of {title} is not the one that was tested and signed.", hint=f"Run the trial again. {SIGN}"
        )


def trial_statements(root: Path, wheel_sha256: str) -> list[bytes]:
    """The statements next to the verdicts of all trials of a wheel, the newest first; nothing is verified."""
    return _statements(gate.result_folders(root, wheel_sha256))


def _statements(folders: Sequence[Path]) -> list[bytes]:
    paths = [folder / STATEMENT for folder in folders]
    return [path.read_bytes() for path in paths if path.is_file()]


def _committed_settings(project: "ProjectSettings") -> dict[str, Any]:
    """[tool.seatrial.signing] of the last commit; {} where git has none."""
    text = _committed(project, "pyproject.toml")
    try:
        table = tomllib.loads((text or b"").decode())["tool"]["seatrial"]["signing"]
    except (KeyError, TypeError, ValueError):
        return {}
    return table if isinstance(table, dict) else {}


def _committed(project: "ProjectSettings", name: str) -> bytes | None:
    """A file of the project as in the last commit; None where git has none."""
    try:
        done = call_git(project.root, "show", f"HEAD:./{name}")
    except GitError:
        return None
    return done.stdout if done.returncode == 0 else None


def _files_of(value: str) -> list[str]:
    """The files that the variable names: files, or all in a folder, such as a mounted secret."""
    named = [Path(each).expanduser().absolute() for each in value.split(os.pathsep) if each.strip()]
    files = [sorted(path.iterdir()) if path.is_dir() else [path] for path in named]
    found = [str(path) for each in files for path in each if not path.is_dir() and not path.name.startswith("..")]
    if not found:
        raise SeatrialError(f"{PUBLIC_KEYS} names no file.", hint="Give the files of public keys, or their folder.")
    return found


def _public_key(project: "ProjectSettings", name: str) -> bytes:
    try:
        content = (project.root / name).read_bytes()
    except OSError as error:
        raise SeatrialError(
            f"The public key {name} cannot be read: {error.strerror}.",
            hint=f"Correct [tool.seatrial.signing] public_keys, or {PUBLIC_KEYS}.",
        ) from None
    if not Path(name).is_absolute() and _committed_settings(project):
        committed = _committed(project, name)
        if committed is None or committed.split() != content.split():  # git may change the ends of lines
            how = "is not committed" if committed is None else "differs from the last commit"
            raise AttestationError(f"The public key {name} {how}.", hint=COMMIT)
    return content
