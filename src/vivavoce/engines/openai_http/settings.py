"""Checks of what an operator says about a server: its URL, its key, what to add to requests.

All raise `EngineError` that says what would be right. What may hold a secret is not repeated.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from vivavoce.engines.base import EngineError


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What a server is for; serves the wording of errors."""

    slot: str
    """Such as `language model`."""
    server: str
    """Such as `chat completions server`."""
    path: str
    """Where the requests go, below the base URL: `/chat/completions`."""
    example: str
    """A complete specification."""
    key_setting: str
    """Where an operator sets the server's key."""


def misconfigured(message: str) -> EngineError:
    """The error of a setting that cannot be right."""
    return EngineError(message, code="invalid_configuration")


def check_base_url(base_url: str, purpose: Purpose) -> None:
    """The URL at which the server's API begins."""
    try:
        parts = urlsplit(base_url)
        complete = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # an address or a port that is none
        complete = False
    if not complete:
        raise misconfigured(
            f"{base_url!r} is not the URL of a {purpose.server}; one is {purpose.example}"
        )
    # These may hold a secret, and are not repeated.
    if parts.username is not None or parts.password is not None:
        raise misconfigured(
            f"the URL of the {purpose.slot} holds a user name or a password; give the server's "
            f"key as {purpose.key_setting}"
        )
    if parts.query:
        raise misconfigured(
            f"the URL of the {purpose.slot} has a query (?…), which the API does not know"
        )
    if parts.path.rstrip("/").endswith(purpose.path):
        raise misconfigured(f"{base_url!r} goes too far: leave out {purpose.path}")


def check_model(base_url: str, model: str, purpose: Purpose) -> None:
    """The model's name."""
    if not model:
        raise misconfigured(
            f"{base_url!r} names no model: write URL#MODEL, as in {purpose.example}"
        )


def check_api_key(api_key: str | None, purpose: Purpose) -> None:
    """The key, if there is one."""
    if api_key is None:
        return
    if not (api_key.strip() and api_key.isascii() and api_key.isprintable()):
        raise misconfigured(
            f"the API key of the {purpose.slot} is empty or holds what no key does, as a line end"
        )


def checked_extra_body(
    extra_body: Mapping[str, Any], reserved: Collection[str], purpose: Purpose
) -> dict[str, Any]:
    """What is added to each request, without what comes from the session."""
    taken = set(reserved).intersection(extra_body)
    if taken:
        raise misconfigured(
            f"the extra body for the {purpose.slot} cannot set {min(taken)!r}: "
            "that comes from the session"
        )
    return dict(extra_body)
