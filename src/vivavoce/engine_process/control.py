"""What a parent and its engine process say to each other, over a channel at the child's standard
input.

The parent sends `Configure`, at the start and at each reload, and is answered each time. The end of
the stream is the end of the child.
"""

import msgspec

from vivavoce.config import Settings


class Configure(msgspec.Struct, frozen=True, tag="configure"):
    """Host the engines that these settings describe."""

    settings: Settings


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """They are on offer, loaded or not."""


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """They cannot be made; what was on offer before still is."""

    text: str


to_child: msgspec.msgpack.Decoder[Configure] = msgspec.msgpack.Decoder(Configure)
to_parent: msgspec.msgpack.Decoder[Ready | Refused] = msgspec.msgpack.Decoder(Ready | Refused)
