"""`vivavoce replay`: run a session again from its trace, and see whether it does the same."""

from pathlib import Path

import click
import msgspec

from vivavoce.runtime.trace import ReplayError, Step, replay
from vivavoce.session.outputs import AnyOutput, Send, SendAudio, SendRetrieved


def run(path: Path) -> None:
    """Print every step, and at the end that all gave the same outputs.

    Raises `click.ClickException` at the first that did not, and for a file that is no trace.
    """
    count, begin = 0, None
    if path.stat().st_size == 0:
        raise click.ClickException(f"{path} is empty. Was the session still open?")
    try:
        for step in replay(path):
            count += 1
            begin = step.now if begin is None else begin
            click.echo(line(step, step.now - begin))
    except msgspec.MsgspecError as error:
        raise click.ClickException(
            f"{path}, line {count + 2}: not a step of this version's traces: {error}"
        ) from error
    except ReplayError as error:
        raise click.ClickException(f"After {count} equal steps: {error}") from error
    click.secho(f"All {count} steps gave the same outputs.", fg="green")


def line(step: Step, seconds: float) -> str:
    """A step for people: when, what happened, what was to be done."""
    done = ", ".join(summary(output) for output in step.outputs)
    happened = type(step.happened).__name__
    event = getattr(step.happened, "event", None)
    if event is not None:
        happened = f"{happened} {event_type(event)}"
    return f"{seconds:9.3f} s  {happened}" + (f"  ->  {done}" if done else "")


def summary(output: AnyOutput) -> str:
    """An output in a word: an event by its type, a command by its name."""
    if isinstance(output, Send | SendAudio | SendRetrieved):
        return event_type(output.event)
    return type(output).__name__


def event_type(event: msgspec.Struct) -> str:
    """`response.done`: the type of an event on the wire."""
    return str(event.__struct_config__.tag)
