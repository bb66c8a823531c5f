"""TLS in the server itself: a certificate from files, or one made for development."""

import datetime
import ipaddress
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from vivavoce.config import ConfigError

VALIDITY = datetime.timedelta(days=30)
"""Of a self-signed certificate, which is made anew at each start."""

CLOCK_SKEW = datetime.timedelta(hours=1)

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")

UNREADABLE = "TLS: cannot use {what}: {why}. Both are files in PEM format, and belong together."


@dataclass(frozen=True, slots=True)
class Tls:
    """What a listening socket needs. `fingerprint` is set for a self-signed certificate."""

    context: ssl.SSLContext
    fingerprint: str | None = None


def from_files(certificate: Path, key: Path) -> Tls:
    """TLS with the certificate chain and the private key in these PEM files.

    Raises `ConfigError`.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        # Not to be asked for a passphrase on the terminal of a server.
        context.load_cert_chain(certificate, key, password=refuse_passphrase)
    except (OSError, ValueError) as error:
        what = f"the certificate {certificate} with the key {key}"
        raise ConfigError(UNREADABLE.format(what=what, why=error)) from error
    return Tls(context)


def refuse_passphrase() -> str:
    """Raises `ValueError`: nobody is there to type one."""
    raise ValueError("the key is encrypted, and there is nobody to ask for its passphrase")


def self_signed(host: str) -> Tls:
    """TLS with a certificate made now, for this host and for the names of this machine.

    It is for development: a client must be told to trust it.
    """
    return from_pem(self_signed_pem(host))


def self_signed_pem(host: str) -> bytes:
    """Such a certificate behind its private key, for processes that are to show the same one."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = sign(key, tuple(dict.fromkeys((*LOCAL_NAMES, host))))
    pem = serialization.Encoding.PEM
    key_pem = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return key_pem + certificate.public_bytes(pem)


def from_pem(pem: bytes) -> Tls:
    """TLS with what `self_signed_pem` has made.

    The key is never kept on disk, but for the moment in which OpenSSL reads it, in a file that
    only this user can read.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(pem)
        file.flush()
        context.load_cert_chain(file.name)
    certificate = x509.load_pem_x509_certificate(pem)
    return Tls(context, certificate.fingerprint(SHA256()).hex(":").upper())


def sign(key: ec.EllipticCurvePrivateKey, hosts: tuple[str, ...]) -> x509.Certificate:
    """A certificate for these names and addresses, signed with its own key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Vivavoce (self-signed)")])
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + VALIDITY)
        .add_extension(
            x509.SubjectAlternativeName([general_name(host) for host in hosts]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, SHA256())
    )


def general_name(host: str) -> x509.GeneralName:
    """A host as a certificate names it."""
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
