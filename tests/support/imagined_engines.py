"""Engines that exist only in virtual time: what they answer is a pure function of the request.

A request is an output of the session, an answer is a list of inputs with delays. What is said in
the answer depends on the request alone; when it is said depends on a second source of randomness,
so that the same conversation can be had at another pace.
"""

import random
from dataclasses import dataclass

import msgspec

from vivavoce.protocol.items import McpHttpError, McpListedTool
from vivavoce.protocol.prompt import Prompt
from vivavoce.session.inputs import (
    AnyInput,
    AudioGenerated,
    AudioSynthesized,
    EngineFailed,
    GenerationFinished,
    SpeechFinished,
    TextGenerated,
    ToolCallGenerated,
    ToolReturned,
    ToolServerFailed,
    ToolsListed,
    Transcribed,
    TranscriptDelta,
    TurnJudged,
    Word,
)
from vivavoce.session.outputs import (
    AnyOutput,
    CallTool,
    Follow,
    Generate,
    Hear,
    HearClip,
    JudgeTurn,
    ListTools,
    Speak,
)

WORDS = (
    "yes",
    "no",
    "well",
    "table",
    "for",
    "two",
    "seven",
    "o'clock",
    "please",
    "42",
    "3.5",
    "noch",
)
MARKS = (". ", ", ", "! ", " ", "; ", "… ", "\n")
BYTES_PER_MS = 48

Timed = tuple[float, AnyInput]
"""Seconds after the request, and what arrives then."""


@dataclass(frozen=True)
class Temper:
    """How engines behave: chances from 0 to 1, seconds, milliseconds per character."""

    noise: float = 0.1
    hearing_fails: float = 0.1
    judging_fails: float = 0.1
    slowest_judging_s: float = 0.15
    model_fails_at_once: float = 0.1
    model_fails_midway: float = 0.1
    voice_fails: float = 0.05
    server_fails: float = 0.2
    slowest_s: float = 0.6
    pace_ms: int = 12


STEADY = Temper(model_fails_midway=0.0, voice_fails=0.0, slowest_s=0.12, slowest_judging_s=0.0)
"""Failures, if any, come before the first word: what was sent does not depend on time.
Answers come fast, so that much of one is there when its turn ends."""


class ImaginedEngines:
    """A recogniser, a language model and a voice."""

    def __init__(self, seed: int, pace: int, temper: Temper) -> None:
        """`seed` decides what is answered, `pace` when."""
        self._seed = seed
        self._pace = pace
        self._temper = temper
        self._followed: dict[int, int] = {}
        """Where turns begin that are heard while they are spoken, by job."""

    def answer(self, request: AnyOutput) -> list[Timed]:
        """All that comes back for this request, if it is one for these engines."""
        match request:
            case JudgeTurn():
                return [self._judge(request, self._content(request))]
            case Follow(job=job, start=start):
                self._followed[job] = start
                replies = self._follow(job, start)
            case Hear(job=job, follow=int(follow)):
                replies = self._hear_followed(job, self._followed[follow], self._content(request))
            case Hear(job=job) | HearClip(job=job):
                replies = self._hear(job, self._content(request))
            case Generate(job=job, prompt=prompt):
                replies = self._generate(job, prompt, self._content(request))
            case Speak(job=job, text=text):
                replies = self._speak(job, text, self._content(request))
            case ListTools() | CallTool():
                job, replies = request.job, [self._serve(request, self._content(request))]
            case _:
                return []
        return self._timed(job, replies)

    def _content(
        self, request: JudgeTurn | Hear | HearClip | Generate | Speak | ListTools | CallTool
    ) -> random.Random:
        anonymous = msgspec.structs.replace(request, job=0)
        if isinstance(anonymous, Hear) and anonymous.follow is not None:
            anonymous = msgspec.structs.replace(anonymous, follow=0)
        if isinstance(anonymous, Generate):
            # The words of recordings are not read: none of these is gone.
            prompt = without_ids(anonymous.prompt)
            anonymous = msgspec.structs.replace(anonymous, prompt=prompt, words={})
        return random.Random(f"{self._seed} {msgspec.json.encode(anonymous)!r}")

    def _timed(self, job: int, replies: list[AnyInput]) -> list[Timed]:
        delays = random.Random(f"{self._seed} {self._pace} {job}")
        at, timed = delays.uniform(0, self._temper.slowest_s), []
        for reply in replies:
            timed.append((at, reply))
            at += delays.choice((0.0, delays.uniform(0, self._temper.slowest_s / 4)))
        return timed

    def _judge(self, request: JudgeTurn, rng: random.Random) -> Timed:
        """At the same pace in every world, since a verdict decides where a turn ends."""
        delay_s = rng.uniform(0, self._temper.slowest_judging_s)
        if rng.random() < self._temper.judging_fails:
            return delay_s, EngineFailed(request.job, "server_error", "No judgement.")
        return delay_s, TurnJudged(request.job, rng.random())

    def _sure(self, start: int) -> str:
        """What is sure of a turn that is followed, however far it has come."""
        rng = random.Random(f"{self._seed} followed {start}")
        return " ".join(rng.choice(WORDS) for _ in range(rng.randint(0, 4)))

    def _follow(self, job: int, start: int) -> list[AnyInput]:
        rng = random.Random(f"{self._seed} follows {start}")
        replies: list[AnyInput] = []
        if sure := self._sure(start):
            replies = [TranscriptDelta(job, piece) for piece in pieces(sure, rng)]
        if rng.random() < self._temper.hearing_fails:
            return [*replies[:1], EngineFailed(job, "audio_unintelligible", "It broke.")]
        return replies

    def _hear_followed(self, job: int, start: int, rng: random.Random) -> list[AnyInput]:
        if rng.random() < self._temper.hearing_fails:
            return [EngineFailed(job, "audio_unintelligible", "Nothing made out.")]
        rest = " ".join(rng.choice(WORDS) for _ in range(rng.randint(0, 2)))
        return [transcribed(job, f"{self._sure(start)} {rest}".strip())]

    def _hear(self, job: int, rng: random.Random) -> list[AnyInput]:
        words = [rng.choice(WORDS) for _ in range(rng.randint(1, 5))]
        if rng.random() < self._temper.noise:
            return [Transcribed(job, rng.choice(("", "  ")))]
        text = " ".join(words)
        replies: list[AnyInput] = []
        if rng.random() < 0.5:
            replies = [TranscriptDelta(job, piece) for piece in pieces(text, rng)]
        if rng.random() < self._temper.hearing_fails:
            return [*replies[:1], EngineFailed(job, "audio_unintelligible", "Nothing made out.")]
        return [*replies, transcribed(job, text)]

    def _generate(self, job: int, prompt: Prompt, rng: random.Random) -> list[AnyInput]:
        failure = EngineFailed(job, "server_error", "The model gave up.")
        if rng.random() < self._temper.model_fails_at_once:
            return [failure]
        replies: list[AnyInput] = []
        for _ in range(rng.choice((0, 1, 1, 1, 2))):
            said = pieces(sentences(rng), rng)
            if prompt.voice is None:
                replies += [TextGenerated(job, piece) for piece in said]
            else:
                replies += self._say(job, said, rng)
            if prompt.tools and prompt.tool_choice != "none" and rng.random() < 0.5:
                replies += self._call(job, prompt, len(replies), rng)
        if rng.random() < self._temper.model_fails_midway:
            return [*replies[: rng.randint(0, len(replies))], failure]
        counted = rng.random() < 0.5
        finished = GenerationFinished(
            job=job,
            reason=rng.choice(("stop", "stop", "stop", "length", "content_filter")),
            input_tokens=rng.randint(1, 99) if counted else None,
            output_tokens=rng.randint(0, 99) if counted else None,
        )
        return [*replies, finished]

    def _say(self, job: int, said: list[str], rng: random.Random) -> list[AnyInput]:
        """Words of a model that speaks, and their sound with them or behind them."""
        replies: list[AnyInput] = []
        for piece in said:
            sound = rng.randbytes(BYTES_PER_MS) * (self._temper.pace_ms * len(piece))
            ways: tuple[list[AnyInput], ...] = (
                [AudioGenerated(job, sound, piece)],
                [AudioGenerated(job, text=piece), AudioGenerated(job, sound)],
                [TextGenerated(job, piece), AudioGenerated(job, sound)],
            )
            replies += rng.choice(ways)
        return replies

    def _call(self, job: int, prompt: Prompt, index: int, rng: random.Random) -> list[AnyInput]:
        name = rng.choice(prompt.tools).name
        if "__" in name and rng.random() < 0.1:
            name += "_and_what_no_server_lists"
        call_id = f"call_{rng.getrandbits(40):x}"
        first, *rest = pieces(f'{{"n": {rng.randint(0, 999)}}}', rng)
        return [
            ToolCallGenerated(job=job, index=index, name=name, call_id=call_id, arguments=first),
            *(ToolCallGenerated(job=job, index=index, arguments=piece) for piece in rest),
        ]

    def _serve(self, request: ListTools | CallTool, rng: random.Random) -> AnyInput:
        """What an MCP server answers."""
        if rng.random() < self._temper.server_fails:
            error = McpHttpError(code=500, message="The server broke.")
            return rng.choice(
                (
                    ToolServerFailed(request.job, error),
                    EngineFailed(request.job, "engine_error", "The shell broke."),
                )
            )
        if isinstance(request, ListTools):
            reads = {"readOnlyHint": True}
            look = McpListedTool(name="look", annotations=reads)
            return ToolsListed(request.job, (McpListedTool(name="roll"), look))
        return ToolReturned(request.job, rng.choice(WORDS))

    def _speak(self, job: int, text: str, rng: random.Random) -> list[AnyInput]:
        if rng.random() < self._temper.voice_fails:
            return [EngineFailed(job, "server_error", "The voice broke.")]
        total_ms = self._temper.pace_ms * len(text)
        words = word_times(text, self._temper.pace_ms) if rng.random() < 0.7 else ()
        cuts = sorted(rng.randint(0, total_ms) for _ in range(rng.randint(0, 3)))
        replies: list[AnyInput] = []
        for start, end in zip([0, *cuts], [*cuts, total_ms], strict=True):
            audio = rng.randbytes(BYTES_PER_MS) * (end - start)
            begun = tuple(word for word in words if start <= word.start_ms < end)
            replies.append(AudioSynthesized(job, audio, begun))
        return [*replies, SpeechFinished(job)]


def without_ids(prompt: Prompt) -> Prompt:
    """A prompt whose recordings are known by their places only, and whose calls are not named:
    a call on a server is named by its item."""
    messages = tuple(
        msgspec.structs.replace(
            message,
            call_id=None,
            tool_calls=tuple(
                msgspec.structs.replace(call, call_id="") for call in message.tool_calls
            ),
            speech=tuple(msgspec.structs.replace(clip, item_id="") for clip in message.speech),
        )
        for message in prompt.messages
    )
    return msgspec.structs.replace(prompt, messages=messages)


def sentences(rng: random.Random) -> str:
    """A few clauses of prose, sometimes with nothing in them that can be spoken."""
    if rng.random() < 0.05:
        return "… "
    clauses = [
        " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 9))) + rng.choice(MARKS)
        for _ in range(rng.randint(1, 5))
    ]
    return "".join(clauses)


def transcribed(job: int, text: str) -> Transcribed:
    """A text, in one language or another, or in one that the recogniser cannot name."""
    return Transcribed(job, text, language=("en", "de", None)[len(text) % 3])


def pieces(text: str, rng: random.Random) -> list[str]:
    """`text` cut at random places; the pieces joined are the text."""
    cuts = sorted(rng.randint(1, len(text)) for _ in range(rng.randint(0, 6)))
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def word_times(text: str, pace_ms: int) -> tuple[Word, ...]:
    """Where each word ends in the text, and when it begins in an audio of even pace."""
    ends = [i for i, letter in enumerate(text) if letter.isspace()] or [len(text)]
    starts = [0, *(end + 1 for end in ends)]
    return tuple(
        Word(end, start * pace_ms) for start, end in zip(starts, ends, strict=False) if end > start
    )
