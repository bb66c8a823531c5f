"""A voice in one of LocalAI's backends: piper, kokoro, coqui, chatterbox, …

Closing the iterator, or cancelling the task that reads it, cancels the call.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from vivavoce.audio.resample import Resampler, convert
from vivavoce.audio.units import INNER_RATE
from vivavoce.audio.wav import read_wav
from vivavoce.audio.wav_stream import SpeechStream
from vivavoce.engines.base import EngineError, SpeechChunk, Voice
from vivavoce.engines.limits import limits_of
from vivavoce.engines.localai.opening import prepared
from vivavoce.engines.localai.settings import BackendSettings, BackendTimeouts, Limits, check_fields
from vivavoce.engines.localai.shared_files import shared_file
from vivavoce.engines.tts.whole_characters import whole_characters
from vivavoce.protocol.voices import OPENAI_VOICES

if TYPE_CHECKING:
    from vivavoce.engines.localai.calls import Backend

_STREAM_RATE = 16_000
"""Hertz, where a backend does not say it: LocalAI's own assumption."""


class LocalAISynthesizer:
    """A voice in the backend at `address`.

    `load`, `api_key` and `timeouts` are as in `BackendSettings`. `model` goes with each request:
    for piper the path of the voice's file. `voice` is the usual one, `voices` says what the
    backend calls those that clients name, and those of OpenAI that are not in it are spoken by
    the usual voice. `params` are the protocol's, such as `{speed: "1.2"}`, where a backend knows
    any; `Voice.speed` has no place in it and no effect.

    Speech comes through a file, whole: the backend has to run on this machine, as the same user
    or as one who may write everywhere, or `folder` is one that both see under the same path.
    `stream` uses the method that sends speech as it is made, on which backends without it hang.
    """

    name: ClassVar[str] = "localai"

    sample_rate = INNER_RATE

    def __init__(
        self,
        address: str,
        load: Mapping[str, Any] | None = None,
        model: str = "",
        voice: str = "",
        voices: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        folder: str | None = None,
        stream: bool = False,
        api_key: str | None = None,
        timeouts: Limits = None,
    ) -> None:
        self._settings = BackendSettings(
            address, load or {}, api_key, limits_of(BackendTimeouts, timeouts)
        )
        self._request = {"model": model, "params": dict(params or {})}
        check_fields("the engine", "TTSRequest", self._request)
        self._usual = voice
        self._names = dict(voices or {})
        self._folder = folder
        self._stream = stream
        self._backend: Backend | None = None

    @classmethod
    def from_spec(cls, spec: str) -> Self:
        """Make one from an address, as in `127.0.0.1:50051`."""
        return cls(spec.strip())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._settings.address!r})"

    def load(self) -> None:
        """Ask whether the backend is there, and have it load the model.

        Raises `MissingDependencyError` without gRPC, and `EngineError`.
        """
        self._backend = prepared(self._settings)

    async def close(self) -> None:
        """Close the connection to the backend."""
        backend, self._backend = self._backend, None
        if backend is not None:
            await backend.close()

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[SpeechChunk]:
        """Speak `text`, in one chunk, or as they come where `stream` is set.

        Raises `EngineError`.
        """
        if self._backend is None:
            raise EngineError("localai is not loaded")
        if not text.strip():
            return
        request = self._request | {
            "text": whole_characters(text),
            "voice": self._named(voice.name),
        }
        if voice.language:
            request["language"] = voice.language
        speech = self._streamed if self._stream else self._whole
        async with aclosing(speech(self._backend, request)) as pieces:
            async for pcm in pieces:
                yield SpeechChunk(pcm)

    async def _whole(self, backend: "Backend", request: dict[str, Any]) -> AsyncGenerator[bytes]:
        with shared_file(self._folder) as path:
            result = await backend.ask("TTS", request | {"dst": str(path)})
            if not result.success:
                raise self._failure(f"cannot speak: {result.message}", "server_error")
            pcm = await asyncio.to_thread(self._read, path)
        yield pcm

    async def _streamed(self, backend: "Backend", request: dict[str, Any]) -> AsyncGenerator[bytes]:
        speech, resampler = SpeechStream(_STREAM_RATE), None
        async with aclosing(backend.replies("TTSStream", request)) as replies:
            async for reply in replies:
                if resampler is None:
                    speech.rate = _rate(reply.message) or speech.rate
                pcm = self._samples(speech, reply.audio)
                if pcm:
                    resampler = resampler or Resampler(speech.rate, INNER_RATE)
                    yield resampler.push(pcm)
        if resampler is None:
            raise self._failure("answered without any audio", "invalid_response")
        yield resampler.flush()

    def _samples(self, speech: SpeechStream, audio: bytes) -> bytes:
        try:
            return speech.push(audio)
        except ValueError as error:
            raise self._failure(f"answered with {error}", "invalid_response") from None

    def _read(self, path: Path) -> bytes:
        try:
            pcm, rate = read_wav(path)
        except OSError as error:
            raise self._failure(
                f"left no speech in {path}: {error.strerror}. Does it see this folder, and may it "
                "write there?",
                "invalid_response",
            ) from error
        except ValueError as error:
            raise self._failure(f"left what is {error}", "invalid_response") from error
        return convert(pcm, rate, INNER_RATE)

    def _named(self, name: str) -> str:
        usual = self._usual if name in OPENAI_VOICES else name
        return self._names.get(name, usual)

    def _failure(self, text: str, code: str) -> EngineError:
        return EngineError(f"the backend at {self._settings.address} {text}", code=code)


def _rate(message: bytes) -> int | None:
    """The sample rate that the first reply of a stream may tell, as `{"sample_rate": 24000}`."""
    try:
        told = json.loads(message or b"{}")
        return int(told["sample_rate"]) or None
    except (ValueError, TypeError, KeyError):
        return None
