"""Where engines are: `unix:/path` on this machine, `tcp://host:port` on another."""

import re
from dataclasses import dataclass

_TCP = re.compile(r"tcp://(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s/:\[\]]+)):(?P<port>\d{1,5})")


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """A socket in the file system. Whoever may enter its folder may use the engines."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A port of a machine."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp://{host}:{self.port}"


Address = UnixAddress | TcpAddress


def parse_address(text: str) -> Address:
    """The address that a text means. Raises `ValueError` with the forms that there are."""
    if text.startswith("unix:/"):
        return UnixAddress(text.removeprefix("unix:"))
    found = _TCP.fullmatch(text)
    if found is None or int(found["port"]) > 65_535:
        raise ValueError(f"'{text}' is no address of engines; write tcp://host:port or unix:/path.")
    return TcpAddress(found["v6"] or found["host"], int(found["port"]))
