"""The order of a conversation's items, in which nothing has to be searched for."""

from collections.abc import Iterator


class ItemOrder:
    """Ids in a ring of links, so that every change takes the same time however many there are.

    None is the one place in the ring without an item: in front of the first and behind the last.
    """

    def __init__(self) -> None:
        self._following: dict[str | None, str | None] = {None: None}
        self._previous: dict[str | None, str | None] = {None: None}

    def __iter__(self) -> Iterator[str]:
        """The ids, first to last; nothing may change meanwhile."""
        item_id = self._following[None]
        while item_id is not None:
            yield item_id
            item_id = self._following[item_id]

    @property
    def last(self) -> str | None:
        """The id at the end."""
        return self._previous[None]

    def previous_of(self, item_id: str) -> str | None:
        """The id in front of this one, which has to be there."""
        return self._previous[item_id]

    def insert(self, item_id: str, previous: str | None) -> None:
        """Puts a new id behind `previous`, or in front of all if that is None."""
        following = self._following[previous]
        self._link(previous, item_id)
        self._link(item_id, following)

    def remove(self, item_id: str) -> None:
        """Takes an id out."""
        self._link(self._previous.pop(item_id), self._following.pop(item_id))

    def _link(self, previous: str | None, following: str | None) -> None:
        self._following[previous] = following
        self._previous[following] = previous
