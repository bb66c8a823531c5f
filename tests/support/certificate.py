"""A certificate and its key, in files, for servers with TLS."""

from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from vivavoce.transports.tls import LOCAL_NAMES, sign

PEM = serialization.Encoding.PEM


def key_pem(key: ec.EllipticCurvePrivateKey, password: bytes | None = None) -> bytes:
    """A private key as a file has it."""
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password is not None:
        encryption = serialization.BestAvailableEncryption(password)
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, encryption)


def write_certificate(folder: Path) -> tuple[str, str]:
    """A certificate for this machine, signed by itself, and its key: their files."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate, private = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(sign(key, LOCAL_NAMES).public_bytes(PEM))
    private.write_bytes(key_pem(key))
    return str(certificate), str(private)
