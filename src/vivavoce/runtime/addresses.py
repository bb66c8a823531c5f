"""Which addresses a client's MCP server may have.

A client names the server, and this process goes there: so it goes to public addresses only, unless
the operator says otherwise. What counts is the address that a name resolves to, and the connection
is then made to that very address: a name that resolves to another one a moment later gains nothing.

What is public is said here rather than asked of `ipaddress`, whose answers differ between versions
of Python: IPv4 without the blocks that IANA has set aside, and of IPv6 the one block that IANA
gives out, without what it has set aside in there, or carries IPv4 in ways that nobody uses now.
"""

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

logger = logging.getLogger(__name__)

NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")

RESERVED_IPV4 = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "168.63.129.16/32",  # not set aside, but Azure's for what only its machines may ask
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
"""IANA's registry of special-purpose IPv4 addresses, and multicast."""

GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
"""All that IANA has given out of IPv6."""

RESERVED_IPV6 = tuple(
    map(
        ipaddress.IPv6Network,
        (
            "2001::/23",  # Teredo and ORCHID among others
            "2001:db8::/32",
            "2002::/16",  # 6to4
            "3fff::/20",
        ),
    )
)
"""IANA's registry of special-purpose IPv6 addresses, as far as it is within `GLOBAL_UNICAST`."""

ISATAP = (0x0000_5EFE, 0x0200_5EFE)
"""The upper half of an interface identifier whose lower half is an IPv4 address (RFC 5214)."""

RESOLVERS = ThreadPoolExecutor(max_workers=8, thread_name_prefix="resolver")
"""The system resolves names in threads, and may take half a minute for one. These are apart from
those in which all sessions recognise, speak and convert."""


class ForbiddenAddressError(Exception):
    """A host is, or resolves to, an address that is not public; the text names the setting."""


class UnknownHostError(Exception):
    """A name does not resolve."""


class AllowedAddresses:
    """Public addresses, and what `mcp_private_hosts` adds to them.

    An entry is a host name, an address, a network as `192.168.1.0/24`, or `*` for everything. One
    for IPv4 holds for IPv6 addresses that stand for those too.
    """

    def __init__(self, private_hosts: Iterable[str] = ()) -> None:
        self._all = False
        self._names: set[str] = set()
        self._networks: list[IPNetwork] = []
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
                # Whoever asks may not know it: names of a private network are the operator's.
                logger.warning("%r is at %s, which is not a public address", host, text)
                raise ForbiddenAddressError(
                    f"'{host}' is not at a public address. The operator of this server can allow "
                    "it with the setting mcp_private_hosts."
                )
        return found

    def _allows(self, address: IPAddress) -> bool:
        inner = within(address)
        return is_public(inner) or any(
            one.version == network.version and one in network
            for one in (address, inner)
            for network in self._networks
        )


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host in the system's order, each once."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.run_in_executor(
            RESOLVERS, partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        )
    except (OSError, UnicodeError) as error:
        raise UnknownHostError(f"The host '{host}' is not known.") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: IPAddress) -> bool:
    """Whether everybody in the world means the same machine by it."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in RESERVED_IPV4)
    if (int(address) >> 32) & 0xFFFF_FFFF in ISATAP:
        return False
    return address in GLOBAL_UNICAST and not any(address in network for network in RESERVED_IPV6)


def within(address: IPAddress) -> IPAddress:
    """The IPv4 address that an IPv6 address stands for, if it does."""
    if isinstance(address, ipaddress.IPv6Address) and (address in NAT64 or address in MAPPED):
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def as_network(entry: str) -> IPNetwork | None:
    """The network, or single address, that an entry is; None for a name.

    Mapped IPv4 is another way to write IPv4, and means that.
    """
    try:
        network = ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return None
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(MAPPED):
        inner = int(network.network_address) & 0xFFFF_FFFF
        return ipaddress.IPv4Network((inner, network.prefixlen - MAPPED.prefixlen))
    return network


def plain_name(host: str) -> str:
    """A host name as it is compared."""
    return host.rstrip(".").lower()
