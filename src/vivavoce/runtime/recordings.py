"""What a user has said, kept for a model that hears it itself.

The session names speech by item and position (`AudioClip`); here are the samples, as they are
heard: with less noise, where that is asked for. This is apart from the audio that clients may
retrieve, which an operator may wish to be kept for longer, or not at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from vivavoce.audio.resample import convert
from vivavoce.audio.units import BYTES_PER_SAMPLE, INNER_RATE
from vivavoce.protocol.prompt import UNKEPT, AudioClip, Message, Prompt
from vivavoce.protocol.session_config import DEFAULT_FORMAT, AudioFormat
from vivavoce.runtime.input_audio import KeptAudio, Tape, input_decoder

KEPT_S = 120.0
"""Seconds of speech that are kept of a conversation, and the newest item in any case. The session
asks for less (`Limits.hears_again_ms`), but in the order of the conversation, into which a client
may insert what it likes where it likes."""


@dataclass(frozen=True, slots=True)
class Recording:
    """An item's samples; the first lies at `start`, in samples at 24 kHz."""

    kept: KeptAudio
    start: int = 0

    def of(self, clip: AudioClip) -> bytes:
        """The samples of a clip: mono int16 at 24 kHz. May take a moment."""
        pcm = self.kept.audio
        if self.kept.format != DEFAULT_FORMAT:
            decoder = input_decoder(self.kept.format)
            pcm = decoder.push(pcm)
        first, last = (
            max(position - self.start, 0) * BYTES_PER_SAMPLE for position in (clip.start, clip.end)
        )
        return pcm[first:last]


class Recordings:
    """One session's recordings; what is not an item yet is still on the tape."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._kept: dict[str, Recording] = {}
        self._lent: dict[str, Recording] = {}

    def keep(self, clip: AudioClip) -> None:
        """This part of the tape is an item's now; call it before the tape lets go of that."""
        audio = KeptAudio(self._tape.read(clip.start, clip.end), DEFAULT_FORMAT)
        self._retain(clip.item_id, Recording(audio, clip.start))

    def keep_clip(self, item_id: str, audio: bytes, audio_format: AudioFormat) -> None:
        """An item came with audio of its own."""
        self._retain(item_id, Recording(KeptAudio(audio, audio_format)))

    def lend(self, item_id: str, audio: bytes, audio_format: AudioFormat) -> None:
        """A response has audio of its own in its input, until that is dropped.

        It takes nothing of what is kept of the conversation.
        """
        self._lent[item_id] = Recording(KeptAudio(audio, audio_format))

    def drop(self, item_id: str) -> None:
        """Forget an item's recording."""
        self._kept.pop(item_id, None)
        self._lent.pop(item_id, None)

    def find(self, prompt: Prompt) -> dict[AudioClip, Recording]:
        """The recordings of the speech in a prompt, as far as they are there."""
        clips = [clip for message in prompt.messages for clip in message.speech]
        found = {clip: self._recording(clip) for clip in clips}
        return {clip: one for clip, one in found.items() if one is not None}

    def _recording(self, clip: AudioClip) -> Recording | None:
        kept = self._kept.get(clip.item_id) or self._lent.get(clip.item_id)
        if kept is not None:
            return kept
        pcm = self._tape.read(clip.start, clip.end)
        whole = len(pcm) == (clip.end - clip.start) * BYTES_PER_SAMPLE
        return Recording(KeptAudio(pcm, DEFAULT_FORMAT), clip.start) if pcm and whole else None

    def _retain(self, item_id: str, recording: Recording) -> None:
        self._kept[item_id] = recording
        total_s = sum(one.kept.seconds for one in self._kept.values())
        while total_s > KEPT_S and len(self._kept) > 1:
            oldest = next(iter(self._kept))
            total_s -= self._kept.pop(oldest).kept.seconds


def with_speech(
    prompt: Prompt, found: Mapping[AudioClip, Recording], words: Mapping[str, str], rate: int
) -> Prompt:
    """The prompt with the samples of its speech at `rate` hertz, as the model is given it.

    Where a recording is gone, the item's `words` are read, or it is told that they are not known.
    Blocks, for milliseconds: call it in a thread.
    """
    messages = tuple(filled(message, found, words, rate) for message in prompt.messages)
    return replace(prompt, messages=messages)


def filled(
    message: Message, found: Mapping[AudioClip, Recording], words: Mapping[str, str], rate: int
) -> Message:
    """A message with the samples of its speech."""
    speech = tuple(
        replace(clip, pcm=convert(found[clip].of(clip), INNER_RATE, rate))
        for clip in message.speech
        if clip in found
    )
    read = (words.get(clip.item_id, UNKEPT) for clip in message.speech if clip not in found)
    return replace(message, text=" ".join(filter(None, (message.text, *read))), speech=speech)
