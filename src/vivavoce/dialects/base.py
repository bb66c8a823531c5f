"""What a dialect is: two pure functions between the frames of a connection and values.

A dialect keeps no state. The values are those of `vivavoce.protocol`, which the session machine
knows; so two connections of one session may speak different dialects.
"""

from typing import Protocol

from vivavoce.protocol.client_events import ClientEvent
from vivavoce.protocol.server_events import ServerEvent


class Dialect(Protocol):
    """A module with these two functions: `ga` or `beta`."""

    def decode(self, frame: str | bytes) -> ClientEvent:
        """The event in a text frame. Raises `Refusal`, with the client's event id if it has one."""
        ...

    def encode(self, event: ServerEvent) -> tuple[bytes, ...]:
        """The JSON frames of an event: none where the dialect does not have it."""
        ...
