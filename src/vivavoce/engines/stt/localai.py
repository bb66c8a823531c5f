"""Recognition in one of LocalAI's backends: whisper.cpp, faster-whisper, parakeet, …

Cancelling the task that awaits it cancels the call.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, ClassVar, Self

from vivavoce.audio.wav import write_wav
from vivavoce.engines.base import EngineError, Hint, Transcript
from vivavoce.engines.limits import limits_of
from vivavoce.engines.localai.opening import prepared
from vivavoce.engines.localai.settings import BackendSettings, BackendTimeouts, Limits
from vivavoce.engines.localai.shared_files import shared_file
from vivavoce.engines.stt.deltas import HeldDeltas
from vivavoce.engines.stt.languages import primary_language
from vivavoce.engines.stt.noise import Evidence, NoiseRules, is_noise, voiced_ms
from vivavoce.engines.stt.openai_compatible import code_of
from vivavoce.protocol.abilities import HearingAbilities

if TYPE_CHECKING:
    from vivavoce.engines.localai.calls import Backend


class LocalAIRecognizer:
    """A recogniser in the backend at `address`.

    `load`, `api_key` and `timeouts` are as in `BackendSettings`. Audio goes through a file: the
    backend has to run on this machine, as the same user or as one who may read all files, or
    `folder` is one that both see under the same path. `stream` uses the method for transcripts in
    pieces, on which older backends without it hang. `threads` are those of the backend (4). The
    rules of `noise` are changed as in `NoiseRules`. Keywords go into the prompt.
    """

    name: ClassVar[str] = "localai"

    sample_rate = 16_000

    abilities = HearingAbilities(keywords=True)

    def __init__(
        self,
        address: str,
        load: Mapping[str, Any] | None = None,
        folder: str | None = None,
        stream: bool = False,
        threads: int = 4,
        noise: Mapping[str, Any] | None = None,
        api_key: str | None = None,
        timeouts: Limits = None,
    ) -> None:
        self._settings = BackendSettings(
            address, load or {}, api_key, limits_of(BackendTimeouts, timeouts)
        )
        self._folder = folder
        self._stream = stream
        self._threads = threads
        self._noise = NoiseRules.of(noise)
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

    async def recognize(
        self, audio: bytes, hint: Hint, on_delta: Callable[[str], None]
    ) -> Transcript:
        """Recognise one utterance; empty text if it was noise. Raises `EngineError`.

        Audio without any sound is not sent.
        """
        if self._backend is None:
            raise EngineError("localai is not loaded")
        sound_ms = voiced_ms(audio, self.sample_rate, self._noise)
        if sound_ms < self._noise.least_voiced_ms:
            return Transcript(text="")
        deltas = HeldDeltas(on_delta, self._noise)
        with shared_file(self._folder) as path:
            await asyncio.to_thread(write_wav, path, audio, self.sample_rate)
            request = self._request(str(path), hint)
            text, language = await self._heard(self._backend, request, deltas)
        if not deltas.sent and is_noise(text, Evidence(voiced_ms=sound_ms), self._noise):
            return Transcript(text="", language=language)
        if text.startswith(deltas.text):
            deltas.text = text
        return Transcript(text=deltas.finish(), language=language)

    async def _heard(
        self, backend: "Backend", request: dict[str, Any], deltas: HeldDeltas
    ) -> tuple[str, str | None]:
        """The whole text, and its language."""
        if not self._stream:
            result = await backend.ask("AudioTranscription", request)
            return result.text.strip(), code_of(result.language)
        text, language = "", None
        streamed = backend.replies("AudioTranscriptionStream", request | {"stream": True})
        async with aclosing(streamed) as replies:
            async for reply in replies:
                deltas.push(reply.delta)
                text = reply.final_result.text.strip() or text
                language = code_of(reply.final_result.language) or language
        return text or deltas.text.strip(), language

    def _request(self, path: str, hint: Hint) -> dict[str, Any]:
        prompt = "\n".join(part for part in (", ".join(hint.keywords), hint.prompt) if part)
        return {
            "dst": path,
            "language": primary_language(hint.language) if hint.language else "",
            "threads": self._threads,
            "prompt": prompt,
        }
