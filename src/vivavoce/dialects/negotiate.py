"""Which dialect a connection speaks, and which subprotocol it is answered (protocol 1.1)."""

from collections.abc import Iterable
from dataclasses import dataclass

from vivavoce.dialects import beta, ga
from vivavoce.dialects.base import Dialect

BETA_HEADER = "realtime=v1"
"""The value of `OpenAI-Beta`, maybe among others, that asks for the beta dialect."""

SUBPROTOCOL = "realtime"
BETA_SUBPROTOCOL = "openai-beta.realtime-v1"


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What was agreed. `subprotocol` is None where the client offered none that may be answered."""

    dialect: Dialect
    subprotocol: str | None


def negotiate(openai_beta: Iterable[str], subprotocols: Iterable[str]) -> Negotiated:
    """What the values of a request's `OpenAI-Beta` and `Sec-WebSocket-Protocol` headers ask for.

    Other values of `OpenAI-Beta`, such as the `assistants=v2` of old SDKs, select nothing. A
    subprotocol that holds a key is never answered.
    """
    offered = frozenset(listed(subprotocols))
    wants_beta = BETA_HEADER in listed(openai_beta) or BETA_SUBPROTOCOL in offered
    answers = (name for name in (SUBPROTOCOL, BETA_SUBPROTOCOL) if name in offered)
    return Negotiated(beta if wants_beta else ga, next(answers, None))


def listed(headers: Iterable[str]) -> list[str]:
    """The elements of a header that is a list, given once or several times."""
    return [element.strip() for header in headers for element in header.split(",")]
