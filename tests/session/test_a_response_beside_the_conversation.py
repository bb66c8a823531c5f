"""Walk (f) and protocol 5.8: out-of-band responses."""

from typing import Any

from support.cast import Cast
from support.stage import Stage
from vivavoce.protocol.server_events import ResponseCreated, ResponseDone

BESIDE = {"conversation": "none", "output_modalities": ["text"]}


def an_answer_with_another_beside_it() -> Stage:
    stage = Stage()
    stage.speech(512)
    stage.silence(512)
    stage.heard("hello")
    stage.wrote("Hello, ")
    stage.voiced(240)
    stage.respond(metadata={"topic": "mood"}, **BESIDE)
    stage.news()
    return stage


def message(text: str, role: str = "user") -> dict[str, Any]:
    return {"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]}


def test_it_runs_while_the_conversation_is_being_answered() -> None:
    stage = an_answer_with_another_beside_it()
    stage.wrote("happy", "generate2")
    assert stage.news() == [
        "output_item.added item3",
        "part.added item3",
        "text.delta item3 'happy'",
    ]
    stage.finished(job="generate2")
    assert stage.news() == [
        "text.done item3 'happy'",
        "part.done item3",
        "output_item.done item3",
        "response.done resp2 completed",
    ]
    stage.voiced(240, "speak1")
    assert stage.news() == ["audio.delta item2 240ms"]


def test_it_belongs_to_no_conversation_and_echoes_its_metadata() -> None:
    stage = an_answer_with_another_beside_it()
    created = stage.last(ResponseCreated).response
    stage.finished(job="generate2")
    done = stage.last(ResponseDone).response
    for shown in (created, done):
        assert shown.conversation_id is None
        assert shown.metadata == {"topic": "mood"}


def test_nothing_of_it_is_remembered() -> None:
    stage = Stage(cast=Cast(says=[("happy",), ("Hi.",)]))
    stage.respond(**BESIDE)
    stage.advance(500)
    stage.write("hello")
    stage.respond()
    assert stage.dialogue() == [("user", "hello")]


def test_cancel_without_a_name_reaches_the_conversation_only() -> None:
    stage = an_answer_with_another_beside_it()
    stage.cancel()
    assert stage.told()[-1] == "response.done resp1 cancelled client_cancelled"
    stage.cancel("resp2")
    assert stage.news() == [
        "Cancel generate2",
        "response.done resp2 cancelled client_cancelled",
    ]
    stage.cancel("resp2")
    assert stage.news() == ["error response_cancel_not_active"]


def test_speech_interrupts_the_conversation_only() -> None:
    stage = an_answer_with_another_beside_it()
    stage.speech(32)
    told = stage.told()
    assert told[-1] == "response.done resp1 cancelled turn_detected"
    stage.finished(job="generate2")
    assert stage.told() == ["response.done resp2 completed"]


def test_an_empty_input_is_an_empty_context() -> None:
    stage = Stage()
    stage.write("hello")
    stage.respond(input=[], instructions="Greet.", **BESIDE)
    assert stage.dialogue() == []
    assert stage.prompt.instructions == "Greet."


def test_an_input_of_items_and_references_is_the_context() -> None:
    stage = Stage()
    stage.write("hello", id="greeting")
    stage.write("ignore me")
    reference = {"type": "item_reference", "id": "greeting"}
    stage.respond(input=[message("Be brief.", "system"), reference], **BESIDE)
    assert stage.dialogue() == [("system", "Be brief."), ("user", "hello")]


def test_a_reference_to_nothing_is_refused() -> None:
    stage = Stage()
    stage.news()
    stage.respond(input=[message("a"), {"type": "item_reference", "id": "nobody"}], **BESIDE)
    assert stage.news() == ["error invalid_value response.input[1].id"]


def test_a_call_and_its_output_may_both_be_in_the_input() -> None:
    stage = Stage()
    call = {"type": "function_call", "name": "dial", "call_id": "c1", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c1", "output": "ringing"}
    stage.respond(input=[call, output], **BESIDE)
    assert [m.role for m in stage.prompt.messages] == ["assistant", "tool"]


def test_an_input_of_its_own_may_serve_the_conversation() -> None:
    stage = Stage(cast=Cast(says=[("Blue.",)]))
    stage.write("hello")
    stage.respond(input=[message("what colour?")])
    assert stage.dialogue() == [("user", "what colour?")]
    stage.advance(1000)
    assert "item.added item2 after item1" in stage.told()


def test_only_so_many_may_run_at_a_time() -> None:
    stage = Stage()
    for _ in range(16):
        stage.respond(**BESIDE)
    stage.news()
    stage.respond(**BESIDE)
    assert stage.news() == ["error too_many_responses"]
    stage.finished(job="generate3")
    stage.news()
    stage.respond(**BESIDE)
    assert stage.news()[0].startswith("response.created")


def test_its_cancellation_does_not_make_the_conversation_speak_too_far_ahead() -> None:
    stage = Stage()
    stage.write("tell me a story")
    stage.respond()
    stage.wrote("A long story. ")
    stage.voiced(10_000)
    stage.respond(**BESIDE)
    stage.cancel("resp2")
    stage.news()
    stage.voiced(1000)
    assert stage.news() == []


def test_its_cancellation_stops_the_hearing_of_its_own_input() -> None:
    stage = Stage()
    speech = {"type": "input_audio", "audio": "AAAA"}
    item = {"type": "message", "role": "user", "content": [speech]}
    stage.respond(conversation="none", input=[item])
    stage.news()
    stage.cancel("resp1")
    assert stage.news() == ["response.done resp1 cancelled client_cancelled", "Cancel hear1"]


def test_another_responses_cancellation_does_not_stop_the_hearing_that_it_waits_for() -> None:
    stage = Stage(output_modalities=["text"])
    stage.speech(512)
    stage.silence(512)
    stage.respond(**BESIDE)
    stage.delete("item1")
    stage.cancel("resp1")
    stage.news()
    stage.heard("hello")
    assert stage.news() == ["Generate generate1"]
