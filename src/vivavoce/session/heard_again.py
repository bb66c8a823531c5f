"""What a model that hears is given of the user's earlier speech: recordings, then words.

Each answer sends the recordings anew. So only the newest are sent, and of what lies before them
the words, where there are any. Which those are depends on the conversation alone, and not on what
happens to be kept, so that equal conversations make equal prompts.
"""

from collections.abc import Iterable
from dataclasses import replace

from vivavoce.audio.units import SAMPLES_PER_MS
from vivavoce.protocol.prompt import AudioClip, Prompt
from vivavoce.session.conversation import Conversation, Entry, Forgotten, Inaudible, Noise, Text


def with_recent_speech(entries: Iterable[Entry], hears_again_ms: int) -> tuple[Entry, ...]:
    """The entries; speech more than so many milliseconds of speech ago is to be read.

    The newest recording stays, however long it is.
    """
    left_ms = hears_again_ms
    newest = True
    found: list[Entry] = []
    for entry in reversed(tuple(entries)):
        if entry.clip is not None:
            left_ms -= milliseconds(entry.clip)
            if left_ms < 0 and not newest:
                entry = in_words(entry)
            newest = False
        found.append(entry)
    return tuple(reversed(found))


def in_words(entry: Entry) -> Entry:
    """The entry without its recording."""
    known = entry.heard if isinstance(entry.heard, Text | Noise | Inaudible) else Forgotten()
    return replace(entry, heard=known, clip=None)


def known_words(prompt: Prompt, conversation: Conversation) -> dict[str, str]:
    """The words of the speech in a prompt, by item id, as far as somebody has written them down."""
    clips = (clip for message in prompt.messages for clip in message.speech)
    entries = filter(None, (conversation.find(clip.item_id) for clip in clips))
    return {e.item.id: e.heard.text for e in entries if isinstance(e.heard, Text)}


def milliseconds(clip: AudioClip) -> int:
    """How long it lasts."""
    return (clip.end - clip.start) // SAMPLES_PER_MS
