"""Key pairs for signatures, as `openssl` writes them."""

from typing import Any

from cryptography.hazmat.primitives import serialization


def pem(key: Any, password: bytes | None = None) -> bytes:
    """A private key in PEM form."""
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    content: bytes = key.private_bytes(serialization.Encoding.PEM, form, encryption)
    return content


def public_key_of(private_key: bytes, password: str | None = None) -> bytes:
    """The public half of a private key."""
    key = serialization.load_pem_private_key(private_key, password.encode() if password else None)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form)
