"""Certificate files: what cannot be used is named, and what is renewed is used without a restart."""

import ssl
from pathlib import Path
from typing import Any

import pytest
from tests.http.certificates import Authority

from seatrial.core.errors import SeatrialError
from seatrial.http import tls
from seatrial.http.tls import Certificate, TlsFiles


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_the_context_is_modern_and_speaks_http_1(authority: Authority) -> None:
    context = authority.sign().context()
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_NONE  # clients are not asked for certificates


def test_files_that_cannot_be_used_are_named(authority: Authority, tmp_path: Path) -> None:
    good, other, locked = authority.sign(), authority.sign("other"), authority.sign("locked", b"secret")
    text = tmp_path / "text.pem"
    text.write_text("not PEM")
    missing = tmp_path / "missing.pem"
    cases = {
        TlsFiles(missing, good.key): f"{missing} does not exist",
        TlsFiles(good.certificate, missing): f"{missing} does not exist",
        TlsFiles(tmp_path, good.key): f"{tmp_path} cannot be read",
        TlsFiles(good.certificate, other.key): "does not belong to the certificate",
        TlsFiles(text, good.key): "are not a certificate and a private key",
        TlsFiles(good.certificate, text): "are not a certificate and a private key",
        TlsFiles(good.key, good.certificate): "are not a certificate and a private key",
        locked: "is encrypted with a password",
    }
    for files, message in cases.items():
        with pytest.raises(SeatrialError) as caught:
            files.context()
        assert message in caught.value.message
        assert ("openssl pkey" if files is locked else "PEM") in caught.value.hint


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(tls, "monotonic", lambda: now[0])
    return now


def test_a_renewed_certificate_is_used_after_a_second(
    authority: Authority, clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    certificate = Certificate(authority.sign())
    first = certificate.context()
    clock[0] += 2
    assert certificate.context() is first  # it has not changed
    authority.sign()
    assert certificate.context() is first  # it was looked at in this second
    clock[0] += 2
    assert certificate.context() is not first
    assert "was read again" in caplog.text


def test_half_a_renewal_changes_nothing_until_it_is_complete(
    authority: Authority, clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    files = authority.sign()
    certificate = Certificate(files)
    first = certificate.context()
    renewed = authority.sign("renewed")
    files.certificate.write_bytes(renewed.certificate.read_bytes())
    for _ in range(3):
        clock[0] += 2
        assert certificate.context() is first
    assert caplog.text.count("stays as it was") == 1
    files.key.unlink()
    clock[0] += 2
    assert certificate.context() is first
    files.key.write_bytes(renewed.key.read_bytes())
    clock[0] += 2
    assert certificate.context() is not first


def test_a_certificate_must_be_there_at_the_start(tmp_path: Path) -> None:
    files: Any = TlsFiles(tmp_path / "a", tmp_path / "b")
    with pytest.raises(SeatrialError, match="does not exist"):
        Certificate(files)
