"""A signed statement about a wheel's trial: who vouches that exactly these bytes passed, judged by which verdict.

It is an in-toto Statement (version 1) with the predicate Test Result (version 0.1), in a DSSE envelope, signed with a
key of the team's: ECDSA, Ed25519 or RSA, as a PEM file. Other tools for these formats can verify it without Seatrial.

Sources: in-toto attestation framework, spec/v1 and spec/predicates/test-result.md; DSSE 1.0 (secure-systems-lab).
"""

import base64
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError

STATEMENT = "statement.intoto.jsonl"  # next to a verdict, and next to the lockfile of a deployment
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
PAYLOAD = "application/vnd.in-toto+json"
PASSED, WARNED = "PASSED", "WARNED"
VERDICT, LOCKFILE = "verdict.json", "requirements.txt"
UNTIL = "acceptedUntil"
SIZE_LIMIT = 1 << 20  # bytes of an envelope; a statement has some 2 kB
KEY, PASSWORD = "SEATRIAL_SIGNING_KEY", "SEATRIAL_SIGNING_PASSWORD"
EXTRA = 'pip install "seatrial[sign]"'


class AttestationError(SeatrialError):
    """A statement that cannot be made, cannot be read, or that no trusted key has signed."""


@dataclass(frozen=True)
class TrialStatement:
    """What a statement says. `accepted` are the checks that a person accepted; then the result is WARNED.

    `lockfile_sha256` is of everything that the tested release ran with, "" where it could not be locked. An acceptance
    ends: `valid_until` is the last day of the first that does (ISO), "" without any.
    """

    wheel: str
    wheel_sha256: str
    verdict_sha256: str
    baseline_sha256: str = ""  # empty for a first release
    passed: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    lockfile_sha256: str = ""
    valid_until: str = ""
    key_id: str = field(default="", compare=False)  # of the key that verified it
    envelope: bytes = field(default=b"", compare=False, repr=False)  # as it was signed

    @property
    def result(self) -> str:
        """The result as the predicate names it."""
        return WARNED if self.accepted else PASSED

    def to_document(self) -> dict[str, Any]:
        """The statement in in-toto's form."""
        judged = descriptor(VERDICT, self.verdict_sha256)
        if self.valid_until:
            judged["annotations"] = {UNTIL: self.valid_until}
        others = {"baseline": self.baseline_sha256, LOCKFILE: self.lockfile_sha256}
        return {
            "_type": STATEMENT_TYPE,
            "subject": [descriptor(self.wheel, self.wheel_sha256)],
            "predicateType": TEST_RESULT,
            "predicate": {
                "result": self.result,
                "configuration": [judged, *(descriptor(name, digest) for name, digest in others.items() if digest)],
                "passedTests": list(self.passed),
                "warnedTests": list(self.accepted),
                "failedTests": [],
            },
        }


def signing_key(path: Path | None = None) -> bytes | None:
    """The private key in `path`, or the one of the environment; None if there is none."""
    value = os.environ.get(KEY, "")
    if path is None and (not value or value.lstrip().startswith("-----BEGIN")):
        return value.encode() or None
    path = path or Path(value)
    try:
        return path.read_bytes()
    except OSError as error:
        raise AttestationError(
            f"The signing key {path} cannot be read: {error.strerror}.", hint=f"Correct {KEY}, or give --key FILE."
        ) from None


def signing_password() -> str | None:
    """The password of the private key, from the environment."""
    return os.environ.get(PASSWORD)


def sign(statement: TrialStatement, private_key: bytes, password: str | None = None) -> str:
    """Sign a statement about a trial with a private key in PEM form; returns the envelope, one line of JSON."""
    return sign_document(statement.to_document(), private_key, password)


def sign_document(document: dict[str, Any], private_key: bytes, password: str | None = None) -> str:
    """Sign any in-toto statement with a private key in PEM form; returns the envelope, one line of JSON."""
    dsse, signer = _libraries()
    try:
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        key = load_pem_private_key(private_key, password.encode() if password else None)
        signing = signer.CryptoSigner(key)
    except (ValueError, TypeError) as error:
        raise AttestationError(
            f"The private key cannot be used: {error}",
            hint=f"Give a private key in PEM form, and its password, if it has one, in {PASSWORD}.",
        ) from None
    envelope = dsse.Envelope(json.dumps(document, sort_keys=True).encode(), PAYLOAD, {})
    envelope.sign(signing)
    return json.dumps(envelope.to_dict(), sort_keys=True) + "\n"


def verify(
    envelope: bytes, public_keys: Sequence[bytes], wheel_sha256: str, *, today: date | None = None
) -> TrialStatement:
    """Return the statement if one of these keys (PEM) signed it and it is about this wheel; else AttestationError.

    It is refused, too, after the last day of an acceptance; `today` is UTC's unless given.
    """
    statement = replace(_parse(*verify_payload(envelope, public_keys)), envelope=envelope)
    if statement.wheel_sha256 != wheel_sha256:
        raise AttestationError(
            f"The statement is about another wheel ({statement.wheel_sha256[:12]}…, not {wheel_sha256[:12]}…)."
        )
    if statement.valid_until and statement.valid_until < f"{today or datetime.now(UTC).date()}":
        raise AttestationError(
            f"The statement has expired: an accepted difference was valid until {statement.valid_until}.",
            hint="Review the difference again, accept it, and sign the trial.",
        )
    return statement


def wheel_of(envelope: bytes) -> str:
    """The hash of the wheel that a statement is about, "" where it cannot be read. Nothing is verified."""
    try:
        (subject,) = json.loads(base64.b64decode(json.loads(envelope)["payload"]))["subject"]
        return str(subject["digest"]["sha256"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def verify_payload(envelope: bytes, public_keys: Sequence[bytes]) -> tuple[bytes, str]:
    """Return what one of these keys (PEM) signed, and the id of that key; else AttestationError."""
    dsse, _ = _libraries()
    keys = [_public_key(each) for each in public_keys]
    if not keys:
        raise AttestationError("No public key is trusted.", hint="Name one under [tool.seatrial.signing] public_keys.")
    if len(envelope) > SIZE_LIMIT:
        raise AttestationError(f"The statement is larger than {SIZE_LIMIT >> 20} MiB.")
    try:
        signed = dsse.Envelope.from_dict(json.loads(envelope))
    except Exception as error:  # the library raises many kinds for what is not an envelope
        raise AttestationError(f"The statement is not a DSSE envelope: {type(error).__name__}.") from None
    key_id = _signed_by(signed, keys)
    if signed.payload_type != PAYLOAD:
        raise AttestationError(f"The statement has the type {signed.payload_type!r}, not {PAYLOAD!r}.")
    return signed.payload, key_id


def require_readable(public_keys: Sequence[bytes]) -> None:
    """Raise AttestationError where a public key (PEM) cannot be read, or the libraries are missing."""
    for each in public_keys:
        _public_key(each)


def _signed_by(envelope: Any, keys: Sequence[Any]) -> str:
    """The id of a trusted key that made one of the signatures. The ids in an envelope are only hints, by its format."""
    from securesystemslib.exceptions import UnverifiedSignatureError

    _, signer = _libraries()
    for signature in envelope.signatures.values():
        for key in keys:
            try:
                key.verify_signature(signer.Signature(key.keyid, signature.signature), envelope.pae())
            except (UnverifiedSignatureError, ValueError):
                continue
            return str(key.keyid)
    raise AttestationError(
        "No trusted key has signed the statement.",
        hint="Sign it with the team's key, or add the signer's key to [tool.seatrial.signing] public_keys.",
    )


def _parse(payload: bytes, key_id: str) -> TrialStatement:
    """Read what was signed. A signature by a trusted key may still be about something else."""
    try:
        document = json.loads(payload)
        if (document["_type"], document["predicateType"]) != (STATEMENT_TYPE, TEST_RESULT):
            raise ValueError("another kind of statement")
        (subject,) = document["subject"]
        predicate = document["predicate"]
        judged = {each["name"]: each["digest"]["sha256"] for each in predicate["configuration"]}
        until = [each["annotations"][UNTIL] for each in predicate["configuration"] if "annotations" in each]
        statement = TrialStatement(
            wheel=str(subject["name"]),
            wheel_sha256=str(subject["digest"]["sha256"]),
            verdict_sha256=str(judged[VERDICT]),
            baseline_sha256=str(judged.get("baseline", "")),
            lockfile_sha256=str(judged.get(LOCKFILE, "")),
            valid_until=str(date.fromisoformat(min(until))) if until else "",
            passed=tuple(map(str, predicate["passedTests"])),
            accepted=tuple(map(str, predicate["warnedTests"])),
            key_id=key_id,
        )
        failed = [*predicate["failedTests"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise AttestationError(f"The signed statement is not about a trial: {error}.") from None
    if failed or predicate["result"] != statement.result:
        raise AttestationError("The signed statement does not say that the trial passed.")
    return statement


def _public_key(pem: bytes) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    _, signer = _libraries()
    try:
        return signer.SSlibKey.from_crypto(load_pem_public_key(pem))
    except (ValueError, TypeError) as error:
        raise AttestationError(f"A public key cannot be read: {error}", hint="It must be in PEM form.") from None


def descriptor(name: str, sha256: str) -> dict[str, Any]:
    """A file by its name and hash, as statements have it."""
    return {"name": name, "digest": {"sha256": sha256}}


def _libraries() -> tuple[Any, Any]:
    try:
        import cryptography  # noqa: F401 - securesystemslib imports without it
        from securesystemslib import dsse, signer
    except ImportError:
        raise AttestationError("Signatures need securesystemslib and cryptography.", hint=EXTRA) from None
    return dsse, signer
