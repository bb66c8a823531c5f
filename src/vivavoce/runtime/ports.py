"""What the shell needs of a connection; transports implement it."""

from typing import Protocol

from vivavoce.protocol.server_events import ServerEvent


class Connection(Protocol):
    """One client's connection. Neither method waits."""

    def send(self, event: ServerEvent) -> None:
        """Queue an event. A connection whose queue is full ends instead."""

    def close(self, code: int, reason: str) -> None:
        """Close, once what is queued was sent."""
