"""The same text, cut anywhere."""

from itertools import pairwise

from hypothesis import strategies as st


def cut_anywhere(text: str, data: st.DataObject) -> list[str]:
    """Pieces, some of which may be empty, that joined are `text`."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    return [text[a:b] for a, b in pairwise([0, *cuts, len(text)])]
