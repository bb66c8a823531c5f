"""Opt-in: which speech over an answer interrupts it. The cancel waits, and nothing else does."""

import pytest

from support.cast import Cast
from support.stage import Stage
from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.session.barge_in_policy import BargeInPolicy
from vivavoce.session.state import Limits

STORY = "Once upon a time there was a fox who lived in a forest far away from here"
"""Takes 4.4 s; a word lasts about 300 ms."""
STREAMING = HearingAbilities(streams=True)
CANCELLED = "response.done resp1 cancelled turn_detected"


def over_an_answer(
    policy: BargeInPolicy, *then_hears: str, abilities: HearingAbilities | None = None
) -> Stage:
    """The user has asked for a story, and hears it for half a second."""
    cast = Cast(hears=["tell me a story", *then_hears], says=[(f"{STORY}. ", "The end.")])
    stage = Stage(cast=cast, limits=Limits(barge_in=policy, max_lead_ms=1000), abilities=abilities)
    stage.speech(512)
    stage.silence(1024)
    assert "response.created resp1" in stage.told()
    return stage


def interrupted(stage: Stage) -> bool:
    """Whether the answer was cut short since the last look."""
    return CANCELLED in stage.told()


def turn(stage: Stage, speech_ms: int) -> list[str]:
    """The user says something, and is silent; gives what the client was told."""
    stage.speech(speech_ms)
    stage.silence(1024)
    return stage.told()


def while_the_last_word_plays(policy: BargeInPolicy) -> Stage:
    """All of a short answer was sent, and a tenth of a second of it is yet to be played."""
    stage = Stage(limits=Limits(barge_in=policy, speculate="off"))
    stage.speech(512)
    stage.silence(512)
    stage.heard("are you there")
    stage.wrote("One moment.")
    stage.finished()
    stage.voiced(900, None, (3, 0), (11, 400))
    stage.spoken()
    assert "response.done resp1 completed" in stage.told()
    stage.silence(800)
    return stage


# --- off ----------------------------------------------------------------------------------------


def test_without_a_policy_any_speech_interrupts_at_once() -> None:
    stage = over_an_answer(BargeInPolicy())
    stage.speech(32)
    told = stage.told()
    assert told[0].startswith("speech_started")
    assert told[-1] == CANCELLED


# --- length -------------------------------------------------------------------------------------


def test_speech_is_announced_at_once_and_interrupts_when_it_is_long_enough() -> None:
    stage = over_an_answer(BargeInPolicy(least_voiced_ms=320))
    stage.speech(32)
    assert stage.told()[0].startswith("speech_started item3")
    stage.speech(256)
    assert not interrupted(stage)
    stage.speech(32)
    assert interrupted(stage)


def test_pauses_do_not_count_as_speech() -> None:
    stage = over_an_answer(BargeInPolicy(least_voiced_ms=320))
    stage.speech(160)
    stage.silence(320)
    stage.speech(128)
    assert not interrupted(stage)
    stage.speech(32)
    assert interrupted(stage)


def test_a_cough_is_an_item_without_an_answer_and_the_answer_goes_on() -> None:
    stage = over_an_answer(BargeInPolicy(least_voiced_ms=320))
    told = turn(stage, 96)
    assert "committed item3 after item2" in told
    assert not any(line.startswith("response.") for line in told)
    stage.silence(4096)
    told = stage.told()
    assert "response.done resp1 completed" in told
    assert not any(line.startswith("response.created") for line in told)


@pytest.mark.parametrize(
    "policy",
    [
        BargeInPolicy(least_voiced_ms=320),
        BargeInPolicy(least_voiced_ms=320, backchannels=True),
    ],
)
def test_a_few_words_before_there_is_an_answer_to_hear_belong_to_the_question(
    policy: BargeInPolicy,
) -> None:
    stage = Stage(limits=Limits(barge_in=policy, speculate="off"))
    stage.speech(512)
    stage.silence(512)
    stage.heard("tell me a story")
    stage.wrote(STORY)
    assert "response.created resp1" in stage.told()
    stage.speech(96)
    stage.silence(512)
    stage.heard("about foxes")
    told = stage.told()
    assert told.index(CANCELLED) < told.index("response.created resp2")
    assert stage.dialogue() == [("user", "tell me a story"), ("user", "about foxes")]


def test_a_cough_over_a_written_answer_goes_by() -> None:
    policy = BargeInPolicy(least_voiced_ms=320)
    stage = Stage(limits=Limits(barge_in=policy, speculate="off"), output_modalities=["text"])
    stage.speech(512)
    stage.silence(512)
    stage.heard("tell me a story")
    stage.wrote(STORY)
    stage.told()
    assert not any(line.startswith("response.") for line in turn(stage, 96))


# --- backchannels -------------------------------------------------------------------------------


def test_a_backchannel_goes_by() -> None:
    stage = over_an_answer(BargeInPolicy(backchannels=True), "Mm-hmm.", "Mm-hmm.")
    told = turn(stage, 256)
    assert "committed item3 after item2" in told
    assert CANCELLED not in told
    stage.silence(4096)
    told = stage.told()
    assert "response.done resp1 completed" in told
    assert not any(line.startswith("response.created") for line in told)


def test_other_words_interrupt_in_the_first_pause() -> None:
    stage = over_an_answer(BargeInPolicy(backchannels=True), "no, wait")
    stage.speech(256)
    stage.silence(128)
    assert not interrupted(stage)
    stage.silence(128)
    assert interrupted(stage), "words are known 80 ms after 150 ms of pause"
    stage.silence(512)
    assert "response.created resp2" in stage.told()
    assert stage.dialogue()[-1] == ("user", "no, wait")


def test_a_backchannel_that_goes_on_interrupts() -> None:
    stage = over_an_answer(BargeInPolicy(backchannels=True), "yeah", "yeah, but stop")
    stage.speech(256)
    stage.silence(320)
    assert not interrupted(stage)
    stage.speech(256)
    stage.silence(320)
    assert interrupted(stage)


def test_nobody_merely_listens_for_two_seconds() -> None:
    stage = over_an_answer(BargeInPolicy(backchannels=True), "mm mm mm")
    stage.speech(1472)
    assert not interrupted(stage)
    stage.speech(32)
    assert interrupted(stage)


def test_words_are_asked_for_without_speculation_too() -> None:
    cast = Cast(hears=["tell me a story", "stop it"], says=[(f"{STORY}. ", "The end.")])
    policy = BargeInPolicy(backchannels=True)
    limits = Limits(barge_in=policy, max_lead_ms=1000, speculate="off")
    stage = Stage(cast=cast, limits=limits)
    stage.speech(512)
    stage.silence(1024)
    stage.told()
    stage.speech(256)
    stage.silence(256)
    assert interrupted(stage)


def test_a_streaming_recogniser_interrupts_in_mid_speech() -> None:
    stage = over_an_answer(BargeInPolicy(backchannels=True), abilities=STREAMING)
    stage.speech(512)
    stage.transcript_delta("yea", job="follow2")
    assert not interrupted(stage)
    stage.transcript_delta("h I see", job="follow2")
    assert not interrupted(stage)
    stage.transcript_delta(" a problem", job="follow2")
    assert interrupted(stage)


def test_the_list_is_the_operators() -> None:
    policy = BargeInPolicy(backchannels=("go on",))
    assert CANCELLED not in turn(over_an_answer(policy, "Go on!", "Go on!"), 256)
    assert CANCELLED in turn(over_an_answer(policy, "yeah", "yeah"), 256)


def test_noise_goes_by_where_words_decide() -> None:
    assert CANCELLED not in turn(over_an_answer(BargeInPolicy(backchannels=True), "", ""), 256)


def test_yes_is_an_answer_when_the_assistant_has_ended() -> None:
    stage = over_an_answer(BargeInPolicy(backchannels=True), "yes", "yes")
    stage.silence(5120)
    stage.told()
    assert "response.created resp2" in turn(stage, 256)


def test_yes_is_an_answer_when_the_assistant_ends_meanwhile() -> None:
    stage = while_the_last_word_plays(BargeInPolicy(backchannels=True))
    stage.speech(96)
    stage.silence(512)
    stage.heard("yes")
    assert "response.created resp2" in stage.told()


def test_an_answer_that_only_plays_is_remembered_up_to_the_decision() -> None:
    stage = Stage(limits=Limits(barge_in=BargeInPolicy(least_voiced_ms=320), speculate="off"))
    stage.speech(512)
    stage.silence(512)
    stage.heard("count")
    stage.wrote("one two three four.")
    stage.finished()
    stage.voiced(4000, None, (3, 0), (7, 1000), (13, 2000), (19, 3000))
    stage.spoken()
    stage.silence(1792)
    stage.told()
    stage.speech(320)
    assert [line.split()[0] for line in stage.told()] == ["speech_started"]
    stage.silence(512)
    stage.heard("wait")
    assert stage.dialogue()[-2:] == [("assistant", "one two"), ("user", "wait")]


# --- the assistant's own words --------------------------------------------------------------------

OWN = BargeInPolicy(ignore_own_speech=True)


def test_its_own_words_go_by() -> None:
    stage = over_an_answer(OWN, "upon a time there", "upon a time there")
    told = turn(stage, 512)
    assert "committed item3 after item2" in told
    assert CANCELLED not in told
    stage.silence(4096)
    told = stage.told()
    assert "response.done resp1 completed" in told
    assert not any(line.startswith("response.created") for line in told)


def test_words_that_are_to_be_said_later_interrupt() -> None:
    assert CANCELLED in turn(over_an_answer(OWN, "forest far away", "forest far away"), 512)


def test_other_words_interrupt() -> None:
    assert CANCELLED in turn(over_an_answer(OWN, "tell me another one"), 512)


def test_an_echo_that_comes_when_the_answer_is_over_is_not_answered() -> None:
    stage = while_the_last_word_plays(OWN)
    stage.speech(96)
    stage.silence(512)
    stage.heard("one moment")
    told = stage.told()
    assert "committed item3 after item2" in told
    assert not any(line.startswith("response.") for line in told)


def test_words_said_half_a_minute_ago_interrupt_where_a_voice_gives_no_times() -> None:
    stage = Stage(limits=Limits(barge_in=OWN, max_lead_ms=60_000, speculate="off"))
    stage.speech(512)
    stage.silence(512)
    stage.heard("tell me a story")
    stage.wrote("Say stop whenever you want me to stop. ")
    stage.wrote(f"{STORY}.")
    stage.finished()
    stage.voiced(2000, "speak1")
    stage.spoken("speak1")
    stage.voiced(45_000, "speak2")
    stage.spoken("speak2")
    stage.silence(32_000)
    stage.told()
    stage.speech(512)
    stage.silence(512)
    stage.heard("stop")
    assert "response.created resp2" in stage.told()


def test_the_recogniser_is_asked_every_second() -> None:
    stage = over_an_answer(OWN, "once upon a time", "a time there was but I ask", "stop")
    stage.speech(1024)
    asked = [line for line in stage.news() if line.startswith("Hear ")]
    assert len(asked) == 1
    stage.speech(960)
    assert not interrupted(stage)
    stage.speech(128)
    assert interrupted(stage)


def test_a_streaming_recogniser_is_read() -> None:
    stage = over_an_answer(OWN, abilities=STREAMING)
    stage.speech(512)
    stage.transcript_delta("once upon a", job="follow2")
    assert not interrupted(stage)
    stage.transcript_delta(" moment please wait", job="follow2")
    assert interrupted(stage)


# --- decisions that come late ---------------------------------------------------------------------


def over_an_answer_by_hand() -> Stage:
    """The same, with a recogniser that takes its time."""
    limits = Limits(barge_in=BargeInPolicy(backchannels=True), speculate="off")
    stage = Stage(limits=limits)
    stage.speech(512)
    stage.silence(512)
    stage.heard("tell me a story")
    stage.wrote(f"{STORY}. ")
    stage.voiced(4000)
    stage.speech(256)
    stage.silence(512)
    assert "committed item3 after item2" in stage.told()
    return stage


def test_words_that_are_known_after_the_turn_interrupt_then_and_are_answered() -> None:
    stage = over_an_answer_by_hand()
    stage.heard("wait")
    told = stage.told()
    assert told.index(CANCELLED) < told.index("response.created resp2")
    assert stage.dialogue()[-1] == ("user", "wait")


def test_a_backchannel_that_is_known_after_the_turn_goes_by() -> None:
    stage = over_an_answer_by_hand()
    stage.heard("yeah")
    assert not any(line.startswith("response.") for line in stage.told())


def test_a_user_who_speaks_again_meanwhile_is_answered_at_the_end_of_that() -> None:
    stage = over_an_answer_by_hand()
    stage.speech(256)
    stage.heard("wait", "hear2")
    told = stage.told()
    assert CANCELLED in told
    assert not any(line.startswith("response.created") for line in told)
    stage.silence(512)
    stage.heard("yeah", "hear3")
    assert "response.created resp2" in stage.told()
    assert stage.dialogue()[-2:] == [("user", "wait"), ("user", "yeah")]


def test_what_could_not_be_made_out_interrupts() -> None:
    stage = over_an_answer_by_hand()
    stage.failed("hear2")
    assert interrupted(stage)


def test_a_response_that_the_client_asked_for_since_is_left_alone() -> None:
    stage = over_an_answer_by_hand()
    stage.cancel()
    stage.respond()
    stage.told()
    stage.heard("wait", "hear2")
    assert not any(line.startswith("response.done") for line in stage.told())


@pytest.mark.parametrize("how", ["commit", "clear"])
def test_a_client_that_takes_over_decides_itself(how: str) -> None:
    stage = over_an_answer(BargeInPolicy(backchannels=True), "wait", "wait")
    stage.speech(256)
    getattr(stage, how)()
    stage.silence(1024)
    assert not interrupted(stage)


def test_interrupt_response_off_is_stronger() -> None:
    stage = over_an_answer(BargeInPolicy(least_voiced_ms=320))
    stage.speech(96)
    stage.update_input(turn_detection={"type": "server_vad", "interrupt_response": False})
    stage.speech(512)
    assert not interrupted(stage)
