import pytest

from vivavoce.engines.llm.english.tool_choice import named_tool
from vivavoce.protocol.prompt import FunctionTool

TOOLS = [
    FunctionTool(name="get_weather", description="Get the current weather in a city."),
    FunctionTool(name="getWeatherForecast", description="Get the weather of the next days."),
    FunctionTool(name="turn_on_light"),
    FunctionTool(name="turn_off_light"),
    FunctionTool(name="search"),
    FunctionTool(name="lookup_account", description="Read the balance of the user's bank account."),
    FunctionTool(name="set_timer"),
]


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("what is the weather in london", "get_weather"),
        ("What's the weather forecast for Rome?", "getWeatherForecast"),
        ("turn the lights off", "turn_off_light"),
        ("please turn on the light", "turn_on_light"),
        ("search for cats", "search"),
        ("what is my bank balance", "lookup_account"),
        ("Set a timer, please.", "set_timer"),
    ],
)
def test_words_name_a_tool(said: str, name: str) -> None:
    tool = named_tool(TOOLS, said)
    assert tool is not None
    assert tool.name == name


@pytest.mark.parametrize(
    "said", ["hello", "what time is it", "tell me about the user", "get the", "turn it off", ""]
)
def test_words_that_many_tools_share_name_none(said: str) -> None:
    assert named_tool(TOOLS, said) is None


def test_without_tools_none_is_named() -> None:
    assert named_tool([], "what is the weather") is None
