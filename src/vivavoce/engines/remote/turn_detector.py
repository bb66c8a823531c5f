"""A turn detector elsewhere."""

import msgspec

from vivavoce.engines.base import EngineError
from vivavoce.engines.remote.description import Description
from vivavoce.engines.remote.engine import RemoteEngine
from vivavoce.engines.remote.host import RemoteHost
from vivavoce.engines.remote.messages import End, Judge, Selector, decoded

_verdicts = msgspec.msgpack.Decoder(float)


class RemoteTurnDetector(RemoteEngine):
    """A `TurnDetector`."""

    def __init__(self, host: RemoteHost, engine: Selector, known: Description) -> None:
        super().__init__(host, engine, known)
        self.sample_rate = known.sample_rate
        self.hears_s = known.hears_s

    async def judge(self, audio: bytes) -> float:
        """The probability that the turn is complete. Raises `EngineError`."""
        job = await self._begin(Judge(audio))
        try:
            answer = await job.answer()
        finally:
            job.leave()
        if not isinstance(answer, End):
            raise EngineError("the turn detector answered with a part")
        return decoded(_verdicts, answer.value)
