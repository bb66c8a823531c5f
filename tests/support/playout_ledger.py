"""The books on playing: speech is not sent much further ahead than it can be played."""

from vivavoce.protocol.server_events import (
    ConversationItemTruncated,
    OutputAudioDelta,
    ResponseDone,
    SpeechStarted,
)
from vivavoce.session.outputs import AnyOutput, Send, SendAudio

BYTES_PER_SECOND = 48_000


class PlayoutLedger:
    """A listener who plays all speech in the order in which it comes."""

    def __init__(self, max_lead_s: float) -> None:
        self._max_lead_s = max_lead_s
        self._plays_until = 0.0

    def done(self, output: AnyOutput, now: float) -> None:
        """One output, in order. Where a client may drop what is queued, it is taken to do so."""
        match output:
            case SendAudio(event=OutputAudioDelta(delta=audio)):
                lead_s = self._plays_until - now
                assert lead_s <= self._max_lead_s, f"speech is {lead_s:.2f} s ahead of its playing"
                self._plays_until = max(self._plays_until, now) + len(audio) / BYTES_PER_SECOND
            case Send(event=ResponseDone(response=response)) if response.status == "cancelled":
                self._plays_until = now
            case Send(event=SpeechStarted() | ConversationItemTruncated()):
                self._plays_until = now
