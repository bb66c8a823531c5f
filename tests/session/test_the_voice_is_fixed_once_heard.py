"""Protocol 2.1: the voice cannot change once assistant audio went out."""

from support.stage import Stage


def an_answer_that_was_heard() -> Stage:
    stage = Stage()
    stage.respond()
    stage.wrote("Hello. ")
    stage.voiced(200)
    stage.news()
    return stage


def voice(name: object) -> dict[str, object]:
    return {"output": {"voice": name}}


def test_before_any_audio_the_voice_can_change() -> None:
    stage = Stage()
    stage.news()
    stage.update(audio=voice("cedar"))
    assert stage.news() == ["session.updated"]


def test_after_audio_it_cannot() -> None:
    stage = an_answer_that_was_heard()
    stage.update(audio=voice("cedar"), instructions="Be brief.")
    assert stage.news() == ["error cannot_update_voice"]
    assert stage.error.message == (
        "Cannot update a conversation's voice if assistant audio is present."
    )
    stage.finished()
    stage.spoken()
    stage.respond()
    assert stage.prompt.instructions == ""


def test_the_same_voice_may_be_sent_again() -> None:
    stage = an_answer_that_was_heard()
    stage.update(audio=voice("alloy"))
    assert stage.news() == ["session.updated"]


def test_audio_that_was_only_drafted_does_not_count() -> None:
    stage = Stage()
    stage.speech(512)
    stage.silence(192)
    stage.heard("hello")
    stage.wrote("Hello, ")
    stage.voiced(200)
    stage.news()
    stage.update(audio=voice("cedar"))
    assert stage.news() == ["session.updated"]


def test_the_same_voice_by_its_id_is_the_same_voice() -> None:
    stage = an_answer_that_was_heard()
    stage.update(audio=voice({"id": "alloy"}))
    assert stage.news() == ["session.updated"]


def test_speech_beside_the_conversation_does_not_count() -> None:
    stage = Stage()
    stage.respond(conversation="none")
    stage.wrote("Hello. ")
    stage.voiced(200)
    stage.news()
    stage.update(audio=voice("cedar"))
    assert stage.news() == ["session.updated"]
