"""Who of the workers holds what: connections, which go where there are fewest, and places."""

from dataclasses import dataclass


@dataclass(slots=True)
class Account:
    """One worker's."""

    connections: int = 0
    sessions: int = 0
    turn: int = 0
    """When it was given its last connection: a count of all that were given."""


class Ledger:
    """The books of a supervisor. `places` is how many sessions all workers may hold together."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._accounts: dict[int, Account] = {}
        self._open: set[int] = set()
        """The workers that take connections."""
        self._turns = 0

    def join(self, worker: int) -> None:
        """A worker is ready."""
        self._accounts[worker] = Account()
        self._open.add(worker)

    def close(self, worker: int) -> None:
        """A worker takes no more connections."""
        self._open.discard(worker)

    def leave(self, worker: int) -> int:
        """A worker has ended. Gives how many sessions it held, whose places are free again."""
        self.close(worker)
        return self._accounts.pop(worker).sessions

    def candidates(self) -> list[int]:
        """The workers that take connections, in the order in which to offer them the next one.

        The fewest connections come first, and of equals the one that has waited longest: so
        requests that come one after the other go round.
        """

        def rank(worker: int) -> tuple[int, int]:
            account = self._accounts[worker]
            return account.connections, account.turn

        return sorted(self._open, key=rank)

    def connect(self, worker: int) -> None:
        """A worker was given a connection."""
        self._turns += 1
        account = self._accounts[worker]
        account.connections += 1
        account.turn = self._turns

    def disconnect(self, worker: int) -> None:
        """A worker's connection has ended. It must have one."""
        account = self._accounts[worker]
        assert account.connections > 0, "a connection has ended that was not given"
        account.connections -= 1

    def take(self, worker: int) -> bool:
        """Take a place for a worker, if there is one."""
        if self.taken >= self._places:
            return False
        self._accounts[worker].sessions += 1
        return True

    def free(self, worker: int) -> None:
        """Free a worker's place. It must have one."""
        account = self._accounts[worker]
        assert account.sessions > 0, "a place is freed that was not taken"
        account.sessions -= 1

    @property
    def taken(self) -> int:
        """The places that are taken."""
        return sum(account.sessions for account in self._accounts.values())
