"""What one response will do: the session's settings with the request's own laid over them.

Frozen when the response is created, so that a later `session.update` cannot reach it.
"""

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeVar

from msgspec import UNSET, UnsetType

from vivavoce.protocol.client_events import ResponseParams
from vivavoce.protocol.errors import refuse, string_too_long
from vivavoce.protocol.session_config import (
    AudioFormat,
    MaxOutputTokens,
    OutputModalities,
    RealtimeSession,
    ResponseAudioOutput,
    Truncation,
    VoiceName,
    check_output,
    check_prompt_template,
)
from vivavoce.protocol.tools import AnyTool, Tool, ToolChoiceConfig, with_known_servers
from vivavoce.protocol.voices import voice_name
from vivavoce.session.tool_offer import Listed, ModelChoice, Offer, offer_of

T = TypeVar("T")

NO_TOOLS = Offer()
NOTHING_LISTED: Listed = MappingProxyType({})

MAX_METADATA_PAIRS = 16
MAX_METADATA_KEY = 64
MAX_METADATA_VALUE = 512


@dataclass(frozen=True, slots=True)
class ResponsePlan:
    """The settings of one response (protocol 3.3)."""

    instructions: str
    output_modalities: OutputModalities
    asked_tools: tuple[AnyTool, ...]
    asked_choice: ToolChoiceConfig
    max_output_tokens: MaxOutputTokens
    format: AudioFormat
    voice: VoiceName
    speed: float
    temperature: float | UnsetType = UNSET
    truncation: Truncation = "auto"
    parallel_tool_calls: bool | None = None
    in_conversation: bool = True
    metadata: dict[str, str] | None = None
    offer: Offer = NO_TOOLS

    @property
    def tools(self) -> tuple[Tool, ...]:
        """The tools as the model sees them."""
        return self.offer.tools

    @property
    def tool_choice(self) -> ModelChoice:
        """Which of them it is to call."""
        return self.offer.choice

    def offering(self, listed: Listed) -> "ResponsePlan":
        """The same, with what MCP servers have listed by now."""
        offer = offer_of(self.asked_tools, self.asked_choice, listed, may_ask=self.in_conversation)
        return replace(self, offer=offer)

    @property
    def speaks(self) -> bool:
        """Whether the answer is spoken; else it is written."""
        return self.output_modalities == ("audio",)

    @property
    def voice_name(self) -> str:
        """The voice as a synthesiser knows it."""
        return voice_name(self.voice)


def plan_of(session: RealtimeSession, listed: Listed = NOTHING_LISTED) -> ResponsePlan:
    """The plan of a response that the server starts by itself."""
    return settings_of(session).offering(listed)


def settings_of(session: RealtimeSession) -> ResponsePlan:
    """The settings of a session, without the tools that they amount to."""
    return ResponsePlan(
        instructions=session.instructions,
        output_modalities=session.output_modalities,
        asked_tools=session.tools,
        asked_choice=session.tool_choice,
        max_output_tokens=session.max_output_tokens,
        format=session.audio.output.format,
        voice=session.audio.output.voice,
        speed=session.audio.output.speed,
        truncation=session.truncation,
        parallel_tool_calls=(
            None if session.parallel_tool_calls is UNSET else session.parallel_tool_calls
        ),
        temperature=session.temperature,
    )


def plan_with(
    session: RealtimeSession, params: ResponseParams, listed: Listed = NOTHING_LISTED
) -> ResponsePlan:
    """The plan of a response that a client asked for. Raises `Refusal`."""
    check_metadata(params.metadata)
    check_prompt_template("response", params.prompt)
    base = settings_of(session)
    output = ResponseAudioOutput() if params.audio is UNSET else params.audio.output
    tools = base.asked_tools
    if params.tools is not UNSET:
        tools = with_known_servers(params.tools or (), base.asked_tools, "response.tools")
    parallel = params.parallel_tool_calls
    plan = replace(
        base,
        instructions=chosen(params.instructions, base.instructions) or "",
        output_modalities=chosen(params.output_modalities, base.output_modalities),
        asked_tools=tools,
        asked_choice=chosen(params.tool_choice, base.asked_choice),
        max_output_tokens=chosen(params.max_output_tokens, base.max_output_tokens),
        format=chosen(output.format, base.format),
        voice=chosen(output.voice, base.voice),
        parallel_tool_calls=base.parallel_tool_calls if parallel is None else parallel,
        temperature=chosen(params.temperature, base.temperature),
        in_conversation=params.conversation == "auto",
        metadata=params.metadata,
    )
    check_output("response", plan.output_modalities, plan.asked_tools, plan.asked_choice)
    return plan.offering(listed)


def chosen(asked: T | UnsetType, otherwise: T) -> T:
    """What a request asks for, or what the session has where it says nothing."""
    return otherwise if asked is UNSET else asked


def check_metadata(metadata: dict[str, str] | None) -> None:
    """At most 16 pairs, keys of 64 and values of 512 characters (protocol 7)."""
    if metadata is None:
        return
    if len(metadata) > MAX_METADATA_PAIRS:
        text = f"Invalid 'response.metadata': at most {MAX_METADATA_PAIRS} pairs are allowed."
        raise refuse("object_above_max_properties", text, "response.metadata")
    for key, value in metadata.items():
        if len(key) > MAX_METADATA_KEY:
            raise string_too_long("response.metadata", MAX_METADATA_KEY, len(key))
        if len(value) > MAX_METADATA_VALUE:
            raise string_too_long(f"response.metadata.{key}", MAX_METADATA_VALUE, len(value))
