"""The orders in which events come, in both dialects: what the conformance tests expect.

The left column is GA (protocol 5.2 to 5.15), the right one beta (5.3), where it differs; `-` means
that beta has no such event. Deltas are left out, and so are the events of a transcription, which
may come at any time after the turn.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from support.dialect_client import Dialect
from support.server import Event


@dataclass(frozen=True)
class Order:
    """The types of the events of something, as each dialect has them."""

    ga: tuple[str, ...]
    beta: tuple[str, ...]

    def __add__(self, then: "Order") -> "Order":
        return Order(self.ga + then.ga, self.beta + then.beta)

    def of(self, dialect: Dialect) -> list[str]:
        """The order in this dialect."""
        return list(self.beta if dialect.name == "beta" else self.ga)


def order(table: str) -> Order:
    """Read two columns; a line with one is the same in both dialects."""
    rows = [line.split() for line in table.strip().splitlines()]
    return Order(
        ga=tuple(row[0] for row in rows),
        beta=tuple(row[-1] for row in rows if row[-1] != "-"),
    )


def told(events: Iterable[Event]) -> list[str]:
    """The types of events whose place in the order counts."""
    kinds = [event["type"] for event in events]
    return [k for k in kinds if not k.endswith(".delta") and "input_audio_transcription" not in k]


ITEM = order("""
    conversation.item.added                     conversation.item.created
    conversation.item.done                      -
""")

COMMITTED = order("input_audio_buffer.committed") + ITEM

SPOKEN = order("""
    input_audio_buffer.speech_started
    input_audio_buffer.speech_stopped
    input_audio_buffer.committed
    conversation.item.added                     conversation.item.created
    conversation.item.done                      -
""")

TIMED_OUT = order("input_audio_buffer.timeout_triggered") + COMMITTED

WRITTEN_ANSWER = order("""
    response.created
    response.output_item.added
    conversation.item.added                     conversation.item.created
    response.content_part.added
    response.output_text.done                   response.text.done
    response.content_part.done
    conversation.item.done                      -
    response.output_item.done
    response.done
""")

SPOKEN_ANSWER = order("""
    response.created
    response.output_item.added
    conversation.item.added                     conversation.item.created
    response.content_part.added
    response.output_audio.done                  response.audio.done
    response.output_audio_transcript.done       response.audio_transcript.done
    response.content_part.done
    conversation.item.done                      -
    response.output_item.done
    response.done
""")

CALL = order("""
    response.created
    response.output_item.added
    conversation.item.added                     conversation.item.created
    response.function_call_arguments.done
    conversation.item.done                      -
    response.output_item.done
    response.done
""")

ANSWER_BESIDE = order("""
    response.created
    response.output_item.added
    response.content_part.added
    response.output_text.done                   response.text.done
    response.content_part.done
    response.output_item.done
    response.done
""")
"""Of a response outside the conversation."""

WRITING_CANCELLED = order("""
    response.output_text.done                   response.text.done
    response.content_part.done
    conversation.item.done                      -
    response.output_item.done
    response.done
""")

SPEAKING_CANCELLED = order("""
    response.output_audio.done                  response.audio.done
    response.output_audio_transcript.done       response.audio_transcript.done
    response.content_part.done
    conversation.item.done                      -
    response.output_item.done
    response.done
""")
