"""Settings from options, the environment and a file."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from vivavoce.config import ConfigError, Configuration, Settings, read_configuration


def settings_of(config: Path | None, given: dict[str, Any]) -> Settings:
    """The settings, or the error as click shows it. What is worth knowing is printed.

    Whether engines can be made of them is found out here, where it is known what stands where.
    """
    from vivavoce.assembly import assemble

    try:
        found = reader_of(config, given)()
        assemble(found.settings, found.places)
    except ConfigError as error:
        raise click.ClickException(str(error)) from error
    for notice in found.notices:
        click.secho(f"Notice: {notice}", fg="yellow", err=True)
    return found.settings


def reader_of(config: Path | None, given: dict[str, Any]) -> Callable[[], Configuration]:
    """What reads the configuration, now and at each reload; it raises `ConfigError`.

    `given` are the options, with the name of a profile among them.
    """
    options = dict(given)
    retain = options.get("retain_audio")
    if retain is not None and retain not in ("all", "none"):
        try:
            options["retain_audio"] = float(retain)
        except ValueError as error:
            text = f"--retain-audio {retain}: expected seconds, 'all' or 'none'."
            raise ConfigError(text) from error
    for key in ("allowed_origins", "mcp_private_hosts"):
        if options.get(key) is not None:
            options[key] = listed(options[key])
    profile = options.pop("profile", None)
    exported = from_environment("llm_api_key")

    def read() -> Configuration:
        found = read_configuration(config, options, profile)
        if found.settings.llm_url is None and exported:
            # It is exported once, for whatever command and model comes.
            return read_configuration(config, options | {"llm_api_key": None}, profile)
        return found

    return read


def usual_model(settings: Settings) -> str:
    """What a client of these settings asks for: the default model, or the first that converses."""
    if settings.default_model is not None:
        return settings.default_model
    pipelines = (model.name for model in settings.models if model.pipeline is not None)
    return next(pipelines, "vivavoce")


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
