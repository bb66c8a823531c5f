"""Models that hear and speak by themselves, behind any server with OpenAI's chat completions.

The user's speech goes there as it is, in `input_audio` parts, and the answer comes back as speech
with its transcript (`modalities: [text, audio]`): gpt-audio, Qwen-Omni on vLLM-Omni or at its
makers', and others. What servers do differently stands in `speech_chat_stream`.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

from vivavoce.audio.units import INNER_RATE
from vivavoce.engines.base import EngineError, SpeechAbilities
from vivavoce.engines.llm.chat_stream import ChatStream
from vivavoce.engines.llm.openai_compatible import OpenAICompatibleModel
from vivavoce.engines.llm.speech_chat_stream import SpeechChatStream
from vivavoce.protocol.prompt import Prompt

NO_VOICES: Mapping[str, str] = {}


class SpeechChatModel(OpenAICompatibleModel):
    """A model on a chat completions server that is sent speech and sends speech.

    Everything `OpenAICompatibleModel` takes, but `tools: constrained`: speech cannot be held to a
    JSON schema. `voices` maps the voices that clients ask for to the server's; others go there as
    they are. `audio_format` is what the server calls the sound that it is asked for: `pcm16` at
    OpenAI, `wav` at some others. With `hears` or `speaks` False it is a model for one of the two.
    """

    name: ClassVar[str] = "openai-speech"

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        voices: Mapping[str, str] = NO_VOICES,
        audio_format: Literal["pcm16", "wav"] = "pcm16",
        hears: bool = True,
        speaks: bool = True,
        api_key: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(base_url, model, api_key=api_key, **options)
        if speaks and self._options.tools == "constrained":
            text = "tools: constrained is for models that write; this one speaks"
            raise EngineError(text, code="invalid_configuration")
        self.speech = SpeechAbilities(hears=hears, speaks=speaks, sample_rate=INNER_RATE)
        self._voices = dict(voices)
        self._format = audio_format

    def request_for(self, prompt: Prompt) -> dict[str, Any]:
        """The body of the request; what `extra_body` says goes over it."""
        return self._modalities(prompt) | super().request_for(prompt)

    def stream_for(self, prompt: Prompt) -> Callable[[], ChatStream]:
        """Makes what reads the answer, for each attempt anew."""
        if prompt.voice is None:
            return super().stream_for(prompt)
        thinks_first = self._options.thinks_first
        return lambda: SpeechChatStream(INNER_RATE, thinks_first=thinks_first)

    def _modalities(self, prompt: Prompt) -> dict[str, Any]:
        if prompt.voice is None:
            return {"modalities": ["text"]} if self.speech.speaks else {}
        voice = self._voices.get(prompt.voice, prompt.voice)
        return {
            "modalities": ["text", "audio"],
            "audio": {"voice": voice, "format": self._format},
        }
