"""What a response cost, in tokens (protocol 7)."""

from collections.abc import Iterable

from vivavoce.protocol.server_events import (
    CachedTokenDetails,
    InputTokenDetails,
    OutputTokenDetails,
    Usage,
)
from vivavoce.session.context import estimate_prompt_tokens, estimate_tokens
from vivavoce.session.draft import Draft
from vivavoce.session.output_items import OutputItem, SpokenMessage

AUDIO_MS_PER_TOKEN = 50
"""Assistant audio is counted as one token for each 50 ms."""


def usage_of(draft: Draft | None, items: Iterable[OutputItem]) -> Usage:
    """Tokens as the model counted them, estimated from the text where it does not.

    `draft` is the answer at work, if there ever was one, `items` what was sent of it.
    """
    items = tuple(items)
    ended = draft.ended if draft else None
    text_in = ended.input_tokens if ended else None
    if text_in is None:
        text_in = estimate_prompt_tokens(draft.prompt) if draft else 0
    text_out = ended.output_tokens if ended else None
    if text_out is None:
        text_out = sum(estimate_tokens(item.written) for item in items)
    audio_ms = sum(item.audio_ms for item in items if isinstance(item, SpokenMessage))
    audio_out = audio_ms // AUDIO_MS_PER_TOKEN
    cached = min(ended.cached_tokens, text_in) if ended else 0
    return Usage(
        total_tokens=text_in + text_out + audio_out,
        input_tokens=text_in,
        output_tokens=text_out + audio_out,
        input_token_details=InputTokenDetails(
            text_tokens=text_in,
            cached_tokens=cached,
            cached_tokens_details=CachedTokenDetails(text_tokens=cached),
        ),
        output_token_details=OutputTokenDetails(text_tokens=text_out, audio_tokens=audio_out),
    )
