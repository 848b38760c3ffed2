"""Ed25519 (RFC 8032) by the package `cryptography`, which nothing else here needs."""
from __future__ import annotations


class MissingCryptography(ImportError):
    """Signatures cannot be checked: `pip install 'vault999[signatures]'`, or Debian's python3-cryptography."""


def verifies(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether this is the signature of `message`. MissingCryptography if there is no way to check."""
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError as error:
        raise MissingCryptography(MissingCryptography.__doc__) from error
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
