"""Running a command: its coroutine, and the packages that it needs."""

import importlib.util
from collections.abc import Coroutine
from typing import Any

import click

from vivavoce.config import ConfigError


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a command's coroutine; settings that cannot be used are an error of the command line."""
    from vivavoce import process

    try:
        process.run(main)
    except ConfigError as error:
        raise click.ClickException(str(error)) from error


def need(command: str, extra: str, *packages: str) -> None:
    """Raise `click.ClickException` if a package of an extra is not installed."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise click.ClickException(
                f"`vivavoce {command}` needs the package {package}: pip install 'vivavoce[{extra}]'"
            )
