"""The times of one answered turn, in seconds of the session's clock."""

import msgspec


class Waterfall(msgspec.Struct, kw_only=True):
    """When each thing happened; None where it did not.

    `last_voiced` is when the last voiced sample had arrived: the endpoint's time less the audio
    received since. Written once each, by whoever sees the thing happen first.
    """

    response_id: str
    last_voiced: float | None = None
    endpoint: float | None = None
    transcript: float | None = None
    first_token: float | None = None
    first_audio: float | None = None
    last_audio: float | None = None
    done: float | None = None
