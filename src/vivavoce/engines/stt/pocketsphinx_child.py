"""The process that recognises speech with pocketsphinx; `pocketsphinx.py` is its outside.

The library holds the interpreter's lock while it decodes, for up to half a second at the end of
an utterance, so it cannot share a process with an event loop. One process has one decoder of
the English model that the package brings along (about 100 MB).
"""

import msgspec

from vivavoce.engines.worker import Caller, Work, serve

SAMPLE_RATE = 16_000
"""Hertz: the rate of the package's acoustic model."""

BLOCK = SAMPLE_RATE // 10 * 2
"""Bytes, 100 ms: how much is decoded between two looks at whether the caller has left."""


class Utterance(msgspec.Struct, frozen=True, array_like=True):
    """A request: recognise this, mono int16 little-endian PCM at 16 kHz."""

    audio: bytes


class Hypothesis(msgspec.Struct, frozen=True, array_like=True):
    """The one reply: the words in lower case, without punctuation; empty if there were none."""

    text: str


def prepare() -> Work[Utterance]:
    """Load the model and return the recogniser."""
    from pocketsphinx import Decoder

    decoder = Decoder(samprate=float(SAMPLE_RATE), loglevel="FATAL")
    # The features follow what was heard, their mean above all. Starting each utterance anew, from
    # the model's own mean, keeps one caller's microphone out of another caller's words.
    initial_mean = decoder.get_cmn()

    def recognize(utterance: Utterance, caller: Caller) -> None:
        decoder.reinit_feat()
        decoder.set_cmn(initial_mean)
        decoder.start_utt()
        for start in range(0, len(utterance.audio), BLOCK):
            if caller.has_left():
                break
            decoder.process_raw(utterance.audio[start : start + BLOCK])
        decoder.end_utt()
        hypothesis = decoder.hyp()
        caller.reply(Hypothesis(hypothesis.hypstr if hypothesis else ""))

    return recognize


if __name__ == "__main__":
    serve(Utterance, prepare)
