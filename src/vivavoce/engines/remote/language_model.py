"""A language model elsewhere."""

from collections.abc import AsyncGenerator

import msgspec

from vivavoce.engines.base import ModelOutput, SpeechAbilities
from vivavoce.engines.remote.description import Description
from vivavoce.engines.remote.engine import RemoteEngine
from vivavoce.engines.remote.host import RemoteHost
from vivavoce.engines.remote.messages import Generate, Selector, decoded
from vivavoce.protocol.prompt import Prompt

_outputs: msgspec.msgpack.Decoder[ModelOutput] = msgspec.msgpack.Decoder(ModelOutput)


class RemoteLanguageModel(RemoteEngine):
    """A `LanguageModel`."""

    def __init__(self, host: RemoteHost, engine: Selector, known: Description) -> None:
        super().__init__(host, engine, known)
        self.speech = known.speech or SpeechAbilities()

    async def generate(self, prompt: Prompt) -> AsyncGenerator[ModelOutput, None]:
        """Answer a prompt. Raises `EngineError`."""
        job = await self._begin(Generate(prompt))
        try:
            while (piece := await job.piece()) is not None:
                yield decoded(_outputs, piece)
        finally:
            job.leave()
