"""Other packages' logs, without what is nobody's business.

Whoever runs a server, with a command or in a program of their own, may send all logs anywhere.
"""

import logging

LEVELS = {
    "aiohttp.websocket": logging.ERROR,  # it tells the subprotocols offered, and one may be a key
    "httpx2": logging.CRITICAL,  # these tell the URLs of MCP servers, and a key may be in one
    "httpcore2": logging.CRITICAL,
    "mcp": logging.CRITICAL,
    "client": logging.CRITICAL,  # the MCP SDK's, for what a server sends
}
"""The levels from which on nothing secret is told."""


def keep_secrets_out() -> None:
    """Silence what other packages tell of keys. It holds for the whole process."""
    for name, level in LEVELS.items():
        logging.getLogger(name).setLevel(level)
