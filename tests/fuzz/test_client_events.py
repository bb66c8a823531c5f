"""Whatever a client sends, in whatever order: documented errors only, and the invariants hold."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from support.client_frames import frames
from support.documented_errors import DOCUMENTED
from support.moves import Move, Pass, Sound
from support.reply_ledger import ReplyLedger
from support.world import IDLE, SHORT_LEAD, TALKATIVE, WINDOW, WITH_TOOLS, World
from vivavoce.dialects import ga
from vivavoce.protocol.client_events import ClientEvent, InputAudioBufferAppend
from vivavoce.protocol.errors import ErrorDetail, Refusal
from vivavoce.protocol.server_events import Error
from vivavoce.protocol.session_config import SessionConfig
from vivavoce.session.inputs import EventReceived, FrameRefused
from vivavoce.session.outputs import AnyOutput, Send
from vivavoce.session.rate_limits import RateLimitSettings
from vivavoce.session.state import Limits

PEER = 1

sounds = st.builds(Sound, st.integers(1, 20), st.sampled_from((0.95, 0.02)))
passing = st.builds(Pass, st.sampled_from((0.02, 0.5, 10.0)))
happenings = st.lists(st.one_of(frames, frames, frames, sounds, passing), max_size=40)
limits = st.sampled_from(
    (
        SHORT_LEAD,
        Limits(lifetime_s=None, context_tokens=40),
        Limits(
            lifetime_s=None,
            rate_limits=RateLimitSettings(requests_per_minute=3, tokens_per_minute=100),
        ),
    )
)


class NoBooksOnReplies(ReplyLedger):
    """Which event answers which is another property's matter: here clients give no ids."""

    def asked(self, received: EventReceived) -> None:
        """Nothing is expected."""

    def done(self, output: AnyOutput) -> None:
        """Nothing was expected."""


class FuzzedWorld(World):
    """A world whose client sends frames."""

    def __init__(self, seed: int, config: SessionConfig, limits: Limits) -> None:
        super().__init__(seed, config=config, limits=limits)
        self.oracle.replies = NoBooksOnReplies()

    def frame(self, text: str) -> None:
        """The client sends this frame."""
        event = read(text)
        match event:
            case ErrorDetail():
                self.step(FrameRefused(PEER, event))
            case InputAudioBufferAppend():
                self.sound(4 * WINDOW, 0.95)
            case _:
                self.step(EventReceived(PEER, event))


def read(frame: str | bytes) -> ClientEvent | ErrorDetail:
    """The event in a frame, or why there is none."""
    try:
        return ga.decode(frame)
    except Refusal as refusal:
        return refusal.detail


def errors(outputs: tuple[AnyOutput, ...]) -> list[Error]:
    """The errors among what a step gave."""
    sent = [output.event for output in outputs if isinstance(output, Send)]
    return [event for event in sent if isinstance(event, Error)]


@settings(max_examples=2 * settings().max_examples)
@given(
    seed=st.integers(0, 2**16),
    config=st.sampled_from((TALKATIVE, WITH_TOOLS, IDLE)),
    within=limits,
    script=happenings,
)
def test_any_frames_in_any_order_keep_the_invariants(
    seed: int, config: SessionConfig, within: Limits, script: list[str | Move]
) -> None:
    world = FuzzedWorld(seed, config, within)
    for happening in script:
        if isinstance(happening, str):
            world.frame(happening)
        else:
            world.make(happening)
    world.settle()
    world.leave()
    for step in world.log:
        for error in errors(step.outputs):
            assert error.error.code in DOCUMENTED, error


@given(frame=frames)
def test_any_frame_is_an_event_or_a_documented_error(frame: str) -> None:
    event = read(frame)
    if isinstance(event, ErrorDetail):
        assert event.code in DOCUMENTED
        assert event.message
    else:
        assert json.loads(frame)["type"] == event.__struct_config__.tag


@given(frame=st.binary(max_size=64))
def test_bytes_that_are_no_text_are_a_documented_error(frame: bytes) -> None:
    event = read(frame)
    assert isinstance(event, ErrorDetail)
    assert event.code in DOCUMENTED
