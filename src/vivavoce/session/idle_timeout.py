"""The idle timeout: after a long silence the assistant speaks up by itself (protocol 5.15)."""

from vivavoce.protocol.errors import Refusal
from vivavoce.protocol.server_events import Error
from vivavoce.protocol.session_config import ServerVad
from vivavoce.session.input_audio_buffer import InputAudioBuffer
from vivavoce.session.responses import Responses
from vivavoce.session.state import State


class IdleTimeout:
    """Watches the clock of the silence, for sessions with `server_vad` that ask for it."""

    def __init__(self, state: State, buffer: InputAudioBuffer, responses: Responses) -> None:
        self._state = state
        self._buffer = buffer
        self._responses = responses

    def deadline(self) -> float | None:
        """When the silence is to be answered; None while there is none.

        Audio that was not scored yet may be speech, and the timeout waits for it: the deadline is
        there again, though long past, when the last of it was scored.
        """
        detection = self._state.config.audio.input.turn_detection
        if not isinstance(detection, ServerVad) or detection.idle_timeout_ms is None:
            return None
        if self._responses.active is not None:
            return None
        if not self._buffer.is_quiet or not self._buffer.is_scored:
            return None
        return self._state.idle.deadline(detection)

    def advance(self) -> None:
        """Time has passed. In a full conversation, silence gets one error in place of an answer."""
        deadline, state = self.deadline(), self._state
        if deadline is None or state.now < deadline:
            return
        try:
            state.conversation.check_room()
        except Refusal as refusal:
            state.idle.give_up()
            state.out.send(Error(error=refusal.detail))
            return
        self._buffer.commit_silence(state.idle.silence_from(state.now))
