"""How the demo tells what happens: a line with its time, a check mark for what was proven."""

import re
import time
from collections.abc import Iterable

import click


class Telling:
    """Prints lines with the seconds since it was made."""

    def __init__(self) -> None:
        self._begin = time.monotonic()
        self._step = "The start"

    def say(self, text: str = "") -> None:
        """Print a line; without a text, an empty one."""
        if not text:
            click.echo()
            return
        seconds = click.style(f"{time.monotonic() - self._begin:6.2f}", dim=True)
        click.echo(f"{seconds}  {text}")

    def heading(self, text: str) -> None:
        """Print the title of what follows."""
        click.secho(f"\n{text}", bold=True)
        self._step = text

    def picture(self, lines: Iterable[str]) -> None:
        """Print a picture, with room around it."""
        click.echo("\n" + "\n".join(f"        {line}" for line in lines) + "\n")

    def good(self, text: str) -> None:
        """Print what was proven."""
        self.say(click.style(f"✓ {text}", fg="green"))

    def expect(self, kept: bool, expected: str, instead: str) -> None:
        """Print that `expected` happened; raises `click.ClickException` if it was not `kept`."""
        if not kept:
            raise self.failed(expected, instead)
        self.good(expected)

    def failed(self, expected: str, instead: str) -> click.ClickException:
        """The end of the demo: which step did not do what."""
        return click.ClickException(f"{self._step}: expected that {expected}, but {instead}")


def words(text: str) -> list[str]:
    """The words of a text without case and punctuation, to compare what was said and heard."""
    return re.findall(r"[a-z0-9']+", text.lower())
