"""Speech on its way out: from 24 kHz PCM to the client's format, item by item."""

import secrets

from vivavoce.audio.framing import OutputEncoder
from vivavoce.protocol.ids import Ids
from vivavoce.protocol.server_events import OutputAudioDelta, OutputAudioDone
from vivavoce.protocol.session_config import DEFAULT_FORMAT, AudioFormat
from vivavoce.runtime.input_audio import output_encoder


class OutputAudio:
    """One session's encoders, one for each item that is being spoken.

    Events without any audio, which an encoder's delay may cause, must not be sent.
    """

    def __init__(self) -> None:
        self._ids = Ids(secrets.randbits)
        self._encoders: dict[str, OutputEncoder] = {}

    def encode(self, event: OutputAudioDelta, audio_format: AudioFormat) -> OutputAudioDelta:
        """The delta, whose bytes are 24 kHz PCM, in this format."""
        if audio_format != DEFAULT_FORMAT:
            encoder = self._encoders.get(event.item_id)
            if encoder is None:
                encoder = self._encoders[event.item_id] = output_encoder(audio_format)
            event.delta = encoder.push(event.delta)
        return event

    def rest(self, done: OutputAudioDone) -> OutputAudioDelta:
        """What the item's encoder still holds; it goes out before `done`."""
        encoder = self._encoders.pop(done.item_id, None)
        return OutputAudioDelta(
            event_id=self._ids.new("event"),
            response_id=done.response_id,
            item_id=done.item_id,
            output_index=done.output_index,
            content_index=done.content_index,
            delta=b"" if encoder is None else encoder.flush(),
        )
