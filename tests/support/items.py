"""Items as clients create them, in the words of GA."""

from support.server import Event


def message(text: str, **more: str) -> Event:
    """Something that a user wrote."""
    content = [{"type": "input_text", "text": text}]
    return {"type": "message", "role": "user", "content": content, **more}


def by_assistant(part: Event) -> Event:
    """What an assistant said, for a history to begin with."""
    return {"type": "message", "role": "assistant", "content": [part]}


def call_output(call_id: str, text: str) -> Event:
    """What a function call gave."""
    return {"type": "function_call_output", "call_id": call_id, "output": text}
