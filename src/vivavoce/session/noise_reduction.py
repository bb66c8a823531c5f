"""`noise_reduction`: what the recogniser and the detectors hear (protocol 2.1)."""

from vivavoce.protocol.session_config import NoiseReductionKind, noise_reduction_kind
from vivavoce.session.outputs import ReduceNoise
from vivavoce.session.state import State


class NoiseReductionSetting:
    """Has noise reduced in what is appended, as the client wishes."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._asked: NoiseReductionKind | None = None

    def settings_changed(self) -> None:
        """The session began, or its settings were changed."""
        wanted = noise_reduction_kind(self._state.config.audio.input.noise_reduction)
        if wanted != self._asked:
            self._asked = wanted
            self._state.out.do(ReduceNoise(wanted))
