"""What a voice says of Markdown; the transcript is the model's own."""

from support.stage import Stage
from vivavoce.protocol.server_events import OutputAudioTranscriptDone
from vivavoce.session.outputs import Speak

LINK = "See **the** [docs](https://example.org/a_b) now. "


def said(stage: Stage) -> list[str]:
    """What the voice was asked to say."""
    return [output.text for output in stage.outputs if isinstance(output, Speak)]


def an_answer(*pieces: str) -> Stage:
    stage = Stage()
    stage.write("tell me")
    stage.respond()
    for piece in pieces:
        stage.wrote(piece)
    return stage


def test_the_voice_gets_no_markup_and_the_client_gets_all_of_it() -> None:
    stage = an_answer(LINK)
    assert said(stage) == ["See the docs now. "]
    stage.voiced(2000)
    stage.spoken()
    stage.finished()
    assert stage.last(OutputAudioTranscriptDone).transcript == LINK


def test_code_is_passed_over_and_stands_in_the_transcript() -> None:
    code = "```python\nprint('hello, world')\n```\n"
    stage = an_answer("Try this:\n", code, "It works. ")
    for job in ("speak1", "speak2"):
        stage.voiced(500, job)
        stage.spoken(job)
    stage.finished()
    assert said(stage) == ["Try this:\n", "It works. "]
    assert stage.last(OutputAudioTranscriptDone).transcript == f"Try this:\n{code}It works. "


def test_words_that_were_played_are_remembered_with_their_markup() -> None:
    stage = an_answer(LINK)
    stage.voiced(4000, None, (3, 0), (7, 1000), (12, 2000), (16, 3000))
    stage.spoken()
    stage.finished()
    stage.truncate("item2", 3500)
    stage.respond()
    assert stage.dialogue()[1][1] == "See **the** [docs](https://example.org/a_b)"
