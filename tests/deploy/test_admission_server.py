"""The admission webhook as a process, asked over HTTPS as an API server asks it."""

import ipaddress
import json
import re
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.deploy.admissions import PUBLIC, THEIRS, TRIALS, pod, request
from tests.wheels.signing_keys import pem

from seatrial.core.errors import SeatrialError
from seatrial.deploy.admission import TRIAL
from seatrial.deploy.admission_server import main, read_keys
from seatrial.wheels.attestation import sign


def make_certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "webhook")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    certificate = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
    (folder / "tls.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "tls.key").write_bytes(pem(key))
    return folder / "tls.crt", folder / "tls.key"


@pytest.fixture(scope="module")
def webhook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ssl.SSLContext]]:
    folder = tmp_path_factory.mktemp("webhook")
    certificate, key = make_certificate(folder)
    (folder / "keys").mkdir()
    (folder / "keys" / "team.pem").write_bytes(PUBLIC)
    command = [sys.executable, "-m", "seatrial.deploy.admission_server", "--port", "0", "--keys", str(folder / "keys")]
    command += ["--certificate", str(certificate), "--key", str(key)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout
        found = re.search(r"https://\S+/validate", process.stdout.readline())
        assert found
        yield found[0], ssl.create_default_context(cafile=str(certificate))
    finally:
        process.terminate()
        process.wait(10)


def ask(webhook: tuple[str, ssl.SSLContext], content: bytes, url: str = "") -> tuple[int, Any]:
    asked = urllib.request.Request(url or webhook[0], content or None, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(asked, timeout=20, context=webhook[1]) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read() or b"null")


@pytest.mark.slow
def test_an_api_server_gets_its_answers(webhook: tuple[str, ssl.SSLContext]) -> None:
    status, document = ask(webhook, json.dumps(request(pod())).encode())
    assert (status, document["response"]["allowed"], document["response"]["uid"]) == (200, True, "705ab4f5")
    forged = pod(**{TRIAL: sign(TRIALS, THEIRS)})
    status, document = ask(webhook, json.dumps(request(forged)).encode())
    assert (status, document["response"]["allowed"]) == (200, False)
    assert "No trusted key has signed" in document["response"]["status"]["message"]
    for hostile in (b"{", b"[]", b"5", b"\xff", b"[" * 100_000):
        assert ask(webhook, hostile)[0] == 400
    assert ask(webhook, b" " * (5 << 20))[0] == 413
    assert ask(webhook, b"", webhook[0].replace("/validate", "/health")) == (200, {"status": "ok"})
    assert ask(webhook, b"")[0] == 404  # GET


def test_it_does_not_start_without_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "keys").mkdir()
    with pytest.raises(SeatrialError, match="has no public key"):
        read_keys(tmp_path / "keys")
    with pytest.raises(SeatrialError, match="cannot be read"):
        read_keys(tmp_path / "gone")
    (tmp_path / "keys" / "team.pem").write_text("not a key")
    with pytest.raises(SeatrialError, match="cannot be read"):
        read_keys(tmp_path / "keys")
    (tmp_path / "keys" / "team.pem").write_bytes(PUBLIC)
    options = ["--keys", str(tmp_path / "keys"), "--certificate", "gone.crt", "--key", "gone.key", "--port", "0"]
    assert main(options) == 1
    assert capsys.readouterr().err.startswith("error: gone.crt does not exist. Name two PEM files")
