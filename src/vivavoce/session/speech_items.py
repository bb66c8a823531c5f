"""Messages in speech while they are being sent: clauses of a voice, or speech of the model's own.

Over either the listener's end decides how far ahead it is sent, and what of it was heard.
"""

from dataclasses import dataclass, field

from vivavoce.audio.units import BYTES_PER_MS
from vivavoce.protocol.items import ItemStatus, MessageItem, OutputAudio
from vivavoce.protocol.server_events import (
    AudioPart,
    ContentPartAdded,
    ContentPartDone,
    OutputAudioDelta,
    OutputAudioDone,
    OutputAudioTranscriptDelta,
    OutputAudioTranscriptDone,
)
from vivavoce.session.draft_content import DraftClause, DraftSpeech, DraftText
from vivavoce.session.inputs import AudioGenerated, Word
from vivavoce.session.output_audio import Clause, Spoken
from vivavoce.session.output_items import OutputItem, Place
from vivavoce.session.outputs import EndAudio, SendAudio


@dataclass(slots=True)
class SentClause:
    """A clause whose transcript was sent, with the audio that followed so far."""

    text: str
    ends_at: float
    """When the last of that audio will have been played, in seconds of the session's clock."""
    sent_bytes: int = 0
    words: list[Word] = field(default_factory=list)
    whole: bool = False

    def freeze(self) -> Clause:
        """As the conversation remembers it."""
        return Clause(
            self.text, self.sent_bytes // BYTES_PER_MS, tuple(self.words), whole=self.whole
        )


class SpeechMessage(OutputItem):
    """A message in speech, made of what was sent."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.held = False
        """Whether there is speech that may not be sent yet, because too much is unplayed."""
        self._sent: list[SentClause] = []
        self._sent_bytes = 0
        self._begun = False

    @property
    def transcript(self) -> str:
        """The words whose audio has begun."""
        return "".join(clause.text for clause in self._sent)

    @property
    def written(self) -> str:
        """The words."""
        return self.transcript

    @property
    def audio_ms(self) -> int:
        """Milliseconds of speech that were sent."""
        return self._sent_bytes // BYTES_PER_MS

    def open(self) -> None:
        """Announce the item and its one part."""
        super().open()
        self._begun = True
        part = AudioPart(transcript="")
        self.place.state.out.send(self.place.event(ContentPartAdded, part=part))

    def _hold(self) -> bool:
        """Whether speech has to wait until more of what was sent is played."""
        state = self.place.state
        self.held = state.playback.lead_s(state.now) * 1000 >= state.limits.max_lead_ms
        return self.held

    def _begin(self, text: str) -> SentClause:
        """Something with sound of its own begins."""
        state = self.place.state
        begins_at = max(state.playback.ends_at, state.now)
        sent = SentClause(text, ends_at=begins_at)
        self._sent.append(sent)
        state.aloud.begins(sent, begins_at)
        return sent

    def _tell(self, words: str) -> None:
        """Send more of the transcript."""
        self.place.state.out.send(self.place.event(OutputAudioTranscriptDelta, delta=words))

    def _send_audio(self, audio: bytes, sent: SentClause) -> None:
        state, place = self.place.state, self.place
        sent.sent_bytes += len(audio)
        self._sent_bytes += len(audio)
        if place.plan.in_conversation:
            state.conversation.was_spoken_in = True
        state.playback.sent(place.item_id, len(audio) / BYTES_PER_MS, state.now)
        sent.ends_at = state.playback.ends_at
        event = place.event(OutputAudioDelta, delta=audio)
        state.out.do(SendAudio(state.out.stamp(event), place.plan.format))

    def item(self, status: ItemStatus) -> MessageItem:
        """The message as it stands."""
        content = (OutputAudio(transcript=self.transcript),) if self._begun else ()
        return MessageItem(id=self.place.item_id, status=status, role="assistant", content=content)

    def spoken(self) -> Spoken:
        """What was said aloud so far."""
        return Spoken(tuple(clause.freeze() for clause in self._sent))

    def close_content(self, status: ItemStatus) -> None:
        """The speech is over (protocol 5.2 has the order)."""
        out = self.place.state.out
        end = out.stamp(self.place.event(OutputAudioDelta, delta=b""))
        out.do(EndAudio(end, cut=status != "completed"))
        out.send(self.place.event(OutputAudioDone))
        out.send(self.place.event(OutputAudioTranscriptDone, transcript=self.transcript))
        out.send(self.place.event(ContentPartDone, part=AudioPart(transcript=self.transcript)))


class SpokenMessage(SpeechMessage):
    """A message that a voice speaks. A clause's transcript goes out just before its first audio."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._whole = 0
        """How many clauses were sent to their end."""

    def advance(self, content: DraftText) -> bool:
        """Send the speech that is ready and not too far ahead; True when it is all sent."""
        self.held = False
        for clause in content.clauses[self._whole :]:
            if not clause.chunks and not clause.finished:
                return False
            if clause.chunks and self._hold():
                return False
            if self._whole == len(self._sent):
                self._tell(self._begin(clause.text).text)
            if not self._send_chunks(clause, self._sent[self._whole]):
                return False
            self._whole += 1
        return content.complete

    def _send_chunks(self, clause: DraftClause, sent: SentClause) -> bool:
        """Sends what may be sent of a clause; True when the clause is over."""
        while clause.chunks:
            if self._hold():
                return False
            chunk = clause.chunks.popleft()
            sent.words.extend(chunk.words)
            self._send_audio(chunk.audio, sent)
        sent.whole = clause.finished
        return sent.whole


class OwnSpeechMessage(SpeechMessage):
    """A message that the model speaks itself. Words and sound go out in the order they came in.

    Words that come ahead of their sound wait for it. Where in the sound a word is, the model does
    not say; it counts as one long clause.
    """

    def advance(self, content: DraftSpeech) -> bool:
        """Send what has come and is not too far ahead; True when it is all sent."""
        self.held = False
        while content.pieces:
            sounds = content.waiting_bytes > 0
            if not sounds and not content.complete:
                return False
            if sounds and self._hold():
                return False
            self._send(content.take())
        if self._sent:
            self._sent[0].whole = content.complete
        return content.complete

    def _send(self, piece: AudioGenerated) -> None:
        sent = self._sent[0] if self._sent else self._begin("")
        if piece.text:
            sent.text += piece.text
            self._tell(piece.text)
        if piece.audio:
            self._send_audio(piece.audio, sent)
