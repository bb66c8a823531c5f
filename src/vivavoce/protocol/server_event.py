"""What all events of the server have (protocol 4)."""

import msgspec


class BaseServerEvent(msgspec.Struct, kw_only=True, tag_field="type"):
    """An event; its `event_id` is given when it is sent."""

    event_id: str = ""
