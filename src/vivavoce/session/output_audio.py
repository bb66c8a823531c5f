"""What was said aloud, and how much of it was heard.

Over a WebSocket nobody reports what was played. `Playback` bounds it: audio plays from the moment
it is sent, one item after the other. `Spoken` turns a number of milliseconds into words. Times of
audio are milliseconds of the item; `now` is in seconds.
"""

from dataclasses import dataclass, replace

from vivavoce.session.inputs import Word

TYPICAL_MS_PER_CHARACTER = 65
"""Of English speech: the guess for a clause whose whole length is not known."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause as it was sent: its text, the length of its audio, its words' times in it.

    `whole` tells that all of its audio was sent; a cancelled answer ends inside a clause.
    """

    text: str
    duration_ms: int
    words: tuple[Word, ...] = ()
    whole: bool = True

    def heard(self, ms: int) -> str:
        """The words that are whole within the first `ms` milliseconds of audio.

        A word is whole when the next one begins. Without word times the text is taken in
        proportion, down to the last whole word.
        """
        if ms >= self.duration_ms and self.whole:
            return self.text
        if not self.words:
            return self._in_proportion(min(ms, self.duration_ms))
        end = 0
        for word, following in zip(self.words, self.words[1:], strict=False):
            if following.start_ms > ms:
                break
            end = word.text_end
        return self.text[:end]

    def _in_proportion(self, ms: int) -> str:
        whole_ms = self.duration_ms if self.whole else len(self.text) * TYPICAL_MS_PER_CHARACTER
        cut = len(self.text) * max(ms, 0) // max(whole_ms, 1)
        return self.text[: self.text.rfind(" ", 0, cut + 1) + 1].rstrip()


@dataclass(frozen=True, slots=True)
class Spoken:
    """An assistant's speech: its clauses, and where it was cut (None: heard to the end).

    A cut is our bound of what can have been heard until the client has `truncated` the speech.
    """

    clauses: tuple[Clause, ...] = ()
    cut_ms: int | None = None
    truncated: bool = False

    @property
    def sent_ms(self) -> int:
        """The length of the audio that was sent."""
        return sum(clause.duration_ms for clause in self.clauses)

    def cut_at(self, ms: int) -> "Spoken":
        """The same speech, of which only the first `ms` milliseconds were heard."""
        return replace(self, cut_ms=min(ms, self.sent_ms))

    def truncated_at(self, ms: int) -> "Spoken":
        """The same speech, of which only the first `ms` milliseconds are left."""
        return replace(self.cut_at(ms), truncated=True)

    @property
    def left_ms(self) -> int:
        """The length of the audio that was sent, or of what the client's own cut left of it."""
        return self.cut_ms if self.truncated and self.cut_ms is not None else self.sent_ms

    @property
    def heard_text(self) -> str:
        """The words that the listener heard: what the model remembers of having said."""
        if self.cut_ms is None:
            return "".join(clause.text for clause in self.clauses)
        heard, left = [], self.cut_ms
        for clause in self.clauses:
            if left <= 0:
                break
            heard.append(clause.heard(left))
            left -= clause.duration_ms
        return "".join(heard).rstrip()


@dataclass(slots=True)
class Queued:
    """What was sent of one item's speech, and when the last of it will have been played."""

    sent_ms: float
    ends_at: float

    def heard_ms(self, now: float) -> int:
        """The most of it that can have been played, in milliseconds."""
        return int(self.sent_ms - min(max(self.ends_at - now, 0.0) * 1000, self.sent_ms))


class Playback:
    """The queue of speech at the listener's end, as far as it can be known."""

    def __init__(self) -> None:
        self.ends_at = 0.0
        """When the last of what was sent will have been played."""
        self._queued: dict[str, Queued] = {}

    def sent(self, item_id: str, ms: float, now: float) -> None:
        """`ms` milliseconds of this item's speech are on their way."""
        self.ends_at = max(self.ends_at, now) + ms / 1000
        queued = self._queued.get(item_id)
        if queued is None:
            self._forget_played(now)
            self._queued[item_id] = Queued(ms, self.ends_at)
        else:
            queued.sent_ms += ms
            queued.ends_at = self.ends_at

    def lead_s(self, now: float) -> float:
        """Seconds of speech that were sent and cannot have been played yet."""
        return max(self.ends_at - now, 0.0)

    def is_heard(self, now: float) -> bool:
        """Whether speech plays that counts as heard: not if the listener has turned away, and
        may merely not have stopped the playing."""
        return any(queued.ends_at > now for queued in self._queued.values())

    def interrupted(self, now: float) -> dict[str, int]:
        """The listener is taken to drop what is queued; gives the same as `heard`."""
        self.ends_at = min(self.ends_at, now)
        return self.heard(now)

    def heard(self, now: float) -> dict[str, int]:
        """How many milliseconds were heard of each item that plays or is to be played.

        They count as heard no further than that, whether or not the listener drops the rest.
        """
        self._forget_played(now)
        heard = {item_id: queued.heard_ms(now) for item_id, queued in self._queued.items()}
        self._queued.clear()
        return heard

    def _forget_played(self, now: float) -> None:
        for item_id in [i for i, queued in self._queued.items() if queued.ends_at <= now]:
            del self._queued[item_id]
