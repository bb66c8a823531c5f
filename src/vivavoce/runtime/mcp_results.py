"""What MCP servers answer, in this server's terms. Needs the MCP SDK."""

from collections.abc import Iterator
from typing import Any

import msgspec
from mcp_types import (
    AudioContent,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
    Tool,
    ToolAnnotations,
)

from vivavoce.protocol.items import McpListedTool

MAX_TEXT = 65_536
"""Characters of a tool's output; the rest is left out, and the text says so."""


def listed_tool(tool: Tool) -> McpListedTool:
    """A tool as clients see it."""
    hints = tool.annotations
    return McpListedTool(
        name=tool.name,
        description=tool.description or "",
        input_schema=tool.input_schema,
        annotations=None if hints is None else shown_hints(hints),
    )


def shown_hints(hints: ToolAnnotations) -> dict[str, Any]:
    """A tool's annotations under their names on the wire."""
    return hints.model_dump(mode="json", by_alias=True, exclude_none=True)


def result_text(result: CallToolResult) -> str:
    """A tool's output as text: a line for each thing; what is no text is named."""
    text = "\n".join(block_texts(result.content))
    if not text and result.structured_content is not None:
        text = msgspec.json.encode(result.structured_content).decode()
    if len(text) <= MAX_TEXT:
        return text
    return f"{text[:MAX_TEXT]}\n[{len(text) - MAX_TEXT} more characters are left out]"


def block_texts(blocks: list[ContentBlock]) -> Iterator[str]:
    """What the model reads for each thing that a tool gave."""
    for block in blocks:
        match block:
            case TextContent():
                yield block.text
            case EmbeddedResource(resource=TextResourceContents() as resource):
                yield resource.text
            case EmbeddedResource(resource=resource):
                yield f"[{resource.uri}]"
            case ResourceLink():
                yield f"[{block.name}: {block.uri}]"
            case ImageContent() | AudioContent():
                yield f"[{block.mime_type}]"
