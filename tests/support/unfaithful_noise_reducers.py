"""Noise reducers that each break one rule of the contract; see `support.unfaithful`."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from support.unfaithful import Invented
from vivavoce.audio.pcm import to_pcm, to_samples
from vivavoce.protocol.session_config import NoiseReductionKind

QUIET = 1_500.0

Samples = npt.NDArray[np.float64]


class GatingStream:
    """Samples that are not loud become quieter; one by one, so that pieces do not matter."""

    def reduce(self, pcm: bytes) -> bytes:
        return to_pcm(self.changed(to_samples(pcm).astype(np.float64)))

    def changed(self, samples: Samples) -> Samples:
        return np.where(np.abs(samples) < QUIET, samples / 4, samples)


class NoiseReducer(Invented):
    """Opens such streams."""

    stream: ClassVar[type[GatingStream]] = GatingStream

    def open_stream(self, kind: NoiseReductionKind) -> GatingStream:
        return self.stream()


class LosesASample(NoiseReducer):
    caught_by = "test_as_many_samples"

    class stream(GatingStream):  # noqa: N801
        def reduce(self, pcm: bytes) -> bytes:
            return super().reduce(pcm)[2:]


class GoesByPieces(NoiseReducer):
    caught_by = "test_pieces_do_not_matter"

    class stream(GatingStream):  # noqa: N801
        def changed(self, samples: Samples) -> Samples:
            return samples - samples.mean() if len(samples) else samples


class HearsOthers(NoiseReducer):
    caught_by = "test_streams_do_not_hear"

    class stream(GatingStream):  # noqa: N801
        last = 0.0

        def changed(self, samples: Samples) -> Samples:
            samples = super().changed(samples) + type(self).last
            type(self).last = float(samples[-1])
            return samples


class PassesNoise(NoiseReducer):
    caught_by = "test_even_noise_falls"

    class stream(GatingStream):  # noqa: N801
        def changed(self, samples: Samples) -> Samples:
            return samples


class ComesLate(NoiseReducer):
    caught_by = "test_speech_stays"

    class stream(GatingStream):  # noqa: N801
        def changed(self, samples: Samples) -> Samples:
            return np.concatenate((np.zeros(1_440), super().changed(samples)))[: len(samples)]


class Crackles(NoiseReducer):
    caught_by = "test_silence_stays_silence"

    class stream(GatingStream):  # noqa: N801
        def changed(self, samples: Samples) -> Samples:
            return super().changed(samples) + 500
