"""Client secrets: a session's settings, sealed into the key that a browser connects with
(protocol 1.2).

A secret holds all that it stands for, encrypted and authenticated, so the server keeps no list of
them: it survives a restart, and any replica that has the same secret key accepts it, until it
expires, as often as it is used.
"""

import base64
import binascii
import secrets
import zlib
from dataclasses import dataclass, field
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from vivavoce.protocol.session_config import RealtimeSession, SessionConfig
from vivavoce.runtime.clock import Clock

PREFIX = "ek_"
"""What a client secret begins with; an API key does not."""

MAX_LENGTH = 16 * 1024
"""Characters: a secret travels in a header field of a request."""

FORMAT = b"\x02"
"""The first byte of what is encoded, so that the rest can change its form some day."""

KEY_BYTES = 32
NONCE_BYTES = 12
"""The nonce that AES-GCM is specified for; drawn at random for each secret (NIST SP 800-38D)."""

PURPOSE = b"vivavoce client secret"


class InvalidClientSecretError(Exception):
    """A string is not a client secret that is valid here and now; the text says why."""


class SessionTooLargeError(Exception):
    """The settings of a session do not fit into a client secret."""


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """A minted secret. `expires_at` in Unix seconds."""

    value: str = field(repr=False)
    expires_at: int


class AnyModel(msgspec.Struct, frozen=True, tag="any_model", tag_field="type"):
    """A session whose model its connection names: what its client has set besides, as the
    `session` of a `session.update`. What else it begins with, the model says."""

    settings: dict[str, Any]


Bound = SessionConfig | AnyModel
"""What a secret stands for."""


class Sealed(msgspec.Struct, frozen=True):
    """What is inside of a secret."""

    session: Bound
    expires_at: int


class ClientSecrets:
    """Seals and opens secrets under one key."""

    def __init__(self, secret_key: str | None, clock: Clock) -> None:
        """`secret_key` is shared by replicas; without one, only this process can open its own."""
        material = secrets.token_bytes(KEY_BYTES) if secret_key is None else secret_key.encode()
        derivation = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=PURPOSE)
        self._cipher = AESGCM(derivation.derive(material))
        self._clock = clock

    def mint(self, session: Bound, seconds: int) -> ClientSecret:
        """A secret that opens sessions with these settings, for so many seconds from now.

        Raises `SessionTooLargeError`.
        """
        expires_at = self._clock.unix() + seconds
        content = zlib.compress(msgspec.json.encode(Sealed(session, expires_at)))
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = FORMAT + nonce + self._cipher.encrypt(nonce, content, FORMAT)
        value = PREFIX + base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()
        if len(value) > MAX_LENGTH:
            raise SessionTooLargeError(
                f"The session does not fit into a client secret, which may have {MAX_LENGTH} "
                f"characters and would have {len(value)}. Shorten its instructions or tools, or "
                "send them with session.update."
            )
        return ClientSecret(value, expires_at)

    def open(self, value: str) -> Bound:
        """The settings that were sealed. Raises `InvalidClientSecretError`."""
        sealed = decoded(value)
        nonce, box = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        try:
            content = self._cipher.decrypt(nonce, box, FORMAT)
            inside = msgspec.json.decode(zlib.decompress(content), type=Sealed)
        except (InvalidTag, msgspec.ValidationError) as error:
            raise foreign() from error
        if self._clock.unix() >= inside.expires_at:
            raise InvalidClientSecretError("The client secret has expired. Make another one.")
        return inside.session


def bound(session: SessionConfig, patch: dict[str, Any]) -> Bound:
    """What a secret holds for a session that this patch has made of the defaults."""
    if not isinstance(session, RealtimeSession) or session.model:
        return session
    return AnyModel({key: value for key, value in patch.items() if key != "model"})


def decoded(value: str) -> bytes:
    """The bytes behind the prefix, of this format and long enough to be opened.

    Raises `InvalidClientSecretError`.
    """
    encoded = value.removeprefix(PREFIX)
    if not value.startswith(PREFIX) or len(value) > MAX_LENGTH:
        raise foreign()
    try:
        sealed = base64.b64decode(encoded + "=" * (-len(encoded) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError) as error:  # ValueError: not ASCII
        raise foreign() from error
    if not sealed.startswith(FORMAT) or len(sealed) <= 1 + NONCE_BYTES:
        raise foreign()
    return sealed


def foreign() -> InvalidClientSecretError:
    """Whatever else is wrong with a secret; what exactly is of use to a forger only."""
    return InvalidClientSecretError(
        "The client secret was not made by this server, or was made before its secret key changed."
    )
