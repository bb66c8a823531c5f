"""Any Wyoming service that speaks: wyoming-piper, Kokoro, Microsoft's and Google's bridges, …

One connection per clause; closing the iterator, or cancelling the task that reads it, closes the
connection.
"""

from collections.abc import AsyncGenerator, Mapping
from typing import Any, ClassVar, Self

import numpy as np

from vivavoce.audio.pcm import SampleJoiner, to_pcm, to_samples
from vivavoce.audio.resample import Resampler
from vivavoce.audio.units import BYTES_PER_SAMPLE, INNER_RATE
from vivavoce.engines.base import EngineError, SpeechChunk, UnspokenLanguageError, Voice
from vivavoce.engines.tts.whole_characters import whole_characters
from vivavoce.engines.wyoming.events import AudioFormat, Event, Info, Model
from vivavoce.engines.wyoming.service import Connection, Limits, Service, matching
from vivavoce.protocol.voices import OPENAI_VOICES, Voices


class WyomingSynthesizer:
    """A voice at `uri`, `tcp://HOST:PORT` or `unix:///PATH`.

    `voice` is the usual one, as the service names it, or `NAME#SPEAKER` of a voice with several;
    without it the service takes its own choice. `voices` says what it calls the voices that
    clients name; those of OpenAI that are not in it are spoken by the usual voice, and the
    service's own can be named too. `Voice.language` turns to a voice of that language, if the one
    that was named speaks another. The protocol has no pace: `Voice.speed` has no effect.

    The service is sent pieces of text where it streams (`supports_synthesize_streaming`), and
    speaks the first sentence before it has made the last. There are no word times.
    """

    name: ClassVar[str] = "wyoming"

    sample_rate = INNER_RATE

    def __init__(
        self,
        uri: str,
        voice: str | None = None,
        voices: Mapping[str, str] | None = None,
        timeouts: Limits = None,
    ) -> None:
        self._service = Service(uri, timeouts)
        self._usual = voice
        self._names = dict(voices or {})
        self._known: dict[str, Model] = {}
        self._streams = False

    @classmethod
    def from_spec(cls, spec: str) -> Self:
        """Make one from a URI, as in `tcp://localhost:10200`."""
        return cls(spec.strip())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._service.uri!r})"

    @property
    def voices(self) -> Voices:
        """The names, and the service's own voices with their speakers; before `load`, any name."""
        if not self._known:
            return Voices(names=(*OPENAI_VOICES, *self._names), others=".*")
        speakers = [
            f"{name}#{speaker.name}"
            for name, voice in self._known.items()
            for speaker in voice.speakers or ()
        ]
        return Voices(names=(*OPENAI_VOICES, *self._names, *self._known, *speakers))

    def load(self) -> None:
        """Ask the service for its voices.

        Raises `EngineError` where it cannot be reached, does not speak, or lacks a voice that the
        settings name.
        """
        info = self._service.describe()
        if not info.tts:
            offered = "it recognises speech" if info.asr else "nor recognise speech"
            raise EngineError(
                f"{self._service.uri} does not speak ({offered})", code="invalid_configuration"
            )
        self._known = _voices(info)
        self._streams = info.tts[0].supports_synthesize_streaming
        for named in (self._usual, *self._names.values()):
            if named is not None:
                self._checked(named)

    async def close(self) -> None:
        """Nothing to free: connections end with their requests."""

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[SpeechChunk]:
        """Speak `text`, in chunks as they come.

        Raises `EngineError`, also for a voice or language that the service does not have.
        """
        if not text.strip():
            return
        chosen = self._voice(voice)
        async with self._service.connection() as connection:
            connection.send(self._request(whole_characters(text), chosen))
            speech: _Speech | None = None
            while True:
                event = await connection.receive()
                match event.type:
                    case "audio-start" if speech is None:
                        speech = _Speech(connection, connection.fields(event, AudioFormat))
                    case "audio-chunk" if event.payload:
                        speech = speech or _Speech(
                            connection, connection.fields(event, AudioFormat)
                        )
                        yield SpeechChunk(speech.push(event.payload))
                    case "audio-stop" if not self._streams:
                        break
                    case "synthesize-stopped":
                        break
            if speech is None or not speech.came:
                raise connection.failure("answered without any audio", "invalid_response")
            yield SpeechChunk(speech.flush())

    def _request(self, text: str, voice: dict[str, str]) -> list[Event]:
        chosen: dict[str, Any] = {"voice": voice} if voice else {}
        whole = Event("synthesize", {"text": text, **chosen})
        if not self._streams:
            return [whole]
        return [
            Event("synthesize-start", chosen),
            Event("synthesize-chunk", {"text": text}),
            whole,  # the protocol demands it, and services that stream pass it over
            Event("synthesize-stop"),
        ]

    def _voice(self, voice: Voice) -> dict[str, str]:
        """The `voice` of a request."""
        named = self._names.get(voice.name)
        if named is None:
            openai = voice.name in OPENAI_VOICES and voice.name not in self._known
            named = self._usual if openai else voice.name
        known = self._checked(named) if named is not None else None
        if voice.language and (known is None or not matching(voice.language, known.languages)):
            return self._of_language(voice.language)
        if named is None:
            return {}
        name, _, speaker = named.partition("#")
        return {"name": name, "speaker": speaker} if speaker else {"name": name}

    def _of_language(self, language: str) -> dict[str, str]:
        tags = [tag for each in self._known.values() for tag in each.languages]
        tag = matching(language, tags)
        if tag is None:
            known = ", ".join(sorted(set(tags))) or "none that it names"
            raise UnspokenLanguageError(
                f"{self._service.uri} has no voice for the language {language!r}; it speaks {known}"
            )
        return {"language": tag}

    def _checked(self, named: str) -> Model:
        """What the service says about a voice."""
        name, _, speaker = named.partition("#")
        known = self._known.get(name)
        if known is None:
            names = ", ".join(self._known) or "none that it names"
            raise EngineError(
                f"{self._service.uri} has no voice {name!r}; it has {names}", code="unknown_voice"
            )
        speakers = [each.name for each in known.speakers or ()]
        if speaker and speaker not in speakers:
            raise EngineError(
                f"{self._service.uri}: the voice {name} has no speaker {speaker!r}; it has "
                f"{', '.join(speakers) or 'only one, who has no name'}",
                code="unknown_voice",
            )
        return known


class _Speech:
    """The audio of one answer: from what the service sends to mono int16 PCM at 24 kHz."""

    def __init__(self, connection: Connection, form: AudioFormat) -> None:
        if form.width != BYTES_PER_SAMPLE or form.channels not in (1, 2) or form.rate <= 0:
            raise connection.failure(
                f"speaks in {form.channels} channel(s) of {8 * form.width} bits at {form.rate} Hz; "
                "16 bits in one or two channels are needed",
                "invalid_response",
            )
        self.came = False
        self._stereo = form.channels == 2
        self._joiner = SampleJoiner()
        self._odd = b""
        self._resampler = Resampler(form.rate, INNER_RATE)

    def push(self, payload: bytes) -> bytes:
        self.came = True
        pcm = self._joiner.push(payload)
        return self._resampler.push(self._mixed(pcm) if self._stereo else pcm)

    def flush(self) -> bytes:
        return self._resampler.flush()

    def _mixed(self, pcm: bytes) -> bytes:
        pcm = self._odd + pcm
        whole = len(pcm) // 4 * 4
        self._odd = pcm[whole:]
        return to_pcm(to_samples(pcm[:whole]).reshape(-1, 2).mean(axis=1, dtype=np.float32))


def _voices(info: Info) -> dict[str, Model]:
    """The installed voices, by name."""
    return {
        voice.name: voice for program in info.tts for voice in program.voices if voice.installed
    }
