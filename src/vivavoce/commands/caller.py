"""A caller who speaks recorded clips, through OpenAI's own client, in real time.

The microphone is never switched off, and the loudspeaker plays an answer from its first sample
on: this is what makes the times that are measured here those of a real call.
"""

import asyncio
import base64
import time
from dataclasses import dataclass, field

from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import (
    ConversationItemInputAudioTranscriptionCompletedEvent,
    ConversationItemInputAudioTranscriptionFailedEvent,
    ConversationItemTruncatedEvent,
    InputAudioBufferSpeechStartedEvent,
    InputAudioBufferSpeechStoppedEvent,
    RealtimeErrorEvent,
    RealtimeServerEvent,
    ResponseAudioDeltaEvent,
    ResponseAudioDoneEvent,
    ResponseAudioTranscriptDeltaEvent,
    ResponseDoneEvent,
    ResponseOutputItemAddedEvent,
)
from openai.types.realtime.realtime_response import RealtimeResponse

from vivavoce.audio.units import BYTES_PER_MS
from vivavoce.speech import Clip

FRAME_MS = 20
SILENCE = bytes(FRAME_MS * BYTES_PER_MS)


class CallError(Exception):
    """The server reported that something cannot be done; the text is its own."""


class Microphone:
    """Sends a frame every 20 ms: of the clip that is being said, or of silence."""

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self._connection = connection
        self._said = 0
        self._clip: Clip | None = None
        self.last_voiced_at = 0.0
        """When the last voiced sample was sent, by the clock `time.monotonic`."""

    def say(self, clip: Clip) -> None:
        """Begin to say a clip with the next frame."""
        self._clip, self._said = clip, 0

    async def run(self) -> None:
        """Send until cancelled. A frame that is late does not delay the next ones."""
        due = time.monotonic()
        while True:
            frame = self._frame()
            await self._connection.input_audio_buffer.append(audio=base64.b64encode(frame).decode())
            due += FRAME_MS / 1000
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def _frame(self) -> bytes:
        clip = self._clip
        if clip is None:
            return SILENCE
        begin, self._said = self._said, self._said + len(SILENCE)
        if begin < clip.offset_ms * BYTES_PER_MS <= self._said:
            self.last_voiced_at = time.monotonic()
        if self._said >= len(clip.pcm):
            self._clip = None
        return clip.pcm[begin : self._said].ljust(len(SILENCE), b"\0")


@dataclass(slots=True)
class Turn:
    """What came back for one thing said. `at` has the time of each stage, as `time.monotonic`."""

    heard: str | None = None
    text: str = ""
    audio: bytearray = field(default_factory=bytearray)
    item_id: str | None = None
    response: RealtimeResponse | None = None
    at: dict[str, float] = field(default_factory=dict)

    def note(self, event: RealtimeServerEvent, now: float) -> None:
        """Take down an event. Raises `CallError` for one that reports a failure."""
        match event:
            case InputAudioBufferSpeechStartedEvent():
                self.at.setdefault("speech started", now)
            case InputAudioBufferSpeechStoppedEvent():
                self.at["endpoint"] = now
            case ConversationItemInputAudioTranscriptionCompletedEvent():
                self.heard = event.transcript
                self.at["final transcript"] = now
            case ConversationItemInputAudioTranscriptionFailedEvent():
                raise CallError(f"the speech was not recognised: {event.error.message}")
            case ResponseOutputItemAddedEvent():
                # It is opened with the model's first token, which tells a message from a call.
                self.at.setdefault("first token", now)
            case ResponseAudioTranscriptDeltaEvent():
                self.text += event.delta
            case ResponseAudioDeltaEvent():
                self.at.setdefault("first audio", now)
                self.item_id = event.item_id
                self.audio += base64.b64decode(event.delta)
            case ResponseAudioDoneEvent():
                self.at["last audio"] = now
            case ConversationItemTruncatedEvent():
                self.at["truncated"] = now
            case ResponseDoneEvent():
                self.response = event.response
            case RealtimeErrorEvent():
                raise CallError(event.error.message)
            case _:
                pass

    @property
    def audio_ms(self) -> int:
        """How long the received speech is."""
        return len(self.audio) // BYTES_PER_MS

    def played_ms(self, now: float) -> int:
        """How much of it the loudspeaker has played by now."""
        if "first audio" not in self.at:
            return 0
        return min(int(1000 * (now - self.at["first audio"])), self.audio_ms)

    async def played_to_the_end(self) -> None:
        """Wait until all that was received has been played."""
        await asyncio.sleep((self.audio_ms - self.played_ms(time.monotonic())) / 1000)

    def stages(self, last_voiced_at: float) -> list[tuple[str, float]]:
        """The turn's waterfall as the caller saw it, in milliseconds after the last voice."""
        wanted = ("endpoint", "final transcript", "first token", "first audio", "last audio")
        return [(name, 1000 * (self.at[name] - last_voiced_at)) for name in wanted]
