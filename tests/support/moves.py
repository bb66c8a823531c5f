"""What can be done to a session in a random conversation, as values that shrink and print well.

A move names items and responses by number, not by id: `which` counts back from the newest id that
the world knows, and goes wrong on purpose now and then.
"""

import base64
from dataclasses import dataclass
from typing import Any, Literal, get_args

from hypothesis import strategies as st

from vivavoce.protocol.client_events import ResponseParams
from vivavoce.protocol.items import InputAudio, ItemReference, MessageItem
from vivavoce.protocol.session_config import ResponseAudio, ResponseAudioOutput
from vivavoce.protocol.tools import McpTool, Tool
from vivavoce.session.speculation import Load

WHICH = 4
"""Items are chosen among so many of the newest; the next number up is an id that never was."""

CLIP = base64.b64encode(bytes(6)).decode()


@dataclass(frozen=True)
class Sound:
    """So many windows of 32 ms are appended, all with this probability of speech."""

    windows: int
    probability: float


@dataclass(frozen=True)
class Pass:
    """Time passes and no audio comes."""

    seconds: float


@dataclass(frozen=True)
class Commit:
    """`input_audio_buffer.commit`."""


@dataclass(frozen=True)
class Clear:
    """`input_audio_buffer.clear`."""


@dataclass(frozen=True)
class Update:
    """`session.update` with this patch."""

    patch: dict[str, Any]


@dataclass(frozen=True)
class Create:
    """`conversation.item.create`, behind an item, in front, or at the end."""

    kind: str
    behind: int | Literal["root", ""] | None = None


@dataclass(frozen=True)
class Edit:
    """Retrieve, delete or truncate an item."""

    how: Literal["retrieve", "delete", "truncate"]
    which: int
    audio_end_ms: int = 0


@dataclass(frozen=True)
class Respond:
    """`response.create`; `refers_to` puts an item reference into its input."""

    params: ResponseParams | None = None
    refers_to: int | None = None


@dataclass(frozen=True)
class CancelResponse:
    """`response.cancel`, of the default response or of one by number."""

    which: int | None = None


@dataclass(frozen=True)
class Garble:
    """A frame arrives that cannot be read."""


@dataclass(frozen=True)
class ChangeLoad:
    """The server gets more or less busy."""

    load: Load


@dataclass(frozen=True)
class VadFails:
    """The engine that scores speech fails."""


Move = (
    Sound
    | Pass
    | Commit
    | Clear
    | Update
    | Create
    | Edit
    | Respond
    | CancelResponse
    | Garble
    | ChangeLoad
    | VadFails
)


def realtime(**fields: Any) -> dict[str, Any]:
    """A patch of a realtime session."""
    return {"type": "realtime", **fields}


def detection(value: dict[str, Any] | None) -> dict[str, Any]:
    """A patch of `turn_detection`."""
    return realtime(audio={"input": {"turn_detection": value}})


def server_vad(**fields: Any) -> dict[str, Any]:
    """A patch that sets these keys of `server_vad`."""
    return detection({"type": "server_vad", **fields})


TOOL = {"type": "function", "name": "book", "parameters": {"type": "object"}}

SERVER: dict[str, Any] = {
    "type": "mcp",
    "server_label": "dice",
    "server_url": "https://dice.example/mcp",
}
CARDS = {**SERVER, "server_label": "cards", "require_approval": {"never": {"read_only": True}}}

TOOL_PATCHES: tuple[dict[str, Any], ...] = (
    realtime(tools=[{**SERVER, "require_approval": "never"}, TOOL]),
    realtime(tools=[SERVER]),
    realtime(tools=[CARDS, {**SERVER, "allowed_tools": ["roll"], "require_approval": "never"}]),
    realtime(tools=[{**SERVER, "server_url": "https://new.example/mcp"}]),
)
"""They have servers listed, which takes time."""

QUIET_PATCHES: tuple[dict[str, Any], ...] = (
    realtime(instructions="Be brief."),
    realtime(instructions="Be kind."),
    realtime(tools=[TOOL]),
    realtime(tools=[], tool_choice="auto"),
    realtime(output_modalities=["text"]),
    realtime(output_modalities=["audio"]),
    realtime(audio={"output": {"voice": "echo"}}),
    realtime(audio={"output": {"speed": 1.25}}),
    realtime(audio={"input": {"transcription": None}}),
    realtime(audio={"input": {"transcription": {"model": "w"}}}),
    realtime(audio={"input": {"transcription": {"model": "w", "language": "de"}}}),
    realtime(max_output_tokens=77),
    server_vad(silence_duration_ms=200),
    server_vad(silence_duration_ms=700),
    server_vad(prefix_padding_ms=0),
    server_vad(threshold=0.3),
)
"""Accepted in any state, and without an effect on who may answer whom."""

BOLD_PATCHES: tuple[dict[str, Any], ...] = (
    detection(None),
    detection(None),
    server_vad(),
    server_vad(silence_duration_ms=0),
    server_vad(create_response=False),
    server_vad(interrupt_response=False),
    detection({"type": "semantic_vad", "eagerness": "high"}),
    detection({"type": "semantic_vad", "eagerness": "low"}),
)

BAD_PATCHES: tuple[dict[str, Any], ...] = (
    {},
    {"instructions": "no type"},
    {"type": "transcription"},
    {"type": 7},
    realtime(id="sess_mine"),
    realtime(nonsense=1),
    realtime(model="another"),
    realtime(instructions=["no text"]),
    realtime(audio="loud"),
    realtime(audio={"input": {"noise_reduction": {"type": "near_field"}}}),
    realtime(output_modalities=["audio", "text"]),
    realtime(tools=[], tool_choice="required"),
    realtime(tools=[SERVER, SERVER]),
    realtime(tools=[{"type": "mcp", "server_label": "unheard_of"}]),
    realtime(tools=[{**SERVER, "tunnel_id": "t"}]),
    realtime(tool_choice={"type": "function", "name": "unheard_of"}),
    server_vad(threshold=2),
    server_vad(idle_timeout_ms=4999),
)

GOOD_ITEMS = (
    "user",
    "system",
    "assistant",
    "image",
    "speech",
    "silence",
    "call",
    "output",
    "approve",
    "deny",
    "mcp_call",
)
BAD_ITEMS = ("duplicate", "orphan", "seeded_speech", "wrong_part", "bad_base64")

ROLLING = McpTool(
    server_label="rolling", server_url="https://rolling.example", require_approval="never"
)
BESIDE = ResponseParams(conversation="none", metadata={"topic": "aside"})
CLIP_MESSAGE = MessageItem(role="user", content=(InputAudio(audio=CLIP),))
CLIP_NAMESAKE = MessageItem(id="speech", role="user", content=(InputAudio(audio=CLIP),))
"""Has the id of a created item that is speech, too."""

GOOD_PARAMS: tuple[ResponseParams | None, ...] = (
    None,
    ResponseParams(),
    ResponseParams(instructions="Only now.", output_modalities=("text",)),
    ResponseParams(audio=ResponseAudio(output=ResponseAudioOutput(voice="sage"))),
    ResponseParams(tools=(Tool(name="only_here"),), tool_choice="required"),
    ResponseParams(tools=(ROLLING,)),
    ResponseParams(tools=(ROLLING,), conversation="none"),
    ResponseParams(tools=(McpTool(server_label="dice", server_url="https://dice.example/mcp"),)),
    ResponseParams(input=()),
    ResponseParams(input=(CLIP_MESSAGE,)),
    ResponseParams(conversation="none", input=(CLIP_NAMESAKE, CLIP_NAMESAKE)),
    BESIDE,
    BESIDE,
    ResponseParams(conversation="none", output_modalities=("text",), input=(CLIP_MESSAGE,)),
)

BAD_PARAMS: tuple[ResponseParams, ...] = (
    ResponseParams(tools=(), tool_choice="required"),
    ResponseParams(output_modalities=("audio", "text")),
    ResponseParams(metadata={str(n): "" for n in range(17)}),
    ResponseParams(metadata={"k" * 65: ""}),
    ResponseParams(input=(ItemReference(id="item_that_never_was"),)),
    ResponseParams(input=(MessageItem(role="system", content=(InputAudio(audio=CLIP),)),)),
)


# --- strategies ---------------------------------------------------------------------------------

numbers = st.integers(0, WHICH)

speech = st.builds(Sound, st.integers(1, 25), st.just(0.95))
silences = st.builds(Sound, st.integers(1, 30), st.just(0.02))
murmurs = st.builds(Sound, st.integers(1, 6), st.sampled_from((0.4, 0.3, 0.5)))
passing = st.builds(Pass, st.sampled_from((0.01, 0.1, 0.5, 3.0, 60.0)))
updates = st.builds(
    Update, st.sampled_from(QUIET_PATCHES + TOOL_PATCHES + BOLD_PATCHES + BAD_PATCHES)
)
creations = st.builds(
    Create,
    st.sampled_from(GOOD_ITEMS + BAD_ITEMS),
    st.one_of(st.none(), st.sampled_from(("root", "")), numbers),
)
edits = st.builds(
    Edit,
    st.sampled_from(("retrieve", "delete", "truncate")),
    numbers,
    st.sampled_from((0, 1, 40, 150, 10_000_000)),
)
requests = st.builds(
    Respond, st.sampled_from(GOOD_PARAMS + BAD_PARAMS), st.one_of(st.none(), st.none(), numbers)
)
cancels = st.builds(CancelResponse, st.one_of(st.none(), numbers))
loads = st.builds(ChangeLoad, st.sampled_from(get_args(Load)))
rare = st.sampled_from((Commit(), Commit(), Clear(), Garble(), Commit(), Clear(), VadFails()))

one_move: st.SearchStrategy[Move] = st.one_of(
    speech,
    silences,
    speech,
    silences,
    murmurs,
    passing,
    passing,
    updates,
    creations,
    edits,
    requests,
    cancels,
    rare,
    loads,
)

moves: st.SearchStrategy[list[Move]] = st.lists(st.lists(one_move, max_size=12), max_size=12).map(
    lambda episodes: [move for episode in episodes for move in episode]
)
"""Lists of lists are longer than lists, and shrink as well."""
