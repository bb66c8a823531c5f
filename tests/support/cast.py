"""Engines that act by a script: what each next job gives, after set delays of virtual time.

Results of jobs that were cancelled arrive all the same, as they may in life: that they yield
nothing is for the session to see to.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from vivavoce.session import inputs as inp
from vivavoce.session import outputs as out

Timed = tuple[float, inp.AnyInput]
"""Seconds after the job began, and what happens then."""

BYTES_PER_MS = 48


@dataclass(frozen=True)
class Call:
    """A tool call that the model makes, its arguments in two pieces."""

    name: str
    arguments: str = "{}"


@dataclass(frozen=True)
class Failure:
    """The engine fails."""

    code: str = "engine_error"


@dataclass(frozen=True)
class Limit:
    """The model reaches its token limit here."""


Reply = tuple[str | Call | Failure | Limit, ...]


@dataclass
class Cast:
    """What the engines do: `hears` for the recogniser, `says` for the model, job by job.

    The last entry serves all further jobs. A voice speaks `ms_per_character`, in chunks of at
    most `chunk_ms`, much faster than real time, with the time of every word.
    """

    hears: list[str | Failure] = field(default_factory=lambda: ["hello"])
    says: list[Reply] = field(default_factory=lambda: [("Hi there.",)])
    hearing_s: float = 0.08
    piece_s: float = 0.02
    chunk_s: float = 0.01
    chunk_ms: int = 400
    ms_per_character: int = 60
    voice_fails: bool = False

    def act(self, output: out.AnyOutput) -> Iterator[Timed]:
        """What an engine does about an output, if it is a job for one."""
        match output:
            case out.Hear(job=job) | out.HearClip(job=job):
                yield self._hear(job)
            case out.Generate(job, prompt):
                yield from self._generate(job, speaks=prompt.voice is not None)
            case out.Speak(job=job, text=text):
                yield from self._speak(job, text)
            case _:
                pass

    def _hear(self, job: int) -> Timed:
        heard = self.hears.pop(0) if len(self.hears) > 1 else self.hears[0]
        if isinstance(heard, Failure):
            return self.hearing_s, inp.EngineFailed(job, heard.code, "The recogniser fell over.")
        return self.hearing_s, inp.Transcribed(job, heard)

    def _generate(self, job: int, *, speaks: bool = False) -> Iterator[Timed]:
        reply = self.says.pop(0) if len(self.says) > 1 else self.says[0]
        at, calls, reason = 0.0, 0, "stop"
        for piece in reply:
            at += self.piece_s
            match piece:
                case str(text) if speaks:
                    sound = bytes(len(text) * self.ms_per_character * BYTES_PER_MS)
                    yield at, inp.AudioGenerated(job, text=text)
                    yield at, inp.AudioGenerated(job, sound)
                case str(text):
                    yield at, inp.TextGenerated(job, text)
                case Call(name, arguments):
                    half = len(arguments) // 2
                    first, second = arguments[:half], arguments[half:]
                    yield (
                        at,
                        inp.ToolCallGenerated(job, index=calls, arguments=first, name=name),
                    )
                    at += self.piece_s
                    yield at, inp.ToolCallGenerated(job, index=calls, arguments=second)
                    calls += 1
                case Failure(code):
                    yield at, inp.EngineFailed(job, code, "The model fell over.")
                    return
                case Limit():
                    reason = "length"
        yield at + self.piece_s, inp.GenerationFinished(job, reason=reason)

    def _speak(self, job: int, text: str) -> Iterator[Timed]:
        if self.voice_fails:
            yield self.chunk_s, inp.EngineFailed(job, "engine_error", "The voice fell over.")
            return
        length_ms = len(text) * self.ms_per_character
        words = list(word_times(text, self.ms_per_character))
        at = 0.0
        for start in range(0, length_ms, self.chunk_ms):
            at += self.chunk_s
            end = min(start + self.chunk_ms, length_ms)
            within = tuple(word for word in words if start <= word.start_ms < end)
            yield at, inp.AudioSynthesized(job, bytes((end - start) * BYTES_PER_MS), within)
        yield at + self.chunk_s, inp.SpeechFinished(job)


def word_times(text: str, ms_per_character: int) -> Iterator[inp.Word]:
    """The words of a text that is spoken at an even pace."""
    end = 0
    for word in text.split():
        begin = text.index(word, end)
        end = begin + len(word)
        yield inp.Word(end, begin * ms_per_character)
