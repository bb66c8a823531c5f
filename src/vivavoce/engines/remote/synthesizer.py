"""A synthesiser elsewhere."""

from collections.abc import AsyncGenerator

import msgspec

from vivavoce.engines.base import SpeechChunk, Voice
from vivavoce.engines.remote.description import Description
from vivavoce.engines.remote.engine import RemoteEngine
from vivavoce.engines.remote.host import RemoteHost
from vivavoce.engines.remote.messages import Selector, Synthesize, decoded
from vivavoce.protocol.voices import Voices

_chunks = msgspec.msgpack.Decoder(SpeechChunk)


class RemoteSynthesizer(RemoteEngine):
    """A `SpeechSynthesizer`; it `HasVoices` from when they are known, which may be its load."""

    voices: Voices

    def __init__(self, host: RemoteHost, engine: Selector, known: Description) -> None:
        super().__init__(host, engine, known)
        self.sample_rate = known.sample_rate
        self._learn(known)

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[SpeechChunk, None]:
        """Speak a text. Raises `EngineError`."""
        job = await self._begin(Synthesize(text, voice))
        try:
            while (piece := await job.piece()) is not None:
                yield decoded(_chunks, piece)
        finally:
            job.leave()

    def _learn(self, told: Description) -> None:
        if told.voices is not None:
            self.voices = told.voices
