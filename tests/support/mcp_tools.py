"""MCP servers as clients name them, and a stage on which one has listed its tools."""

from typing import Any

from support.stage import Stage


def server(label: str = "dice", **more: Any) -> dict[str, Any]:
    """A tool of type `mcp`, whose calls need no approval unless `more` says so."""
    return {
        "type": "mcp",
        "server_label": label,
        "server_url": f"https://{label}.example/mcp",
        "require_approval": "never",
        **more,
    }


def stage_with(*tools: str, functions: tuple[str, ...] = (), **more: Any) -> Stage:
    """A session with one server, `dice`, that has listed `tools`; nothing is news."""
    stage = Stage(output_modalities=["text"])
    named = [{"type": "function", "name": name} for name in functions]
    stage.update(tools=[server(**more), *named])
    stage.listed(*tools)
    stage.news()
    return stage


def call_under_way(stage: Stage, name: str = "dice__roll", arguments: str = '{"sides": 6}') -> None:
    """A response in which the model has made one call and goes on; nothing is news."""
    stage.respond()
    stage.called(arguments, name=name)
