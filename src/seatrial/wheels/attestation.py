"""A signed statement about a wheel's trial: who vouches that exactly these bytes passed, judged by which verdict.

It is an in-toto Statement (version 1) with the predicate Test Result (version 0.1), in a DSSE envelope, signed with a
key of the team's: ECDSA, Ed25519 or RSA, as a PEM file. Other tools for these formats can verify it without Seatrial.

Sources: in-toto attestation framework, spec/v1 and spec/predicates/test-result.md; DSSE 1.0 (secure-systems-lab).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from seatrial.core.errors import SeatrialError

STATEMENT = "https://in-toto.io/Statement/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
PAYLOAD = "application/vnd.in-toto+json"
PASSED, WARNED = "PASSED", "WARNED"
SIZE_LIMIT = 1 << 20  # bytes of an envelope; a statement has some 2 kB
EXTRA = 'pip install "seatrial[sign]"'


class AttestationError(SeatrialError):
    """A statement that cannot be made, cannot be read, or that no trusted key has signed."""


@dataclass(frozen=True)
class TrialStatement:
    """What a statement says. `accepted` are the checks that a person accepted; then the result is WARNED."""

    wheel: str
    wheel_sha256: str
    verdict_sha256: str
    baseline_sha256: str = ""  # empty for a first release
    passed: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    key_id: str = field(default="", compare=False)  # of the key that verified it

    @property
    def result(self) -> str:
        """The result as the predicate names it."""
        return WARNED if self.accepted else PASSED

    def to_document(self) -> dict[str, Any]:
        """The statement in in-toto's form."""
        judged = [_descriptor("verdict.json", self.verdict_sha256)]
        baseline = [_descriptor("baseline", self.baseline_sha256)] if self.baseline_sha256 else []
        return {
            "_type": STATEMENT,
            "subject": [_descriptor(self.wheel, self.wheel_sha256)],
            "predicateType": TEST_RESULT,
            "predicate": {
                "result": self.result,
                "configuration": judged + baseline,
                "passedTests": list(self.passed),
                "warnedTests": list(self.accepted),
                "failedTests": [],
            },
        }


def sign(statement: TrialStatement, private_key: bytes, password: str | None = None) -> str:
    """Sign a statement with a private key in PEM form; returns the envelope, one line of JSON."""
    dsse, signer = _libraries()
    try:
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        key = load_pem_private_key(private_key, password.encode() if password else None)
        signing = signer.CryptoSigner(key)
    except (ValueError, TypeError) as error:
        raise AttestationError(
            f"The private key cannot be used: {error}",
            hint="Give a private key in PEM form, and its password, if it has one, in SEATRIAL_SIGNING_PASSWORD.",
        ) from None
    envelope = dsse.Envelope(json.dumps(statement.to_document(), sort_keys=True).encode(), PAYLOAD, {})
    envelope.sign(signing)
    return json.dumps(envelope.to_dict(), sort_keys=True) + "\n"


def verify(envelope: bytes, public_keys: Sequence[bytes], wheel_sha256: str) -> TrialStatement:
    """Return the statement if one of these keys (PEM) signed it and it is about this wheel; else AttestationError."""
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
    statement = _parse(signed.payload, key_id)
    if statement.wheel_sha256 != wheel_sha256:
        raise AttestationError(
            f"The statement is about another wheel ({statement.wheel_sha256[:12]}…, not {wheel_sha256[:12]}…)."
        )
    return statement


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
        if (document["_type"], document["predicateType"]) != (STATEMENT, TEST_RESULT):
            raise ValueError("another kind of statement")
        (subject,) = document["subject"]
        predicate = document["predicate"]
        judged = {each["name"]: each["digest"]["sha256"] for each in predicate["configuration"]}
        statement = TrialStatement(
            wheel=str(subject["name"]),
            wheel_sha256=str(subject["digest"]["sha256"]),
            verdict_sha256=str(judged["verdict.json"]),
            baseline_sha256=str(judged.get("baseline", "")),
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


def _descriptor(name: str, sha256: str) -> dict[str, Any]:
    return {"name": name, "digest": {"sha256": sha256}}


def _libraries() -> tuple[Any, Any]:
    try:
        import cryptography  # noqa: F401 - securesystemslib imports without it
        from securesystemslib import dsse, signer
    except ImportError:
        raise AttestationError("Signatures need securesystemslib and cryptography.", hint=EXTRA) from None
    return dsse, signer
