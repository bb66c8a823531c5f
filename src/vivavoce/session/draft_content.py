"""What a draft holds: words with their clauses, speech of the model's own, and tool calls."""

from collections import deque
from dataclasses import dataclass, field

from msgspec.structs import replace

from vivavoce.audio.units import BYTES_PER_MS
from vivavoce.session.inputs import AudioGenerated, AudioSynthesized, Word
from vivavoce.session.spoken_form import Reader, SpokenForm


@dataclass(slots=True)
class DraftClause:
    """A clause of the answer as it was written, and its audio that was not sent yet."""

    text: str
    spoken: SpokenForm
    chunks: deque[AudioSynthesized] = field(default_factory=deque)
    finished: bool = False

    @property
    def waiting_ms(self) -> int:
        """Milliseconds of audio that wait to be sent."""
        return sum(len(chunk.audio) for chunk in self.chunks) // BYTES_PER_MS

    def received(self, chunk: AudioSynthesized) -> None:
        """More audio. The voice counts in what it was given to say, all others in the text."""
        words = tuple(Word(self.spoken.text_end(w.text_end), w.start_ms) for w in chunk.words)
        self.chunks.append(replace(chunk, words=words) if words else chunk)


@dataclass(slots=True)
class DraftText:
    """Words of the answer. With a voice they are cut into clauses, `cut` characters so far."""

    text: str = ""
    complete: bool = False
    clauses: list[DraftClause] = field(default_factory=list)
    cut: int = 0
    reader: Reader = field(default_factory=Reader)


@dataclass(slots=True)
class DraftSpeech:
    """Speech that the model made itself: sound and words in the order in which they came."""

    pieces: deque[AudioGenerated] = field(default_factory=deque)
    complete: bool = False
    waiting_bytes: int = 0

    def received(self, piece: AudioGenerated) -> None:
        """More of it."""
        self.pieces.append(piece)
        self.waiting_bytes += len(piece.audio)

    def take(self) -> AudioGenerated:
        """The next piece, which is sent now."""
        piece = self.pieces.popleft()
        self.waiting_bytes -= len(piece.audio)
        return piece


@dataclass(slots=True)
class DraftCall:
    """A tool call of the answer."""

    index: int
    name: str
    call_id: str
    arguments: str = ""
    complete: bool = False


DraftContent = DraftText | DraftSpeech | DraftCall
