"""`vivavoce talk`: a conversation with microphone and speakers."""

import asyncio
from collections.abc import AsyncIterable
from typing import Protocol

import click
import pybase64

from vivavoce.commands.client import Event, RealtimeConnection, connect
from vivavoce.commands.devices import open_loudspeaker, open_microphone
from vivavoce.commands.failures import first_failure
from vivavoce.commands.hosting import base_url
from vivavoce.commands.playback import Cut, PlaybackError
from vivavoce.config import Settings

SESSION = {
    "type": "realtime",
    "output_modalities": ["audio"],
    "audio": {"input": {"transcription": {"model": "whisper-1"}}},
}
"""Without a transcription model a session hears, but does not say what."""


class Speaker(Protocol):
    """What plays the answers: `devices.Loudspeaker`."""

    def play(self, item_id: str, pcm: bytes) -> None:
        """Play more speech of an item."""

    def end(self, item_id: str) -> None:
        """All speech of this item was given."""

    def stop(self) -> list[Cut]:
        """Be silent at once; gives what was cut off, and where."""


async def run(
    microphone: str | None,
    loudspeaker: str | None,
    *,
    settings: Settings,
    url: str | None,
    api_key: str | None,
    model: str,
) -> None:
    """Talk until interrupted. Raises `click.ClickException` if that is not possible."""
    with open_loudspeaker(loudspeaker) as output:
        async with (
            base_url(url, settings) as base,
            connect(base, api_key=api_key, model=model) as connection,
        ):
            with open_microphone(microphone) as blocks:
                click.secho("Speak! Ctrl-C ends the conversation.", bold=True)
                await converse(connection, blocks, output)


async def converse(
    connection: RealtimeConnection, microphone: AsyncIterable[bytes], speaker: Speaker
) -> None:
    """Send what the microphone hears and play what comes back, until the connection closes.

    Raises `click.ClickException` when it does.
    """
    with first_failure():
        async with asyncio.TaskGroup() as tasks:
            await connection.send({"type": "session.update", "session": SESSION})
            sending = tasks.create_task(send(connection, microphone), name="microphone")
            conversation = Conversation(connection, speaker)
            async for event in connection:
                await conversation.note(event)
            sending.cancel()
    raise click.ClickException("The server closed the connection.")


async def send(connection: RealtimeConnection, microphone: AsyncIterable[bytes]) -> None:
    """Append whatever the microphone hears."""
    async for block in microphone:
        await connection.append(block)


class Conversation:
    """The client's side: it plays and prints what comes, and is silent when spoken to."""

    def __init__(self, connection: RealtimeConnection, speaker: Speaker) -> None:
        self._connection = connection
        self._speaker = speaker

    async def note(self, event: Event) -> None:
        """Do what an event of the server asks for.

        An `error` is shown and no more: a server whose error is fatal closes the connection.
        """
        match event["type"]:
            case "response.output_audio.delta":
                self._play(event)
            case "response.output_audio.done":
                self._speaker.end(event["item_id"])
            case "response.output_audio_transcript.delta" | "response.output_text.delta":
                click.secho(event["delta"], fg="cyan", nl=False)
            case "response.done":
                click.echo()
                self._report_failure(event["response"])
            case "input_audio_buffer.speech_started":
                await self._be_interrupted()
            case "conversation.item.input_audio_transcription.completed":
                click.secho(f"You: {event['transcript']}", fg="green")
            case "conversation.item.input_audio_transcription.failed":
                click.secho(f"You: ({event['error']['message']})", fg="red")
            case "error":
                click.secho(f"The server says: {event['error']['message']}", fg="red", err=True)

    def _play(self, event: Event) -> None:
        try:
            self._speaker.play(event["item_id"], pybase64.b64decode(event["delta"]))
        except PlaybackError as error:
            raise click.ClickException(str(error)) from error

    async def _be_interrupted(self) -> None:
        """The user speaks: be silent, and tell the server what was heard (protocol 5.10)."""
        for cut in self._speaker.stop():
            click.secho(f" [interrupted after {cut.played_ms / 1000:.1f} s]", dim=True, nl=False)
            await self._connection.send(
                {
                    "type": "conversation.item.truncate",
                    "item_id": cut.item_id,
                    "content_index": 0,
                    "audio_end_ms": cut.played_ms,
                }
            )

    @staticmethod
    def _report_failure(response: Event) -> None:
        if response["status"] == "failed":
            error = (response.get("status_details") or {}).get("error") or {}
            click.secho(f"No answer: {error.get('message', 'it failed')}", fg="red")
