"""Which addresses a client's MCP server may have.

A client names the server, and this process goes there: so it goes to public addresses only, unless
the operator says otherwise. What counts is the address that a name resolves to, and the connection
is then made to that very address: a name that resolves to another one a moment later gains nothing.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

NAT64 = ipaddress.ip_network("64:ff9b::/96")


class ForbiddenAddressError(Exception):
    """A host is, or resolves to, an address that is not public; the text names the setting."""


class UnknownHostError(Exception):
    """A name does not resolve."""


class AllowedAddresses:
    """Public addresses, and what `mcp_private_hosts` adds to them.

    An entry is a host name, an address, a network as `192.168.1.0/24`, or `*` for everything.
    """

    def __init__(self, private_hosts: Iterable[str] = ()) -> None:
        self._all = False
        self._names: set[str] = set()
        self._networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        for entry in private_hosts:
            if entry == "*":
                self._all = True
            elif (network := as_network(entry)) is not None:
                self._networks.append(network)
            else:
                self._names.add(plain_name(entry))

    async def of(self, host: str, port: int) -> list[str]:
        """The addresses of a host, all of which may be connected to.

        Raises `ForbiddenAddressError` if one of them may not, and `UnknownHostError`.
        """
        found = await resolve(host, port)
        if self._all or plain_name(host) in self._names:
            return found
        for text in found:
            if not self._allows(ipaddress.ip_address(text)):
                raise ForbiddenAddressError(
                    f"'{host}' is at {text}, which is not a public address. The operator of this "
                    "server can allow it with the setting mcp_private_hosts."
                )
        return found

    def _allows(self, address: IPAddress) -> bool:
        inner = within(address)
        return is_public(inner) or any(
            inner.version == network.version and inner in network for network in self._networks
        )


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host in the system's order, each once."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnknownHostError(f"The host '{host}' is not known.") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: IPAddress) -> bool:
    """Whether everybody in the world means the same machine by it."""
    return address.is_global and not address.is_multicast


def within(address: IPAddress) -> IPAddress:
    """The IPv4 address that an IPv6 address stands for, if it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address


def as_network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """The network, or single address, that an entry is; None for a name."""
    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return None


def plain_name(host: str) -> str:
    """A host name as it is compared."""
    return host.rstrip(".").lower()
