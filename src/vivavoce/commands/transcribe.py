"""`vivavoce transcribe`: a file through a transcription session, its text with times.

The server's own turn detection cuts the file into utterances. The times are those of the protocol:
a little silence before the first word and the silence that ended the utterance belong to it.
"""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from vivavoce.audio.resample import convert
from vivavoce.audio.units import BYTES_PER_MS, INNER_RATE
from vivavoce.audio.wav import read_wav
from vivavoce.commands.client import Event, RealtimeConnection, connect, refusal
from vivavoce.commands.failures import first_failure
from vivavoce.commands.hosting import base_url
from vivavoce.config import Settings

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar  # click has no public name for it


CHUNK_MS = 100

SETTINGS = {"type": "transcription", "audio": {"input": {"transcription": {"model": "whisper-1"}}}}
"""Without a transcription model a session hears, but does not say what."""

TAIL = bytes(2000 * BYTES_PER_MS)
"""Silence behind the file, so that its last utterance ends. The server acts on what comes behind it
when it has scored it all."""

LONG_MS = 10_000
"""From here on a file gets a progress bar."""

ERASE_LINE = "\r\033[K"


@dataclass(slots=True)
class Utterance:
    """Speech between two pauses, in milliseconds of the file. It ends as a text or a failure."""

    start_ms: int
    end_ms: int = 0
    text: str | None = None
    failure: str | None = None


async def run(
    path: Path,
    *,
    settings: Settings,
    url: str | None,
    api_key: str | None = None,
    realtime: bool,
    as_json: bool,
) -> None:
    """Transcribe a WAV file and print its utterances as they come.

    A file without speech prints nothing to standard output, and says so on standard error.

    Raises `click.ClickException` for a file that cannot be read, for a server that cannot be
    reached and, after all else was printed, for utterances that were not recognised.
    """
    pcm = await asyncio.to_thread(read, path)
    length_ms = len(pcm) // BYTES_PER_MS
    async with (
        base_url(url, settings) as base,
        connect(base, api_key=api_key, intent="transcription") as connection,
    ):
        transcript = Transcript(length_ms, as_json=as_json)
        with first_failure(), transcript.bar:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(send(connection, pcm, realtime=realtime))
                await receive(connection, transcript)
            transcript.end()
    if not transcript.found:
        click.echo("No speech found.", err=True)
    if transcript.failed:
        raise click.ClickException(f"{transcript.failed} utterance(s) were not recognised.")


def read(path: Path) -> bytes:
    """The file as 24 kHz PCM. Raises `click.ClickException` if that cannot be had."""
    try:
        pcm, rate = read_wav(path)
    except ValueError as error:
        raise click.ClickException(
            f"{path}: {error}. Convert it: ffmpeg -i {path} -ac 1 -c:a pcm_s16le converted.wav"
        ) from error
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from error
    return pcm if rate == INNER_RATE else convert(pcm, rate, INNER_RATE)


async def send(connection: RealtimeConnection, pcm: bytes, *, realtime: bool) -> None:
    """Ask for transcripts, append the file and some silence, then what is answered behind it all.

    With `realtime` a second of audio takes a second.
    """
    await connection.send({"type": "session.update", "session": SETTINGS})
    loop = asyncio.get_running_loop()
    due = loop.time()
    for begin in range(0, len(pcm), CHUNK_MS * BYTES_PER_MS):
        await connection.append(pcm[begin : begin + CHUNK_MS * BYTES_PER_MS])
        if realtime:
            due += CHUNK_MS / 1000
            await asyncio.sleep(max(0.0, due - loop.time()))
    await connection.append(TAIL)
    await connection.send({"type": "input_audio_buffer.clear"})


async def receive(connection: RealtimeConnection, transcript: "Transcript") -> None:
    """Take events until all audio was heard and all that was heard is known."""
    cleared = False
    async for event in connection:
        if event["type"] == "error":
            raise refusal(event)
        cleared = cleared or event["type"] == "input_audio_buffer.cleared"
        transcript.note(event)
        if cleared and not transcript.waiting:
            return
    raise click.ClickException("The server closed the connection before the end of the file.")


class Transcript:
    """Prints utterances in the order in which they were spoken, as soon as they are known.

    A file of `length_ms` has a progress bar if it is long; it goes as far as the text is known.
    `as_json` prints a JSON object per line.
    """

    def __init__(self, length_ms: int, *, as_json: bool) -> None:
        self._length_ms = length_ms
        self._as_json = as_json
        self._known_ms = 0
        self._over_bar = length_ms >= LONG_MS and sys.stderr.isatty()
        self.bar: ProgressBar[int] = click.progressbar(
            length=length_ms, file=sys.stderr, hidden=not self._over_bar, show_eta=False
        )
        self.waiting: dict[str, Utterance] = {}
        """By item id, what is not known yet or comes behind something that is not."""
        self.found = 0
        """Utterances so far, those that were not recognised among them."""
        self.failed = 0

    def note(self, event: Event) -> None:
        """Take down an event of the server."""
        match event["type"]:
            case "input_audio_buffer.speech_started":
                self.waiting[event["item_id"]] = Utterance(event["audio_start_ms"])
            case "input_audio_buffer.speech_stopped":
                self.waiting[event["item_id"]].end_ms = event["audio_end_ms"]
            case "conversation.item.input_audio_transcription.completed":
                self.waiting[event["item_id"]].text = event["transcript"]
                self._print_known()
            case "conversation.item.input_audio_transcription.failed":
                self.waiting[event["item_id"]].failure = event["error"]["message"]
                self._print_known()

    def _print_known(self) -> None:
        for item_id, utterance in list(self.waiting.items()):
            if utterance.text is None and utterance.failure is None:
                return
            del self.waiting[item_id]
            self._print(utterance)
            self._advance(utterance.end_ms)

    def end(self) -> None:
        """All is known."""
        self._advance(self._length_ms)

    def _advance(self, ms: int) -> None:
        known_ms = min(ms, self._length_ms)
        self.bar.update(known_ms - self._known_ms)
        self._known_ms = known_ms

    def _print(self, utterance: Utterance) -> None:
        self.found += 1
        if self._over_bar:
            click.echo(ERASE_LINE, nl=False, err=True)
        if utterance.failure is not None:
            self.failed += 1
            times = f"{clock(utterance.start_ms)} - {clock(utterance.end_ms)}"
            click.secho(f"{times}  {utterance.failure}", fg="red", err=True)
        elif self._as_json:
            fields = {"start_ms": utterance.start_ms, "end_ms": utterance.end_ms}
            click.echo(msgspec.json.encode(fields | {"text": utterance.text}))
        else:
            times = f"{clock(utterance.start_ms)} - {clock(utterance.end_ms)}"
            click.echo(f"{click.style(times, dim=True)}  {utterance.text}")


def clock(ms: int) -> str:
    """`01:02.345`, minutes and seconds."""
    minutes, rest = divmod(ms, 60_000)
    return f"{minutes:02}:{rest / 1000:06.3f}"
