"""What was begun in a pause was used, or it was in vain: the session says which, and how much."""

from support.stage import PEER, TRANSCRIBED, Stage
from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.session.barge_in_policy import BargeInPolicy
from vivavoce.session.inputs import PeerLeft
from vivavoce.session.outputs import Speculated
from vivavoce.session.state import Limits

HEARD = 1.174
"""Seconds of speech, padding included, in a turn of 1024 ms."""


def drafted(stage: Stage | None = None) -> Stage:
    """A pause in which a clause was drafted, and spoken in part."""
    stage = stage or Stage(**TRANSCRIBED)
    stage.speech(1024)
    stage.silence(192)
    stage.heard("book a table")
    stage.wrote("Sure, I will ")
    stage.voiced(240)
    return stage


def account(stage: Stage) -> list[tuple[str, str, float]]:
    """Work, what became of it, and how much it was."""
    told = [o for o in stage.outputs if isinstance(o, Speculated)]
    return [(one.work, one.fate, one.amount) for one in told]


def test_nothing_is_said_while_the_pause_may_go_on() -> None:
    assert account(drafted()) == []


def test_what_the_endpoint_finds_ready_was_used() -> None:
    stage = drafted()
    stage.silence(320)
    assert account(stage) == [
        ("transcribe", "used", HEARD),
        ("generate", "used", len("Sure, I will ")),
        ("speak", "used", 0.24),
    ]


def test_what_comes_after_the_endpoint_was_no_speculation() -> None:
    stage = drafted()
    stage.silence(320)
    before = account(stage)
    stage.wrote("do it.")
    stage.finished()
    stage.spoken("speak1")
    stage.voiced(300, "speak2")
    stage.spoken("speak2")
    assert account(stage) == before


def test_whoever_speaks_on_makes_it_vain() -> None:
    stage = drafted()
    stage.speech(32)
    assert account(stage) == [
        ("generate", "resumed", 13),
        ("speak", "resumed", 0.24),
        ("transcribe", "resumed", HEARD),
    ]


def test_an_answer_to_something_else_is_not_used_and_the_words_are() -> None:
    stage = drafted()
    stage.write("By the way, I am Ada.")
    stage.silence(320)
    assert account(stage) == [
        ("transcribe", "used", HEARD),
        ("generate", "changed", 13),
        ("speak", "changed", 0.24),
    ]


def test_words_that_are_wanted_otherwise_are_heard_again() -> None:
    stage = Stage(**TRANSCRIBED)
    stage.speech(1024)
    stage.silence(192)
    stage.update_input(transcription={"model": "any", "language": "de"})
    stage.silence(320)
    assert account(stage) == [("transcribe", "changed", HEARD)]


def test_a_turn_that_is_cleared_needs_nothing() -> None:
    stage = drafted()
    stage.clear()
    assert [fate for _, fate, _ in account(stage)] == ["unanswered"] * 3


def test_a_turn_that_is_not_answered_after_all_needs_its_words() -> None:
    stage = drafted()
    stage.update_input(turn_detection={"type": "server_vad", "create_response": False})
    stage.silence(320)
    assert [(work, fate) for work, fate, _ in account(stage)] == [
        ("transcribe", "used"),
        ("generate", "unanswered"),
        ("speak", "unanswered"),
    ]


def test_of_a_draft_that_fails_only_the_job_that_failed_has_failed() -> None:
    stage = drafted()
    stage.failed("speak1")
    stage.silence(320)
    assert account(stage) == [
        ("generate", "unanswered", 13),
        ("speak", "failed", 0.24),
        ("transcribe", "used", HEARD),
    ]


def test_words_that_could_not_be_heard_are_not_used() -> None:
    stage = Stage(**TRANSCRIBED)
    stage.speech(1024)
    stage.silence(192)
    stage.failed("hear1")
    stage.silence(320)
    assert "transcription.failed item1 engine_error" in stage.told()
    assert account(stage) == [("transcribe", "failed", HEARD)]


def test_a_recogniser_that_streams_was_asked_for_what_it_had_heard() -> None:
    stage = Stage(abilities=HearingAbilities(streams=True), **TRANSCRIBED)
    stage.speech(1024)
    stage.silence(192)
    stage.speech(32)
    assert account(stage) == [("transcribe", "resumed", 0.0)]


def test_words_that_decide_on_a_barge_in_are_no_speculation() -> None:
    stage = Stage(limits=Limits(barge_in=BargeInPolicy(backchannels=True)), **TRANSCRIBED)
    stage.write("Tell me a story.")
    stage.respond()
    stage.wrote("Once upon a time there was a king. ")
    stage.voiced(4000)
    stage.speech(512)
    stage.silence(192)
    stage.heard("mm-hmm")
    stage.silence(512)
    assert "transcription.completed item3 'mm-hmm'" in stage.told()
    assert account(stage) == []


def test_a_session_that_ends_leaves_nothing_out() -> None:
    stage = drafted()
    stage.step(PeerLeft(PEER))
    assert [fate for _, fate, _ in account(stage)] == ["unanswered"] * 3
