"""The books on what a model hears: every recording that it is asked about is there."""

from vivavoce.protocol.prompt import AudioClip
from vivavoce.session.inputs import AnyInput, AudioAppended
from vivavoce.session.outputs import (
    AnyOutput,
    DropAudio,
    Generate,
    KeepAudio,
    KeepClip,
    TrimAudio,
)


class SpeechLedger:
    """Knows what the tape holds, and what became of it."""

    def __init__(self) -> None:
        self._tape = (0, 0)
        self._kept: dict[str, tuple[int, int] | None] = {}
        """Where on the tape an item's audio was; None for audio that came with its item."""

    def happened(self, happened: AnyInput) -> None:
        """The tape may have grown."""
        if isinstance(happened, AudioAppended):
            self._tape = self._tape[0], happened.to

    def done(self, output: AnyOutput) -> None:
        """One output, in order."""
        match output:
            case KeepAudio(item_id=item_id, start=start, end=end, clip=clip):
                if clip is not None:
                    assert clip.item_id == item_id, f"{clip} is not of {item_id}"
                    assert start <= clip.start < clip.end <= end, f"{clip} is not in the item"
                    self._kept[item_id] = clip.start, clip.end
                self._tape = end, self._tape[1]
            case KeepClip(item_id=item_id):
                self._kept[item_id] = None
            case TrimAudio(before=before):
                self._tape = before, self._tape[1]
            case DropAudio(item_id=item_id):
                self._kept.pop(item_id, None)
            case Generate(prompt=prompt):
                for clip in (clip for message in prompt.messages for clip in message.speech):
                    self._is_there(clip)

    def _is_there(self, clip: AudioClip) -> None:
        assert clip.pcm == b"", "the machine holds samples"
        assert clip.start < clip.end, "nothing is to be heard"
        span = self._kept.get(clip.item_id, self._tape)
        if span is not None:
            assert span[0] <= clip.start < clip.end <= span[1], f"{clip} is not in {span}"
