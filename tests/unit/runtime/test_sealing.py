import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.protocol.session_config import RealtimeSession, TranscriptionSession, merge
from vivavoce.runtime.client_secrets import (
    MAX_LENGTH,
    ClientSecrets,
    InvalidClientSecretError,
    SessionTooLargeError,
)
from vivavoce.runtime.clock import Clock

KEY = "0123456789abcdef0123456789abcdef"
SESSION = merge(
    RealtimeSession(model="gpt-realtime"),
    {
        "type": "realtime",
        "instructions": "Speak like a pirate.",
        "tools": [{"type": "function", "name": "sail", "parameters": {"type": "object"}}],
        "audio": {"input": {"turn_detection": None}, "output": {"voice": "marin"}},
        "reasoning": {"effort": "low"},
    },
)


def replica(seconds: int = 1_000_000, key: str | None = KEY) -> ClientSecrets:
    """One of several servers, at this time."""
    return ClientSecrets(key, Clock(seconds))


@pytest.mark.parametrize("session", [SESSION, TranscriptionSession()])
def test_what_was_sealed_is_what_is_opened(session: RealtimeSession | TranscriptionSession) -> None:
    assert replica().open(replica().mint(session, 600).value) == session


def test_a_secret_opens_until_it_expires_and_as_often_as_one_likes() -> None:
    secret = replica(1000).mint(SESSION, 60)
    assert secret.expires_at == 1060
    assert [replica(at).open(secret.value) for at in (1000, 1030, 1059)] == [SESSION] * 3
    with pytest.raises(InvalidClientSecretError, match="expired"):
        replica(1060).open(secret.value)


def test_another_key_opens_nothing() -> None:
    secret = replica().mint(SESSION, 600)
    with pytest.raises(InvalidClientSecretError, match="not made by this server"):
        replica(key=KEY[::-1]).open(secret.value)


def test_without_a_key_each_process_has_its_own() -> None:
    one, other = replica(key=None), replica(key=None)
    secret = one.mint(SESSION, 600)
    assert one.open(secret.value) == SESSION
    with pytest.raises(InvalidClientSecretError):
        other.open(secret.value)


def test_the_content_cannot_be_read_and_differs_each_time() -> None:
    first, second = (replica().mint(SESSION, 600).value for _ in range(2))
    assert first != second
    encoded = first.removeprefix("ek_")
    assert b"pirate" not in base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    assert set(first) <= set("-_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")


def test_every_changed_bit_is_noticed() -> None:
    encoded = replica().mint(TranscriptionSession(), 600).value.removeprefix("ek_")
    sealed = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    for bit in range(8 * len(sealed)):
        forged = bytearray(sealed)
        forged[bit // 8] ^= 1 << bit % 8
        value = "ek_" + base64.urlsafe_b64encode(forged).rstrip(b"=").decode()
        with pytest.raises(InvalidClientSecretError):
            replica().open(value)


@given(st.text(max_size=200), st.sampled_from(["ek_", "ek_Ag", ""]))
def test_whatever_else_is_shown_is_refused(text: str, prefix: str) -> None:
    with pytest.raises(InvalidClientSecretError):
        replica().open(prefix + text)


def test_a_session_that_does_not_fit_is_refused_with_the_limit() -> None:
    # Text of which every letter is new cannot be made shorter.
    unlike = "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(9000))
    large = merge(SESSION, {"type": "realtime", "instructions": unlike})
    with pytest.raises(SessionTooLargeError, match=str(MAX_LENGTH)):
        replica().mint(large, 600)


def test_long_instructions_fit() -> None:
    text = "Be brief, and ask for the order number before anything else. " * 300
    session = merge(SESSION, {"type": "realtime", "instructions": text})
    assert replica().open(replica().mint(session, 600).value) == session


def test_a_secret_is_not_shown_by_accident() -> None:
    secret = replica().mint(SESSION, 600)
    assert secret.value not in repr(secret)
