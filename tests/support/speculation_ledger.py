"""The books on what is done on trial: each job is accounted for once, for what it was and made."""

from dataclasses import dataclass

from support.answer_ledger import AnswerLedger
from support.audio_ledger import AudioLedger
from vivavoce.session.inputs import (
    AnyInput,
    AudioGenerated,
    AudioSynthesized,
    EngineFailed,
    TextGenerated,
    ToolCallGenerated,
)
from vivavoce.session.outputs import AnyOutput, Cancel, Generate, Hear, Speak, Speculated
from vivavoce.session.speculation import Work

RATE = 24_000
BYTES_PER_S = 48_000


@dataclass
class Begun:
    """A job that may be on trial."""

    work: Work
    surely: bool
    """Whether it cannot be anything else."""
    made: float = 0.0
    failed: bool = False


class SpeculationLedger:
    """Reads what is at work before the turn is over that it is for."""

    def __init__(
        self, audio: AudioLedger, answers: AnswerLedger, *, barge_in_waits: bool = False
    ) -> None:
        """With `barge_in_waits` words may be needed before a turn is over."""
        self._audio = audio
        self._answers = answers
        self._barge_in_waits = barge_in_waits
        self._begun: dict[int, Begun] = {}
        self._used: set[int] = set()
        """In this step."""

    def happened(self, happened: AnyInput) -> None:
        """An engine has made more of something."""
        self._used.clear()
        match happened:
            case EngineFailed(job=job) if job in self._begun:
                self._begun[job].failed = True
            case TextGenerated(job=job, text=text) | AudioGenerated(job=job, text=text):
                self._made(job, len(text))
            case ToolCallGenerated(job=job, arguments=arguments):
                self._made(job, len(arguments))
            case AudioSynthesized(job=job, audio=audio):
                self._made(job, len(audio) / BYTES_PER_S)

    def done(self, output: AnyOutput) -> None:
        """One output, in order."""
        match output:
            case Hear(job=job, start=start, end=end, follow=follow):
                surely = self._audio.turn is not None and not self._barge_in_waits
                seconds = (end - start) / RATE if follow is None else 0.0
                self._begun[job] = Begun("transcribe", surely, seconds)
            case Generate(job=job):
                self._begun[job] = Begun("generate", self._nobody_is_answered)
            case Speak(job=job):
                self._begun[job] = Begun("speak", self._nobody_is_answered)
            case Speculated():
                self._accounted(output)
            case Cancel(job=job):
                assert job not in self._used, f"job {job} is used, and cancelled"

    def closed(self) -> None:
        """The session is over."""
        left = [job for job, begun in self._begun.items() if begun.surely]
        assert not left, f"nobody knows what became of {left}"

    def _accounted(self, output: Speculated) -> None:
        begun = self._begun.pop(output.job, None)
        assert begun is not None, f"{output} was not begun, or is accounted for already"
        assert output.work == begun.work, f"{output} is {begun.work}"
        assert abs(output.amount - begun.made) < 0.001, f"{output}, and it made {begun.made}"
        failed = output.fate == "failed"
        assert failed == begun.failed, f"{output}, and it {'' if begun.failed else 'never '}failed"
        if output.fate != "used":
            return
        self._used.add(output.job)
        if output.work == "transcribe":
            assert self._audio.turn is None, "heard for a turn that is not over"
        else:
            assert not self._nobody_is_answered, "used for no answer"

    def _made(self, job: int, amount: float) -> None:
        if job in self._begun:
            self._begun[job].made += amount

    @property
    def _nobody_is_answered(self) -> bool:
        return self._answers.active is None and not self._answers.beside
