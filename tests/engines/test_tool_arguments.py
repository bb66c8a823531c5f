from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.engines.llm.english.tool_arguments import convert, fill_arguments
from vivavoce.protocol.prompt import FunctionTool

TEXT = {"type": "string"}
INTEGER = {"type": "integer"}
NUMBER = {"type": "number"}
TRUTH = {"type": "boolean"}
LIST = {"type": "array", "items": TEXT}


def tool(name: str, /, *optional: str, **properties: Any) -> FunctionTool:
    """A tool whose properties are required, but for those named `optional`."""
    required = [each for each in properties if each not in optional]
    schema = {"type": "object", "properties": properties, "required": required}
    return FunctionTool(name=name, parameters=schema)


WEATHER = tool(
    "get_weather", "unit", "date",
    city=TEXT, unit={"type": "string", "enum": ["celsius", "fahrenheit"]}, date=TEXT,
)  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "said", "arguments"),
    [
        (WEATHER, "what is the weather in london", {"city": "London"}),
        (WEATHER, "What's the weather like in New York, please?", {"city": "New York"}),
        (WEATHER, "the weather for berlin now", {"city": "Berlin"}),
        (WEATHER, "the weather at St. Louis", {"city": "St. Louis"}),
        (WEATHER, "weather rome", {"city": "Rome"}),
        (WEATHER, "for me the weather in rome", {"city": "Rome"}),
        (WEATHER, "weather in the city of rome", {"city": "Rome"}),
        (tool("get_weather", city={"type": ["null", "string"]}), "weather rome tomorrow",
         {"city": "Rome"}),
        (
            WEATHER,
            "weather in rome in fahrenheit tomorrow",
            {"city": "Rome", "unit": "fahrenheit", "date": "tomorrow"},
        ),
        (tool("set_timer", seconds=INTEGER), "a timer for ten minutes", {"seconds": 600}),
        (tool("set_timer", minutes=NUMBER), "a timer of 90 seconds", {"minutes": 1.5}),
        (tool("set_timer", "label", minutes=INTEGER, label=TEXT),
         "a timer called pasta for twenty-five minutes", {"minutes": 25, "label": "pasta"}),
        (tool("set_volume", level=NUMBER), "volume to forty two point five", {"level": 42.5}),
        (tool("pick", low=INTEGER, high=INTEGER), "pick three to nine", {"low": 3, "high": 9}),
        (tool("set_heating", on=TRUTH), "turn the heating off", {"on": False}),
        (tool("order_coffee", milk=TRUTH, sugar=TRUTH),
         "coffee with milk and no sugar", {"milk": True, "sugar": False}),
        (tool("order_coffee", size={"enum": ["small", "extra_large"]}),
         "an extra large coffee", {"size": "extra_large"}),
        (tool("send_message", recipient=TEXT, message=TEXT),
         "send a message to bob saying I am in Rome",
         {"recipient": "Bob", "message": "I am in Rome"}),
        (tool("book_flight", origin=TEXT, destination=TEXT, date=TEXT),
         "a flight from paris to new york on friday",
         {"origin": "Paris", "destination": "New York", "date": "friday"}),
        (tool("play_song", "artist", title=TEXT, artist=TEXT),
         "play bohemian rhapsody by queen", {"title": "bohemian rhapsody", "artist": "Queen"}),
        (tool("search", query=TEXT), "search for cats and dogs", {"query": "cats and dogs"}),
        (tool("add_items", items=LIST), "add items milk, eggs and bread",
         {"items": ["milk", "eggs", "bread"]}),
        (tool("turn_on_light", room=TEXT), "turn on the kitchen light", {"room": "kitchen"}),
        (FunctionTool(name="ping"), "ping", {}),
    ],
)  # fmt: skip
def test_arguments_are_drawn_from_the_words(
    wanted: FunctionTool, said: str, arguments: dict[str, Any]
) -> None:
    filled = fill_arguments(wanted, said)
    assert filled.arguments == arguments
    assert not filled.missing


def test_what_is_missing_is_asked_for() -> None:
    flight = tool("book_flight", origin=TEXT, destination=TEXT, travel_date=TEXT)
    filled = fill_arguments(flight, "book a flight to rome")
    assert filled.arguments == {"destination": "Rome"}
    assert filled.question() == "Which origin and which travel date should I use?"


def test_half_a_number_fits_no_integer() -> None:
    assert fill_arguments(tool("set_level", level=INTEGER), "level 2.5").missing


def test_a_quotation_of_nothing_is_nothing() -> None:
    assert fill_arguments(tool("send", message=TEXT), "send a message saying").missing


def test_what_is_optional_is_not_asked_for() -> None:
    assert not fill_arguments(tool("play", "song", song=TEXT), "play").missing


def test_a_call_that_must_be_made_gets_stand_ins() -> None:
    wanted = tool(
        "f", a=TEXT, b=INTEGER, c=TRUTH, d=LIST, e={"enum": ["x", "y"]}, g={"type": "object"}
    )
    filled = fill_arguments(wanted, "f")
    assert filled.completed("f") == {"a": "f", "b": 0, "c": False, "d": [], "e": "x", "g": {}}


def test_a_call_that_must_be_made_leaves_out_or_nulls_what_it_may() -> None:
    wanted = tool(
        "f", "optional",
        minutes={"type": ["integer", "null"]}, size={"enum": ["small", None]},
        volume={"type": "integer", "default": 5}, unit={"enum": ["c", "f"], "default": "f"},
        optional=INTEGER,
    )  # fmt: skip
    completed = fill_arguments(wanted, "f").completed("f")
    assert completed == {"minutes": None, "size": None, "volume": 5, "unit": "f"}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["properties", "required", "type", "enum", "a"]), inner, max_size=4
            )
        ),
        max_leaves=12,
    ),
    st.text(max_size=30),
)
def test_no_schema_and_no_words_break_it(schema: Any, said: str) -> None:
    parameters = schema if isinstance(schema, dict) else {"properties": {"a": schema}}
    filled = fill_arguments(FunctionTool(name="f", parameters=parameters), said)
    filled.completed(said)
    filled.question()


def test_text_is_converted_to_the_type_that_the_tool_wants() -> None:
    wanted = tool("f", a=INTEGER, b=NUMBER, c=TRUTH, d=TEXT)
    texts = {"a": "seven", "b": "two point five", "c": "off", "d": "seven"}
    assert {name: convert(wanted, name, text) for name, text in texts.items()} == {
        "a": 7,
        "b": 2.5,
        "c": False,
        "d": "seven",
    }
    assert convert(wanted, "a", "many") == "many"
    assert convert(wanted, "unknown", "seven") == "seven"
