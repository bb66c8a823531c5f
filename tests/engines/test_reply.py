"""Which rule answers, and with what."""

from datetime import datetime

import pytest

from vivavoce.engines.base import EngineError
from vivavoce.engines.llm.reply import Reply, compose_reply
from vivavoce.engines.llm.reply_rules import Failure
from vivavoce.engines.llm.reply_script import parse_reply_script
from vivavoce.engines.llm.tool_calls import Call
from vivavoce.protocol.prompt import INAUDIBLE, SILENCE, FunctionTool, Message, Prompt, ToolCall

NOON = datetime(2026, 3, 1, 12, 5)
WEATHER = FunctionTool(
    name="get_weather",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city"],
    },
)
PING = FunctionTool(name="ping")


def user(text: str) -> Message:
    return Message(role="user", text=text)


def assistant(text: str, *calls: ToolCall) -> Message:
    return Message(role="assistant", text=text, tool_calls=calls)


def result(call_id: str, text: str) -> Message:
    return Message(role="tool", call_id=call_id, text=text)


def reply(rules: str, *messages: Message, prompt: Prompt | None = None) -> Reply:
    script = parse_reply_script(f"rules:\n{rules}", "test.yaml")
    base = prompt or Prompt()
    full = Prompt(
        messages=messages,
        tools=base.tools,
        tool_choice=base.tool_choice,
        forced_tool=base.forced_tool,
    )
    return compose_reply(script, full, NOON)


def say(rules: str, *messages: Message, prompt: Prompt | None = None) -> str:
    return reply(rules, *messages, prompt=prompt).text


# --- which rule --------------------------------------------------------------------------------


def test_the_first_rule_that_fits_answers() -> None:
    rules = "- {when: cat, say: one}\n- {when: [dog, cat], say: two}\n- {say: three}"
    assert say(rules, user("a CAT")) == "one"
    assert say(rules, user("A dog")) == "two"
    assert say(rules, user("a cow")) == "three"


def test_only_the_last_message_of_the_user_is_answered() -> None:
    rules = "- {when: cat, say: cat}\n- {say: no cat}"
    assert say(rules, user("cat"), assistant("cat"), user("dog")) == "no cat"


def test_a_system_message_is_not_answered() -> None:
    rules = "- {when: cat, say: cat}\n- {say: no cat}"
    assert say(rules, user("cat"), Message(role="system", text="Be brief.")) == "cat"


def test_without_a_fitting_rule_it_fails_and_says_so() -> None:
    with pytest.raises(EngineError, match=r"^no rule of .* answers the words 'dog'") as caught:
        reply("- {when: cat, say: cat}", user("dog"))
    assert caught.value.code == "no_matching_rule"


def test_speech_that_was_not_recognised_is_an_event_of_its_own() -> None:
    rules = "- {say: heard}\n- {event: inaudible, say: ['Pardon?', 'Once more?']}"
    assert say(rules, user(INAUDIBLE)) == "Pardon?"
    assert say(rules, user(INAUDIBLE), assistant("Pardon?"), user(INAUDIBLE)) == "Once more?"
    with pytest.raises(EngineError, match="no rule of the reply script answers event `inaudible`"):
        reply("- {say: heard}", user(INAUDIBLE))


def test_the_silence_of_an_idle_timeout_is_an_event_of_its_own() -> None:
    rules = "- {say: heard}\n- {event: silence, say: 'Still there?'}"
    assert say(rules, user("hi"), assistant("hello"), user(SILENCE)) == "Still there?"


@pytest.mark.parametrize("messages", [(), (user("hi"), assistant("hello"))])
def test_asked_to_speak_first_it_opens(messages: tuple[Message, ...]) -> None:
    assert say("- {say: heard}\n- {event: opening, say: Hello!}", *messages) == "Hello!"


def test_only_the_beginning_of_a_message_is_matched() -> None:
    said = "x" * 2000 + " cat"
    assert say("- {when: cat, say: found}\n- {say: '{heard}'}", user(said)) == said


# --- what is said ------------------------------------------------------------------------------


def test_captures_fill_the_text() -> None:
    rules = "- {when: 'i am (?P<who>[a-z ]+)', say: 'Hello, {who:title}. {{{who}}}'}"
    assert say(rules, user("I am ann lee.")) == "Hello, Ann Lee. {ann lee}"
    assert say(rules, user("I am Ann McLee.")) == "Hello, Ann McLee. {Ann McLee}"


def test_built_in_values_fill_the_text() -> None:
    tools = Prompt(tools=(WEATHER, PING))
    rules = "- say: '{time} | {date} | {heard} | {sum} | {tools}'"
    assert say(rules, user("two plus two"), prompt=tools) == (
        "12:05 PM | Sunday, March 1, 2026 | two plus two | 2 plus 2 is 4. | get weather and ping"
    )


@pytest.mark.parametrize(
    ("hour", "spoken"), [(0, "12:05 AM"), (9, "9:05 AM"), (12, "12:05 PM"), (23, "11:05 PM")]
)
def test_the_time_is_spoken_by_a_twelve_hour_clock(hour: int, spoken: str) -> None:
    script = parse_reply_script("rules: [{say: '{time}'}]", "test.yaml")
    prompt = Prompt(messages=(user("time?"),))
    assert compose_reply(script, prompt, NOON.replace(hour=hour)).text == spoken


def test_a_rule_whose_placeholder_has_no_value_is_passed_over() -> None:
    rules = "- {when: '(cat|(?P<pet>dog))', say: '{pet}'}\n- {say: none}"
    assert say(rules, user("dog")) == "dog"
    assert say(rules, user("cat")) == "none"
    assert say("- {say: '{sum}'}\n- {say: no sum}", user("hello")) == "no sum"


def test_what_was_captured_before_is_remembered_the_latest_first() -> None:
    rules = (
        "- {when: 'i am (?P<who>[a-z]+)', say: Hello.}\n- {say: 'You are {who}.'}\n- {say: 'Who?'}"
    )
    assert say(rules, user("who am i")) == "Who?"
    assert say(rules, user("I am Ann"), assistant("Hello."), user("who?")) == "You are Ann."
    assert say(rules, user("I am Ann"), user("No, I am Bo"), user("who?")) == "You are Bo."


def test_several_texts_are_used_in_turn() -> None:
    rules = "- {when: hi, say: [one, two, three]}\n- {say: other}"
    messages: list[Message] = []
    spoken: list[str] = []
    for text in ["hi", "hi", "what?", "hi", "hi"]:
        messages.append(user(text))
        spoken.append(say(rules, *messages))
        messages.append(assistant(spoken[-1]))
    assert spoken == ["one", "two", "other", "three", "one"]


def test_equal_prompts_get_equal_replies() -> None:
    rules = "- {when: hi, say: [one, two]}"
    assert reply(rules, user("hi"), user("hi")) == reply(rules, user("hi"), user("hi"))


def test_times_and_failure_are_part_of_the_reply() -> None:
    rules = "- {say: Oh., delay_ms: 5, token_ms: 6, fail: {code: c, message: m}}"
    assert reply(rules, user("hi")) == Reply("Oh.", (), Failure(message="m", code="c"), 5, 6)


# --- tools -------------------------------------------------------------------------------------

FORECAST = """
- when: weather in (?P<city>[a-z]+)( for (?P<days>[a-z]+) days)?
  say: Let me look.
  call: {tool: get_weather, arguments: {city: "{city:title}", units: [metric, "{{}}"], n: 1}}
  after_tool: ["In {city:title}: {result}", "Again: {result}"]
- {say: plain}
"""
WITH_WEATHER = Prompt(tools=(WEATHER, PING))


def test_a_rule_speaks_and_calls() -> None:
    assert reply(FORECAST, user("Weather in Rome?"), prompt=WITH_WEATHER) == Reply(
        "Let me look.",
        (Call("get_weather", '{"city": "Rome", "units": ["metric", "{}"], "n": 1}'),),
    )


def test_arguments_take_the_type_that_the_tool_wants() -> None:
    rules = "- {when: '(?P<n>\\w+) days', call: {tool: get_weather, arguments: {days: '{n}'}}}"
    calls = reply(rules, user("for seven days"), prompt=WITH_WEATHER).calls
    assert calls == (Call("get_weather", '{"days": 7}'),)


def test_a_call_whose_argument_has_no_value_is_passed_over() -> None:
    rules = "- {when: '(?P<n>\\d)?', call: {tool: ping, arguments: {n: ['{n}']}}}\n- {say: none}"
    assert say(rules, user("ping"), prompt=WITH_WEATHER) == "none"


def test_several_calls_are_made_at_once() -> None:
    rules = "- call: [{tool: ping}, {tool: get_weather, arguments: {city: Rome}}]"
    calls = reply(rules, user("go"), prompt=WITH_WEATHER).calls
    assert calls == (Call("ping", "{}"), Call("get_weather", '{"city": "Rome"}'))


def test_a_tool_that_is_not_offered_fails_the_answer() -> None:
    with pytest.raises(
        EngineError, match=r"^rule 1 calls.*'get_weather'.*\(offered: ping\)"
    ) as caught:
        reply(FORECAST, user("weather in rome"), prompt=Prompt(tools=(PING,)))
    assert caught.value.code == "tool_not_offered"


def asked_for_weather(output: str) -> tuple[Message, ...]:
    call = ToolCall("c1", "get_weather", '{"city": "Rome"}')
    return user("weather in rome"), assistant("Let me look.", call), result("c1", output)


def test_the_rule_that_called_speaks_the_result() -> None:
    messages = asked_for_weather('{"sky": "clear"}')
    assert say(FORECAST, *messages, prompt=WITH_WEATHER) == "In Rome: The sky is clear."
    again = (*messages, assistant("…"), *asked_for_weather("Rain."))
    assert say(FORECAST, *again, prompt=WITH_WEATHER) == "Again: Rain."


def test_a_result_may_have_rules_of_its_own() -> None:
    rules = "- {event: tool_result, when: 'sky.*(?P<sky>clear)', say: 'It is {sky}!'}"
    assert say(rules, *asked_for_weather('{"sky": "clear"}')) == "It is clear!"


def test_a_result_without_a_rule_is_spoken() -> None:
    assert say("- {say: plain}", *asked_for_weather('{"sky": "clear"}')) == "The sky is clear."


def test_a_named_tools_result_can_have_a_text_around_it() -> None:
    rules = "- {call: named tool, after_tool: 'I found: {result}'}"
    assert say(rules, *asked_for_weather("Rain."), prompt=WITH_WEATHER) == "I found: Rain."


def test_results_of_parallel_calls_are_spoken_together() -> None:
    calls = (ToolCall("a", "ping", "{}"), ToolCall("b", "ping", "{}"))
    messages = (user("ping"), assistant("", *calls), result("a", "One."), result("b", "Two."))
    assert say("- {say: plain}", *messages) == "One. Two."


def test_a_result_may_lead_to_another_call() -> None:
    rules = "- {event: tool_result, when: sky, call: {tool: ping}}"
    calls = reply(rules, *asked_for_weather("clear sky"), prompt=WITH_WEATHER).calls
    assert calls == (Call("ping", "{}"),)


NAMED = "- {call: named tool}\n- {say: plain}"


def test_the_words_name_a_tool_and_fill_its_arguments() -> None:
    found = reply(NAMED, user("what is the weather in london"), prompt=WITH_WEATHER)
    assert found.calls == (Call("get_weather", '{"city": "London"}'),)
    assert say(NAMED, user("hello"), prompt=WITH_WEATHER) == "plain"
    assert say(NAMED, user("what is the weather in london")) == "plain"


def test_a_question_about_what_is_missing_is_answered_by_the_next_words() -> None:
    asked = "Which city should I use?"
    assert reply(NAMED, user("How is the weather?"), prompt=WITH_WEATHER) == Reply(asked)
    talk = (user("How is the weather?"), assistant(asked), user("London, please."))
    found = reply(NAMED, *talk, prompt=WITH_WEATHER)
    assert found.calls == (Call("get_weather", '{"city": "London"}'),)
    other = (user("How is the weather?"), assistant("Fine."), user("London, please."))
    assert say(NAMED, *other, prompt=WITH_WEATHER) == "plain"


# --- tool_choice -------------------------------------------------------------------------------


def test_none_passes_over_every_rule_that_calls() -> None:
    silent = Prompt(tools=(WEATHER, PING), tool_choice="none")
    assert say(FORECAST, user("weather in rome"), prompt=silent) == "plain"
    assert say(NAMED, user("weather in rome"), prompt=silent) == "plain"


def test_required_takes_only_rules_that_call() -> None:
    required = Prompt(tools=(PING, WEATHER), tool_choice="required")
    rules = "- {say: plain}" + FORECAST
    assert reply(rules, user("weather in rome"), prompt=required).calls[0].name == "get_weather"


def test_required_makes_a_call_as_well_as_it_can() -> None:
    required = Prompt(tools=(PING, WEATHER), tool_choice="required")
    assert reply("- {say: plain}", user("weather"), prompt=required) == Reply(
        calls=(Call("get_weather", '{"city": "weather"}'),)
    )
    assert reply(NAMED, user("hello"), prompt=required).calls == (Call("ping", "{}"),)
    assert reply(NAMED, user("weather"), prompt=required).calls[0].name == "get_weather"


def test_a_forced_tool_is_called_whatever_the_words_name() -> None:
    forced = Prompt(tools=(PING, WEATHER), forced_tool="ping")
    assert reply(FORECAST, user("weather in rome"), prompt=forced).calls == (Call("ping", "{}"),)
    assert reply(NAMED, user("weather in rome"), prompt=forced).calls == (Call("ping", "{}"),)
    forced = Prompt(tools=(PING, WEATHER), forced_tool="get_weather")
    calls = reply("- {say: plain}", user("I go to rome"), prompt=forced).calls
    assert calls == (Call("get_weather", '{"city": "Rome"}'),)


def test_a_failure_goes_before_a_demanded_call() -> None:
    required = Prompt(tools=(PING,), tool_choice="required")
    assert reply("- {fail: {message: m}}", user("hi"), prompt=required).failure
