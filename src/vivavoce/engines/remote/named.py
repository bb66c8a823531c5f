"""The engine `remote` of a configuration: a model that `vivavoce engines serve` offers elsewhere.

    stt: {engine: remote, address: "tcp://gpu1:7000", model: small-whisper}

Nothing of the engine need be installed here, and nobody is asked before it is loaded. So what has
to be known before that is written down: its rate, and what it can do. A load fails that finds it
otherwise; abilities that are not written down are not used.
"""

import os

from vivavoce.engines.base import EngineError, SpeechAbilities
from vivavoce.engines.registry import Slot
from vivavoce.engines.remote.address import parse_address
from vivavoce.engines.remote.description import Description
from vivavoce.engines.remote.host import RemoteHost
from vivavoce.engines.remote.language_model import RemoteLanguageModel
from vivavoce.engines.remote.messages import ByModel, Selector
from vivavoce.engines.remote.recognizer import RemoteRecognizer
from vivavoce.engines.remote.synthesizer import RemoteSynthesizer
from vivavoce.engines.remote.turn_detector import RemoteTurnDetector
from vivavoce.protocol.abilities import HearingAbilities

TOKEN = "VIVAVOCE_ENGINE_TOKEN"
"""The variable of the environment with the secret that both machines share."""

_NAME = "remote"


class NamedRecognizer(RemoteRecognizer):
    """A recogniser of the model `model`. `token` is that of the environment if it is None."""

    def __init__(
        self,
        address: str,
        model: str,
        *,
        sample_rate: int = 16_000,
        streams: bool = False,
        languages: bool = False,
        keywords: bool = False,
        logprobs: bool = False,
        token: str | None = None,
    ) -> None:
        abilities = HearingAbilities(
            streams=streams, languages=languages, keywords=keywords, logprobs=logprobs
        )
        known = Description(name=_NAME, sample_rate=sample_rate, abilities=abilities)
        super().__init__(host_at(address, token), named("stt", model), known)


class NamedLanguageModel(RemoteLanguageModel):
    """The language model of the model `model`; `sample_rate` is of one that hears or speaks."""

    def __init__(
        self,
        address: str,
        model: str,
        *,
        hears: bool = False,
        speaks: bool = False,
        sample_rate: int = 24_000,
        token: str | None = None,
    ) -> None:
        speech = SpeechAbilities(hears=hears, speaks=speaks, sample_rate=sample_rate)
        known = Description(name=_NAME, speech=speech)
        super().__init__(host_at(address, token), named("llm", model), known)


class NamedSynthesizer(RemoteSynthesizer):
    """The voice of the model `model`. Its voices are known when it is loaded."""

    def __init__(
        self, address: str, model: str, *, sample_rate: int = 24_000, token: str | None = None
    ) -> None:
        known = Description(name=_NAME, sample_rate=sample_rate)
        super().__init__(host_at(address, token), named("tts", model), known)


class NamedTurnDetector(RemoteTurnDetector):
    """The turn detector of the model `model`."""

    def __init__(
        self,
        address: str,
        model: str,
        *,
        sample_rate: int = 16_000,
        hears_s: float = 8.0,
        token: str | None = None,
    ) -> None:
        known = Description(name=_NAME, sample_rate=sample_rate, hears_s=hears_s)
        super().__init__(host_at(address, token), named("turn", model), known)


def host_at(address: str, token: str | None) -> RemoteHost:
    """The host at an address of a configuration. Raises `EngineError`."""
    try:
        where = parse_address(address)
    except ValueError as error:
        raise EngineError(str(error), code="invalid_configuration") from error
    return RemoteHost(where, token or os.environ.get(TOKEN))


def named(slot: Slot, model: str) -> Selector:
    """The engine of a model. Raises `EngineError`."""
    if not model:
        raise EngineError("`model` names no model of that server", code="invalid_configuration")
    return ByModel(slot, model)


def option_text(slot: Slot, address: str, model: str, engine: Description) -> str:
    """How an engine is written in the configuration of a machine that uses it."""
    options: dict[str, object] = {"engine": _NAME, "address": f'"{address}"', "model": model}
    if slot in ("stt", "tts", "turn"):
        options["sample_rate"] = engine.sample_rate
    if slot == "turn":
        options["hears_s"] = f"{engine.hears_s:g}"
    if engine.speech is not None and (engine.speech.hears or engine.speech.speaks):
        options["sample_rate"] = engine.speech.sample_rate
    able = engine.abilities or engine.speech
    for ability in ("streams", "languages", "keywords", "logprobs", "hears", "speaks"):
        if getattr(able, ability, False):
            options[ability] = "true"
    return f"{slot}: {{{', '.join(f'{key}: {value}' for key, value in options.items())}}}"
