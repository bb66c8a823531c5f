"""Text as it can be sent: half a surrogate pair is no character, and has no form in UTF-8."""


def whole_characters(text: str) -> str:
    """The text with U+FFFD for each half of a surrogate pair that stands alone."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
