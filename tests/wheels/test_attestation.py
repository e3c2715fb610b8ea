"""Signed statements about trials: what is signed is what is read, and nothing else is accepted."""

import base64
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from tests.wheels.signing_keys import pem, public_key_of

from seatrial.wheels.attestation import PAYLOAD, AttestationError, TrialStatement, sign, verify

WHEEL, OTHER = "ab" * 32, "cd" * 32
PASSED = TrialStatement("titanic_model-0.2.0-py3-none-any.whl", WHEEL, "12" * 32, "34" * 32, ("golden.scores",))
ACCEPTED = TrialStatement("m-0.1.0-py3-none-any.whl", WHEEL, "12" * 32, "", ("golden.scores",), ("metrics.trivial",))


KEY, THEIRS = pem(ec.generate_private_key(ec.SECP256R1())), pem(ec.generate_private_key(ec.SECP256R1()))
PUBLIC = public_key_of(KEY)


@pytest.mark.parametrize("statement", [PASSED, ACCEPTED])
@pytest.mark.parametrize(
    "make",
    [
        lambda: ec.generate_private_key(ec.SECP256R1()),
        ed25519.Ed25519PrivateKey.generate,
        lambda: rsa.generate_private_key(65537, 2048),
    ],
)
def test_what_is_signed_is_read_again(statement: TrialStatement, make: Callable[[], Any]) -> None:
    key = pem(make())
    read = verify(sign(statement, key).encode(), [PUBLIC, public_key_of(key)], WHEEL)
    assert read == statement
    assert read.key_id
    assert read.result == ("WARNED" if statement.accepted else "PASSED")


def test_a_key_with_a_password() -> None:
    key = pem(ed25519.Ed25519PrivateKey.generate(), b"secret")
    public = public_key_of(key, "secret")
    assert verify(sign(PASSED, key, "secret").encode(), [public], WHEEL) == PASSED
    for password in (None, "wrong"):
        with pytest.raises(AttestationError, match="The private key cannot be used"):
            sign(PASSED, key, password)


def changed(change: Callable[[dict[str, Any]], object], *, sign_again: bool = False) -> bytes:
    """An envelope whose statement was changed after it was signed, or signed again with the same key."""
    envelope = json.loads(sign(PASSED, KEY))
    document = json.loads(base64.b64decode(envelope["payload"]))
    change(document)
    payload = json.dumps(document).encode()
    if sign_again:
        from securesystemslib.dsse import Envelope
        from securesystemslib.signer import CryptoSigner

        fresh = Envelope(payload, PAYLOAD, {})
        fresh.sign(CryptoSigner(serialization.load_pem_private_key(KEY, None)))
        return json.dumps(fresh.to_dict()).encode()
    return json.dumps({**envelope, "payload": base64.b64encode(payload).decode()}).encode()


def test_a_changed_statement_is_refused() -> None:
    for change in (
        lambda document: document["subject"][0]["digest"].update(sha256=OTHER),
        lambda document: document["predicate"].update(passedTests=[]),
        lambda document: document.update(note="unknown keys are signed, too"),
    ):
        with pytest.raises(AttestationError, match="No trusted key has signed"):
            verify(changed(change), [PUBLIC], OTHER)


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document["predicate"].update(result="FAILED"),
        lambda document: document["predicate"].update(failedTests=["golden.scores"]),
        lambda document: document["predicate"].update(warnedTests=["metrics.trivial"]),
        lambda document: document["predicate"].pop("configuration"),
        lambda document: document.update(predicateType="https://slsa.dev/provenance/v1"),
        lambda document: document.update(_type="https://in-toto.io/Statement/v0.1"),
        lambda document: document.update(subject=[]),
        lambda document: document.update(subject=document["subject"] * 2),
        lambda document: document.update(predicate=None),
    ],
)
def test_a_trusted_signature_about_something_else_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    with pytest.raises(AttestationError, match="signed statement"):
        verify(changed(change, sign_again=True), [PUBLIC], WHEEL)


def test_a_statement_about_another_wheel_or_by_another_key_is_refused() -> None:
    envelope = sign(PASSED, KEY).encode()
    with pytest.raises(AttestationError, match="about another wheel"):
        verify(envelope, [PUBLIC], OTHER)
    with pytest.raises(AttestationError, match="No trusted key"):
        verify(envelope, [public_key_of(THEIRS)], WHEEL)
    forged = json.loads(sign(PASSED, THEIRS))
    forged["signatures"][0]["keyid"] = json.loads(envelope)["signatures"][0]["keyid"]
    with pytest.raises(AttestationError, match="No trusted key"):
        verify(json.dumps(forged).encode(), [PUBLIC], WHEEL)
    with pytest.raises(AttestationError, match="No public key is trusted"):
        verify(envelope, [], WHEEL)


def test_the_key_id_in_an_envelope_is_only_a_hint() -> None:
    envelope = json.loads(sign(PASSED, KEY))
    envelope["signatures"][0]["keyid"] = ""
    assert verify(json.dumps(envelope).encode(), [PUBLIC], WHEEL) == PASSED


@pytest.mark.parametrize(
    "envelope",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b"\xff\xfe",
        b'{"payload": 5, "payloadType": "x", "signatures": []}',
    ],
)
def test_what_is_not_an_envelope_is_refused(envelope: bytes) -> None:
    with pytest.raises(AttestationError, match="not a DSSE envelope"):
        verify(envelope, [PUBLIC], WHEEL)


def test_an_unsigned_or_huge_envelope_is_refused() -> None:
    unsigned = {**json.loads(sign(PASSED, KEY)), "signatures": []}
    with pytest.raises(AttestationError, match="No trusted key"):
        verify(json.dumps(unsigned).encode(), [PUBLIC], WHEEL)
    with pytest.raises(AttestationError, match="larger than 1 MiB"):
        verify(b" " * (2 << 20), [PUBLIC], WHEEL)


def test_keys_that_are_none() -> None:
    with pytest.raises(AttestationError, match="The private key cannot be used"):
        sign(PASSED, PUBLIC)
    with pytest.raises(AttestationError, match="A public key cannot be read"):
        verify(sign(PASSED, KEY).encode(), [b"not a key"], WHEEL)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_makes_the_keys_and_verifies_the_signature(tmp_path: Path) -> None:
    """The formats are the standards' own: nothing of ours is needed to check a statement."""

    def openssl(*words: str) -> str:
        return subprocess.run(["openssl", *words], cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "team.pem")
    openssl("pkey", "-in", "team.pem", "-pubout", "-out", "team.pub")
    envelope = json.loads(sign(PASSED, (tmp_path / "team.pem").read_bytes()))
    payload = base64.b64decode(envelope["payload"])
    kind = envelope["payloadType"].encode()
    (tmp_path / "signed").write_bytes(b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload))
    (tmp_path / "signature").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    assert "Verified OK" in openssl("dgst", "-sha256", "-verify", "team.pub", "-signature", "signature", "signed")
    document = json.loads(payload)
    assert document["subject"] == [{"name": PASSED.wheel, "digest": {"sha256": WHEEL}}]
    assert document["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
