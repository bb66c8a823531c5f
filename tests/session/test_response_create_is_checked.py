"""Protocol 3.3, 5.19 and 7: what `response.create` is refused for."""

from typing import Any

import pytest

from support.stage import Stage
from vivavoce.protocol.server_events import ResponseCreated

LONG_KEY, LONG_VALUE = "k" * 65, "v" * 513


def test_a_second_response_is_refused_and_the_first_goes_on() -> None:
    stage = Stage(output_modalities=["text"])
    stage.respond()
    stage.news()
    stage.respond()
    assert stage.news() == ["error conversation_already_has_active_response"]
    running = stage.names.id_of("resp1")
    assert f"active response in progress: {running}" in stage.error.message
    stage.finished()
    assert stage.news() == ["response.done resp1 completed"]


@pytest.mark.parametrize(
    ("params", "error"),
    [
        (
            {"metadata": {f"k{n}": "v" for n in range(17)}},
            "error object_above_max_properties response.metadata",
        ),
        ({"metadata": {LONG_KEY: "v"}}, "error string_above_max_length response.metadata"),
        ({"metadata": {"k": LONG_VALUE}}, "error string_above_max_length response.metadata.k"),
        (
            {"output_modalities": ["text", "audio"]},
            "error invalid_value response.output_modalities",
        ),
        ({"output_modalities": []}, "error invalid_value response.output_modalities"),
        ({"tool_choice": "required"}, "error invalid_value response.tool_choice"),
        (
            {"tool_choice": {"type": "function", "name": "dial"}},
            "error invalid_value response.tool_choice",
        ),
    ],
)
def test_bad_parameters_are_refused(params: dict[str, Any], error: str) -> None:
    stage = Stage()
    stage.news()
    stage.respond(**params)
    assert stage.news() == [error]


def test_metadata_at_its_limits_is_echoed() -> None:
    stage = Stage()
    metadata = {"k" * 64: "v" * 512, **{f"k{n}": "v" for n in range(15)}}
    stage.respond(metadata=metadata)
    assert stage.last(ResponseCreated).response.metadata == metadata


def test_a_tool_can_be_demanded() -> None:
    stage = Stage(tools=[{"type": "function", "name": "dial"}])
    stage.respond(tool_choice={"type": "function", "name": "dial"})
    assert (stage.prompt.tool_choice, stage.prompt.forced_tool) == ("required", "dial")


def test_a_voice_with_an_id_is_shown_by_its_id() -> None:
    """Strict clients read a string there (protocol 8, row 7)."""
    stage = Stage()
    stage.respond(audio={"output": {"voice": {"id": "voice_1"}}})
    assert stage.last(ResponseCreated).response.audio.output.voice == "voice_1"
