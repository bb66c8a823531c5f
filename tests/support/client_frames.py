"""Frames as a careless or hostile client sends them: valid events, events with a thing or two
wrong, and text that is no event at all."""

import base64
import json
from typing import Any

from hypothesis import strategies as st

Json = Any

CLIP = base64.b64encode(bytes(9600)).decode()
"""200 ms of 24 kHz PCM."""

KNOWN_IDS = ("a", "b", "c", "")
ids = st.sampled_from((*KNOWN_IDS, "never_was", "x" * 33, None))


def vad(**fields: Json) -> Json:
    """A `session.update` of `turn_detection`."""
    return {"audio": {"input": {"turn_detection": {"type": "server_vad", **fields}}}}


SERVER: Json = {
    "type": "mcp",
    "server_label": "dice",
    "server_url": "https://dice.example/mcp",
    "authorization": "token",
    "allowed_tools": {"tool_names": ["roll"], "read_only": False},
    "require_approval": {"never": {"tool_names": ["roll"]}, "always": {"read_only": True}},
}

SESSIONS: tuple[Json, ...] = (
    {"instructions": "Be brief."},
    {"output_modalities": ["text"]},
    {"output_modalities": ["audio"]},
    {"tools": [{"type": "function", "name": "book", "parameters": {"type": "object"}}]},
    {"tools": [], "tool_choice": "auto"},
    {"tools": [SERVER]},
    {"tools": [{**SERVER, "require_approval": "always", "headers": {"X-Key": "k"}}]},
    {"tools": [SERVER], "tool_choice": {"type": "mcp", "server_label": "dice", "name": "roll"}},
    {"tool_choice": "required"},
    {"tool_choice": {"type": "function", "name": "book"}},
    {"max_output_tokens": 4096},
    {"truncation": {"type": "retention_ratio", "retention_ratio": 0.5}},
    {"truncation": "disabled"},
    {"tracing": "auto"},
    {"prompt": {"id": "pmpt_1"}},
    {"include": ["item.input_audio_transcription.logprobs"]},
    {"parallel_tool_calls": False, "reasoning": {"effort": "low"}},
    {"audio": {"output": {"voice": "echo", "speed": 1.5}}},
    {"audio": {"input": {"format": {"type": "audio/pcmu"}}}},
    {"audio": {"input": {"transcription": {"model": "w", "language": "de"}}}},
    {"audio": {"input": {"noise_reduction": {"type": "far_field"}}}},
    {"audio": {"input": {"turn_detection": None}}},
    {"audio": {"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "high"}}}},
    vad(),
    vad(idle_timeout_ms=5000),
    vad(threshold=0.2, silence_duration_ms=200, create_response=False),
)

CONTENTS: tuple[Json, ...] = (
    [{"type": "input_text", "text": "hello"}],
    [{"type": "input_audio", "audio": CLIP}],
    [{"type": "input_image", "image_url": "data:image/png;base64,AAAA"}],
    [{"type": "output_text", "text": "hello"}],
    [{"type": "output_audio", "transcript": "hello"}],
    [],
)


def messages() -> st.SearchStrategy[Json]:
    """Messages, of which some do not suit their role."""
    roles = st.sampled_from(("user", "assistant", "system"))
    return st.fixed_dictionaries(
        {"type": st.just("message"), "role": roles, "content": st.sampled_from(CONTENTS)},
        optional={"id": ids, "status": st.just("completed")},
    )


def calls() -> st.SearchStrategy[Json]:
    """Calls, and outputs of calls that may not be there."""
    call_id = st.sampled_from(("call_a", "call_b"))
    call = {"type": "function_call", "name": "book", "arguments": "{}"}
    output = {"type": "function_call_output", "output": "done"}
    return st.one_of(
        st.builds(lambda given: {**call, "call_id": given}, call_id),
        st.builds(lambda given: {**output, "call_id": given}, call_id),
    )


def mcp_items() -> st.SearchStrategy[Json]:
    """What a client may replay of MCP, and answers to questions that were asked or not."""
    call = {"type": "mcp_call", "server_label": "dice", "name": "roll", "arguments": "{}"}
    question = {**call, "type": "mcp_approval_request", "id": "a"}
    answer = {"type": "mcp_approval_response", "approval_request_id": "a", "approve": True}
    failed = {"type": "tool_execution_error", "message": "It broke."}
    listing = {"type": "mcp_list_tools", "server_label": "dice", "tools": [{"name": "roll"}]}
    return st.sampled_from(
        (call, {**call, "output": "4"}, {**call, "error": failed}, question, answer, listing)
    )


items = st.one_of(messages(), calls(), mcp_items())
references = st.builds(lambda item_id: {"type": "item_reference", "id": item_id}, ids)
responses = st.fixed_dictionaries(
    {},
    optional={
        "conversation": st.sampled_from(("auto", "none")),
        "input": st.lists(st.one_of(items, references), max_size=3),
        "instructions": st.just("Now."),
        "output_modalities": st.sampled_from((["text"], ["audio"], ["text", "audio"])),
        "tools": st.sampled_from(([SERVER], [{"type": "mcp", "server_label": "dice"}], [])),
        "tool_choice": st.sampled_from(("none", "required")),
        "max_output_tokens": st.sampled_from((1, 0, "inf")),
        "metadata": st.sampled_from(({"k": "v"}, {"k" * 65: "v"}, {})),
        "audio": st.just({"output": {"format": {"type": "audio/pcma"}, "voice": "sage"}}),
    },
)


def event(kind: str, **fields: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    """Events of this kind."""
    return st.fixed_dictionaries({"type": st.just(kind), **fields})


well_formed = st.one_of(
    event(
        "session.update",
        session=st.sampled_from(SESSIONS).map(lambda patch: {"type": "realtime", **patch}),
    ),
    event("input_audio_buffer.append", audio=st.just(CLIP)),
    event("input_audio_buffer.commit"),
    event("input_audio_buffer.clear"),
    event("conversation.item.create", item=items, previous_item_id=st.one_of(ids, st.just("root"))),
    event("conversation.item.create", item=items),
    event("conversation.item.retrieve", item_id=ids),
    event("conversation.item.delete", item_id=ids),
    event(
        "conversation.item.truncate",
        item_id=ids,
        content_index=st.sampled_from((0, 1)),
        audio_end_ms=st.sampled_from((0, 100, 10**9)),
    ),
    event("response.create"),
    event("response.create", response=responses),
    event("response.cancel"),
    event("response.cancel", response_id=ids),
)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(("realtime", "auto", "inf", "audio/pcm", "x" * 600)),
)
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value: Json) -> list[tuple[Json, Any]]:
    """Every place in a JSON value where something could stand instead: container and key."""
    found: list[tuple[Json, Any]] = []
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in inside:
        found.append((value, key))
        if isinstance(inner, dict | list):
            found += places(inner)
    return found


@st.composite
def mutated(draw: st.DrawFn) -> Json:
    """An event in which one to three places are other than they were."""
    spoilt = json.loads(json.dumps(draw(well_formed)))
    for _ in range(draw(st.integers(1, 3))):
        container, key = draw(st.sampled_from(places(spoilt) or [(spoilt, "type")]))
        match draw(st.sampled_from(("replace", "remove", "add"))):
            case "replace":
                container[key] = draw(anything)
            case "remove" if container:
                del container[key]
            case "add" if isinstance(container, dict):
                container[draw(st.text(max_size=8))] = draw(anything)
    return spoilt


@st.composite
def cut_short(draw: st.DrawFn) -> str:
    """The beginning of a frame, and something that does not belong behind it."""
    whole = json.dumps(draw(well_formed))
    return whole[: draw(st.integers(0, len(whole)))] + draw(st.text(max_size=3))


frames: st.SearchStrategy[str] = st.one_of(
    well_formed.map(json.dumps),
    well_formed.map(json.dumps),
    mutated().map(json.dumps),
    mutated().map(json.dumps),
    anything.map(json.dumps),
    cut_short(),
)
