"""A model as a file describes it: a name that clients ask for, and what stands behind it."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from vivavoce.config.speculation_level import Speculate
from vivavoce.config.weights import SCHEMES
from vivavoce.engines.registry import Slot
from vivavoce.protocol.session_config import (
    FarFieldNoiseReduction,
    MaxOutputTokens,
    NoiseReduction,
    SemanticVad,
    ServerVad,
)
from vivavoce.protocol.tools import AnyTool
from vivavoce.session.barge_in_policy import BargeInPolicy

EngineSpec = str | dict[str, Any]
"""An engine: `NAME`, `NAME:ARGUMENT`, `URL#MODEL` of an OpenAI-compatible server, or a mapping of
`engine: NAME` and the engine's options."""

Seconds = Annotated[float, Meta(gt=0)]
Name = Annotated[str, Meta(min_length=1)]
Language = Annotated[str, Meta(pattern=r"^(auto|[A-Za-z]{2,3}([-_][A-Za-z0-9]+)*)$")]
"""A language tag, `de` or `pt-BR`, or `auto`."""


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the configuration: unknown keys are errors."""


class PipelineSpec(Part, frozen=True, kw_only=True):
    """A chain of engines. Each is an engine, or the name of another model with one engine.

    What is left out is the server's own: its `vad`, `stt`, `llm`, `tts`, `turn` and `noise`.
    """

    vad: Annotated[EngineSpec | None, Meta(description="Voice activity detector.")] = None
    transcription: Annotated[EngineSpec | None, Meta(description="Speech recogniser.")] = None
    llm: Annotated[EngineSpec | None, Meta(description="Language model.")] = None
    tts: Annotated[EngineSpec | None, Meta(description="Voice.")] = None
    turn: Annotated[
        EngineSpec | None,
        Meta(description="Judge of complete turns, for `semantic_vad`; none leaves it to silence."),
    ] = None
    noise: Annotated[
        EngineSpec | None, Meta(description="Noise reduction; none refuses `noise_reduction`.")
    ] = None


PARTS: dict[str, Slot] = {
    "vad": "vad",
    "transcription": "stt",
    "llm": "llm",
    "tts": "tts",
    "turn": "turn",
    "noise": "noise",
}
"""The keys of a pipeline, and the slots that they fill."""


class DownloadFile(Part, frozen=True, kw_only=True):
    """A file that a model needs, and where it comes from."""

    filename: Annotated[
        Name,
        Meta(
            description="Where it belongs, from the folder of this configuration on. An option of "
            "the model's engines with this very text is given the file's whole path."
        ),
    ]
    uri: Annotated[
        str,
        Meta(
            pattern=f"^({'|'.join(SCHEMES)})://",
            description="https://…, or huggingface://OWNER/REPOSITORY/FILE.",
        ),
    ]
    sha256: Annotated[
        str,
        Meta(
            pattern=r"^([0-9a-fA-F]{64})?$", description="What the file must hash to; empty: any."
        ),
    ] = ""


class ModelSpec(Part, frozen=True, kw_only=True):
    """A model: a pipeline of engines, one that hears and speaks, or one engine, and how its
    sessions begin.

    `turn_detection`, `noise_reduction` and `tools` are written as in `session.update`.
    """

    name: Annotated[Name, Meta(description="What clients ask for.")]
    aliases: Annotated[
        tuple[Name, ...], Meta(description="Other names for it, such as [gpt-realtime].")
    ] = ()
    description: Annotated[str, Meta(description="For people; shown by `vivavoce models`.")] = ""
    pipeline: Annotated[
        PipelineSpec | None, Meta(description="The engines of a model that converses.")
    ] = None
    engine: Annotated[
        EngineSpec | None,
        Meta(description="The one engine of a model that other models, or requests, name."),
    ] = None
    speech: Annotated[
        EngineSpec | None,
        Meta(
            description="A model that hears and speaks by itself, as URL#MODEL. Beside it "
            "`pipeline` may name what is left: `vad`, `turn`, `noise`, and a `transcription` for "
            "clients that want to read what was said."
        ),
    ] = None
    slot: Annotated[
        Slot | None,
        Meta(description="What `engine` is, where several slots have an engine of this name."),
    ] = None
    instructions: Annotated[
        str | None, Meta(description="Instructions for sessions whose client sends none.")
    ] = None
    voice: Annotated[str | None, Meta(description="Voice, where the client names none.")] = None
    language: Annotated[
        Language | None,
        Meta(description="What is spoken, as `de`; `auto` answers in the language of the user."),
    ] = None
    turn_detection: Annotated[
        ServerVad | SemanticVad | None | UnsetType,
        Meta(description="How turns end, as {type: server_vad, silence_duration_ms: 400}."),
    ] = UNSET
    noise_reduction: Annotated[
        NoiseReduction | FarFieldNoiseReduction | None | UnsetType,
        Meta(description="{type: near_field} or {type: far_field}."),
    ] = UNSET
    tools: Annotated[
        tuple[AnyTool, ...], Meta(description="Functions, where a client has none.")
    ] = ()
    max_output_tokens: Annotated[
        MaxOutputTokens | None, Meta(description="The longest answer, in tokens, or `inf`.")
    ] = None
    thinking: Annotated[
        bool | None,
        Meta(description="Whether its language model thinks before it answers; none: as it does."),
    ] = None
    reasoning_effort: Annotated[
        str | None, Meta(description="How much its language model thinks, as `low`.")
    ] = None
    barge_in: Annotated[
        BargeInPolicy | None,
        Meta(description="Which speech over an answer interrupts it, as {least_voiced_ms: 200}."),
    ] = None
    speculate: Annotated[
        Speculate | None, Meta(description="As the server's key, for this model.")
    ] = None
    load: Annotated[
        Literal["at_start", "on_use"],
        Meta(description="When its engines are loaded: at_start, or on_use by the first session."),
    ] = "at_start"
    unload_after_minutes: Annotated[
        Seconds | None,
        Meta(description="Its engines are freed after so long without a session; none keeps them."),
    ] = None
    device: Annotated[
        str | None,
        Meta(description="Where its engines compute: cpu, cuda, …; never elsewhere instead."),
    ] = None
    compute_type: Annotated[
        str | None, Meta(description="How its engines compute, as int8 or float16.")
    ] = None
    memory_mb: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="What its engine takes when it is loaded, for the server's limit."),
    ] = None
    download_files: Annotated[
        tuple[DownloadFile, ...],
        Meta(description="Files that it needs; `vivavoce models pull` brings them."),
    ] = ()

    def __post_init__(self) -> None:
        """Raises `ValueError` for a model that has no engine, or two kinds of them."""
        converses = self.pipeline is not None or self.speech is not None
        if converses == (self.engine is not None):
            raise ValueError(
                "a model has either `pipeline: {transcription: …, llm: …, tts: …}`, "
                "`speech: URL#MODEL` or `engine: NAME`"
            )
        if self.speech is not None and self.pipeline is not None:
            for key in ("llm", "tts"):
                if getattr(self.pipeline, key) is not None:
                    raise ValueError(
                        f"`pipeline.{key}` has no place beside `speech`, which answers and speaks"
                    )
        if self.memory_mb is not None and self.engine is None:
            raise ValueError(
                "`memory_mb` is an engine's; make the engine a model of its own, and name that"
            )
        if self.slot is not None and self.engine is None:
            raise ValueError("`slot` says what `engine` is, and there is none")
