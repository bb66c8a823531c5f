"""Any Wyoming service that recognises speech: wyoming-faster-whisper, Vosk, Speech-to-Phrase, …

One connection per utterance; cancelling the task that awaits it closes the connection.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

from vivavoce.engines.base import EngineError, Hint, Transcript
from vivavoce.engines.stt.deltas import HeldDeltas
from vivavoce.engines.stt.languages import primary_language
from vivavoce.engines.stt.noise import Evidence, NoiseRules, is_noise, voiced_ms
from vivavoce.engines.stt.openai_compatible import code_of
from vivavoce.engines.wyoming.events import Event, Info, Text, audio_events
from vivavoce.engines.wyoming.service import Connection, Limits, Service, matching
from vivavoce.protocol.abilities import HearingAbilities


class WyomingRecognizer:
    """A recogniser at `uri`, `tcp://HOST:PORT` or `unix:///PATH`.

    `model` is the name of one of the service's models, else it takes its own choice; `noise`
    changes `NoiseRules`. Keywords are sent as `transcript_terms`, which a service may pass over;
    the protocol has no prompt and no log probabilities. Pieces of the transcript are handed on
    where the service streams them.
    """

    name: ClassVar[str] = "wyoming"

    sample_rate = 16_000

    abilities = HearingAbilities(keywords=True)

    def __init__(
        self,
        uri: str,
        model: str | None = None,
        noise: Mapping[str, Any] | None = None,
        timeouts: Limits = None,
    ) -> None:
        self._service = Service(uri, timeouts)
        self._model = model
        self._noise = NoiseRules.of(noise)
        self.languages: tuple[str, ...] = ()
        """What the service says that it knows, as it writes them; nothing before `load`."""

    @classmethod
    def from_spec(cls, spec: str) -> Self:
        """Make one from a URI, as in `tcp://localhost:10300`."""
        return cls(spec.strip())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._service.uri!r})"

    def load(self) -> None:
        """Ask the service for its models and languages.

        Raises `EngineError` where it cannot be reached, does not recognise speech, or has no such
        model.
        """
        self.languages = languages_of(self._service.describe(), self._model, self._service.uri)

    async def close(self) -> None:
        """Nothing to free: connections end with their requests."""

    async def recognize(
        self, audio: bytes, hint: Hint, on_delta: Callable[[str], None]
    ) -> Transcript:
        """Recognise one utterance; empty text if it was noise.

        Raises `EngineError`, also for a language that the service does not know. Audio without
        any sound is not sent.
        """
        request = self._request(hint)
        sound_ms = voiced_ms(audio, self.sample_rate, self._noise)
        if sound_ms < self._noise.least_voiced_ms:
            return Transcript(text="")
        deltas = HeldDeltas(on_delta, self._noise)
        async with self._service.connection() as connection:
            connection.send([request, *audio_events(audio, self.sample_rate)])
            heard = await self._heard(connection, deltas)
        language = code_of(primary_language(heard.language or ""))
        if not deltas.sent and is_noise(heard.text, Evidence(voiced_ms=sound_ms), self._noise):
            return Transcript(text="", language=language)
        if heard.text.startswith(deltas.text):
            deltas.text = heard.text
        return Transcript(text=deltas.finish(), language=language)

    async def _heard(self, connection: Connection, deltas: HeldDeltas) -> Text:
        """The whole transcript, which comes behind its pieces where those come too."""
        while True:
            event = await connection.receive()
            match event.type:
                case "transcript-chunk":
                    deltas.push(connection.fields(event, Text).text)
                case "transcript":
                    heard = connection.fields(event, Text)
                    return Text(heard.text.strip(), heard.language)
                case "transcript-stop":
                    return Text(deltas.text.strip())

    def _request(self, hint: Hint) -> Event:
        fields: dict[str, Any] = {}
        if self._model is not None:
            fields["name"] = self._model
        if hint.language:
            fields["language"] = self._language(hint.language)
        if hint.keywords:
            fields["transcript_terms"] = list(hint.keywords)
        return Event("transcribe", fields)

    def _language(self, language: str) -> str:
        if not self.languages:
            return language
        known = matching(language, self.languages)
        if known is None:
            raise EngineError(
                f"{self._service.uri} does not know the language {language!r}; it knows "
                f"{', '.join(self.languages)}",
                code="unsupported_language",
            )
        return known


def languages_of(info: Info, model: str | None, uri: str) -> tuple[str, ...]:
    """The languages of the model, or of all that are installed.

    Raises `EngineError` for a service that has no recogniser, or not this model.
    """
    if not info.asr:
        offered = "it speaks" if info.tts else "nor speak"
        raise EngineError(
            f"{uri} does not recognise speech ({offered})", code="invalid_configuration"
        )
    models = [each for program in info.asr for each in program.models if each.installed]
    chosen = [each for each in models if model in (None, each.name)]
    if model is not None and not chosen:
        names = ", ".join(each.name for each in models) or "none"
        raise EngineError(
            f"{uri} has no model {model!r}; it has {names}", code="invalid_configuration"
        )
    return tuple(dict.fromkeys(tag for each in chosen for tag in each.languages))
