"""Speech on its way out: from 24 kHz PCM to the client's format, item by item."""

from vivavoce.audio.framing import OutputEncoder
from vivavoce.protocol.server_events import OutputAudioDelta
from vivavoce.protocol.session_config import DEFAULT_FORMAT, AudioFormat
from vivavoce.runtime.input_audio import output_encoder


class OutputAudio:
    """One session's encoders, one for each item that is being spoken.

    Events without any audio, which an encoder's delay may cause, must not be sent.
    """

    def __init__(self) -> None:
        self._encoders: dict[str, OutputEncoder] = {}

    def encode(self, event: OutputAudioDelta, audio_format: AudioFormat) -> OutputAudioDelta:
        """The delta, whose bytes are 24 kHz PCM, in this format."""
        if audio_format != DEFAULT_FORMAT:
            encoder = self._encoders.get(event.item_id)
            if encoder is None:
                encoder = self._encoders[event.item_id] = output_encoder(audio_format)
            event.delta = encoder.push(event.delta)
        return event

    def end(self, event: OutputAudioDelta) -> OutputAudioDelta:
        """The delta, which is the item's last one, with what its encoder still holds."""
        encoder = self._encoders.pop(event.item_id, None)
        if encoder is not None:
            event.delta = encoder.flush()
        return event

    def drop(self, item_id: str) -> None:
        """The item's speech was cut short, and what its encoder still holds goes with the rest."""
        self._encoders.pop(item_id, None)
