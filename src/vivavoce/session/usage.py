"""What a response cost, in tokens (protocol 7)."""

from collections.abc import Iterable

from vivavoce.protocol.prompt import Prompt
from vivavoce.protocol.server_events import (
    CachedTokenDetails,
    InputTokenDetails,
    OutputTokenDetails,
    Usage,
)
from vivavoce.session.context import (
    estimate_prompt_tokens,
    estimate_speech_tokens,
    estimate_tokens,
)
from vivavoce.session.draft import Draft
from vivavoce.session.inputs import GenerationFinished
from vivavoce.session.output_items import OutputItem
from vivavoce.session.speech_items import OwnSpeechMessage, SpeechMessage, SpokenMessage

AUDIO_MS_PER_TOKEN = 50
"""Assistant audio is counted as one token for each 50 ms."""


def usage_of(draft: Draft | None, items: Iterable[OutputItem]) -> Usage:
    """Tokens as the model counted them, estimated from text and sound where it does not.

    `draft` is the answer at work, if there ever was one, `items` what was sent of it.
    """
    ended = draft.ended if draft else None
    text_in, audio_in = input_tokens(draft.prompt, ended) if draft else (0, 0)
    text_out, audio_out = output_tokens(ended, tuple(items))
    cached = min(ended.cached_tokens, text_in) if ended else 0
    return Usage(
        total_tokens=text_in + audio_in + text_out + audio_out,
        input_tokens=text_in + audio_in,
        output_tokens=text_out + audio_out,
        input_token_details=InputTokenDetails(
            text_tokens=text_in,
            audio_tokens=audio_in,
            cached_tokens=cached,
            cached_tokens_details=CachedTokenDetails(text_tokens=cached),
        ),
        output_token_details=OutputTokenDetails(text_tokens=text_out, audio_tokens=audio_out),
    )


def input_tokens(prompt: Prompt, ended: GenerationFinished | None) -> tuple[int, int]:
    """Tokens of text and of audio that the model was given."""
    if ended is None or ended.input_tokens is None:
        clips = (clip for message in prompt.messages for clip in message.speech)
        return estimate_prompt_tokens(prompt), sum(map(estimate_speech_tokens, clips))
    audio = min(ended.input_audio_tokens, ended.input_tokens)
    return ended.input_tokens - audio, audio


def output_tokens(
    ended: GenerationFinished | None, items: tuple[OutputItem, ...]
) -> tuple[int, int]:
    """Tokens of text and of audio of an answer.

    What a model counts includes the speech that is its own. A synthesiser counts none.
    """
    voiced, own = audio_tokens(items, SpokenMessage), audio_tokens(items, OwnSpeechMessage)
    if ended is None or ended.output_tokens is None:
        return sum(estimate_tokens(item.written) for item in items), voiced + own
    if ended.output_audio_tokens is not None:
        own = ended.output_audio_tokens
    own = min(own, ended.output_tokens)
    return ended.output_tokens - own, voiced + own


def audio_tokens(items: tuple[OutputItem, ...], kind: type[SpeechMessage]) -> int:
    """The estimate for the sound of the messages of this kind."""
    audio_ms = sum(item.audio_ms for item in items if isinstance(item, kind))
    return audio_ms // AUDIO_MS_PER_TOKEN
