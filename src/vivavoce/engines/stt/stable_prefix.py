"""What of a growing hypothesis is sure, so that it can be told and never taken back."""


class StablePrefix:
    """Compares each hypothesis of an utterance with the one before.

    What both begin with is sure, but for white space at its end, and is given once. Where
    hypotheses only grow (`grows`), all of each is sure. A recogniser may think otherwise later;
    what was given stands all the same.
    """

    def __init__(self, *, grows: bool = False) -> None:
        self.given = ""
        self._last = ""
        self._grows = grows

    def update(self, hypothesis: str) -> str:
        """Take the next hypothesis, and give what is sure beyond what was given before."""
        agreed = hypothesis if self._grows else common_prefix(self._last, hypothesis)
        agreed = agreed.rstrip()
        self._last = hypothesis
        if not agreed.startswith(self.given):
            return ""
        sure = agreed[len(self.given) :]
        self.given = agreed
        return sure

    def completed(self, hypothesis: str) -> str:
        """The whole text, were this the last hypothesis: what was given, and the rest of this.

        Where the hypothesis contradicts what was given, its words count from there on; in a text
        without spaces, its characters.
        """
        if hypothesis.startswith(self.given):
            return hypothesis
        words = hypothesis.split()
        if len(words) > 1:
            rest = words[len(self.given.split()) :]
            return " ".join([self.given, *rest])
        return self.given + hypothesis[len(self.given) :]


def common_prefix(one: str, other: str) -> str:
    """What both texts begin with."""
    length = 0
    for first, second in zip(one, other, strict=False):
        if first != second:
            break
        length += 1
    return one[:length]
