"""Settings from options, the environment and a file."""

import os
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from vivavoce.config import ConfigError, Settings, read_settings


def settings_of(config: Path | None, given: dict[str, Any]) -> Settings:
    """The settings, or the error as click shows it."""
    retain = given.get("retain_audio")
    if retain is not None and retain not in ("all", "none"):
        try:
            given["retain_audio"] = float(retain)
        except ValueError as error:
            text = f"--retain-audio {retain}: expected seconds, 'all' or 'none'."
            raise click.ClickException(text) from error
    for key in ("allowed_origins", "mcp_private_hosts"):
        if given.get(key) is not None:
            given[key] = listed(given[key])
    try:
        settings = read_settings(config, given)
        if settings.llm_url is None and from_environment("llm_api_key"):
            # It is exported once, for whatever command and model comes.
            settings = read_settings(config, given | {"llm_api_key": None})
        return settings
    except ConfigError as error:
        raise click.ClickException(str(error)) from error


def from_environment(name: str) -> bool:
    """Whether an option of the command that runs has its value from the environment."""
    context = click.get_current_context(silent=True)
    source = None if context is None else context.get_parameter_source(name)
    return source is ParameterSource.ENVIRONMENT


def keys_in_environment() -> dict[str, Any]:
    """The settings that are no options, so that no key stands in the list of processes."""
    return {
        "api_keys": listed(os.environ.get("VIVAVOCE_API_KEY", "")) or None,
        "secret_key": os.environ.get("VIVAVOCE_SECRET_KEY") or None,
    }


def listed(text: str) -> list[str]:
    """What stands between commas."""
    return [part.strip() for part in text.split(",") if part.strip()]
