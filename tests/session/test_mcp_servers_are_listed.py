"""Walk (g) and protocol 5.7: what an MCP server can do is listed beside everything else."""

from support.cast import Cast
from support.mcp_tools import server, stage_with
from support.stage import PEER, Stage
from vivavoce.protocol.items import McpHttpError, McpListToolsItem
from vivavoce.protocol.server_events import ConversationItemDone, SessionCreated, SessionUpdated
from vivavoce.protocol.tools import McpTool, ToolServer
from vivavoce.session.inputs import PeerLeft
from vivavoce.session.outputs import ListTools
from vivavoce.session.rate_limits import RateLimitSettings
from vivavoce.session.state import Limits

UNREACHABLE = McpHttpError(code=502, message="Nobody is there.")


def offered(stage: Stage) -> list[str]:
    """The tools of the newest request to the model."""
    return [tool.name for tool in stage.prompt.tools]


def test_a_server_is_asked_once_it_is_named_and_its_tools_are_shown() -> None:
    stage = Stage()
    stage.news()
    stage.update(tools=[server()])
    assert stage.news() == [
        "session.updated",
        "item.added item1 after -",
        "mcp_list_tools.in_progress item1",
        "ListTools list1 dice",
    ]
    stage.listed("roll", description="Rolls.", input_schema={"type": "object"})
    assert stage.news() == ["mcp_list_tools.completed item1", "item.done item1"]
    item = stage.last(ConversationItemDone).item
    assert isinstance(item, McpListToolsItem)
    assert [(tool.name, tool.description) for tool in item.tools] == [("roll", "Rolls.")]


def test_the_server_is_asked_with_the_credentials_and_the_client_never_sees_them() -> None:
    stage = Stage()
    stage.update(tools=[server(authorization="hush", headers={"X-Key": "hush too"})])
    asked = next(output for output in stage.outputs if isinstance(output, ListTools))
    assert asked.server == ToolServer(
        label="dice",
        url="https://dice.example/mcp",
        authorization="hush",
        headers=(("X-Key", "hush too"),),
    )
    (shown,) = stage.last(SessionUpdated).session.tools  # type: ignore[union-attr]
    assert isinstance(shown, McpTool)
    assert not shown.authorization
    assert shown.headers == {"X-Key": "<redacted>"}
    assert shown.server_url == "https://dice.example/<redacted>"


def test_a_session_that_begins_with_a_server_lists_it_at_once() -> None:
    made = Stage(tools=[server(authorization="hush")])
    assert made.news()[:4] == [
        "session.created",
        "item.added item1 after -",
        "mcp_list_tools.in_progress item1",
        "ListTools list1 dice",
    ]
    (shown,) = made.last(SessionCreated).session.tools  # type: ignore[union-attr]
    assert isinstance(shown, McpTool)
    assert not shown.authorization


def test_a_server_that_cannot_be_asked_fails_alone_and_an_error_says_why() -> None:
    stage = Stage(cast=Cast(says=[("Hi.",)]), output_modalities=["text"])
    stage.update(tools=[server()])
    stage.news()
    stage.server_failed(UNREACHABLE, "list1")
    assert stage.news() == [
        "mcp_list_tools.failed item1",
        "item.done item1",
        "error mcp_list_tools_failed",
    ]
    assert stage.error.message == (
        "The tools of the MCP server 'dice' could not be listed: Nobody is there."
    )
    stage.respond()
    stage.advance(1000)
    assert stage.told()[-1] == "response.done resp1 completed"


def test_a_listing_that_breaks_unexpectedly_fails_too() -> None:
    stage = Stage()
    stage.update(tools=[server()])
    stage.news()
    stage.failed("list1")
    assert stage.news()[0] == "mcp_list_tools.failed item1"


def test_what_is_not_listed_yet_is_not_offered() -> None:
    stage = Stage(output_modalities=["text"])
    stage.update(tools=[server()])
    stage.respond()
    assert offered(stage) == []
    stage.finished()
    stage.listed("roll")
    stage.respond()
    assert offered(stage) == ["dice__roll"]


def test_a_server_that_is_named_again_is_not_asked_again() -> None:
    stage = stage_with("roll")
    stage.update(tools=[server()])
    stage.update(instructions="Be brief.")
    assert stage.news() == ["session.updated", "session.updated"]


def test_a_server_that_failed_is_asked_again_when_it_is_named_again() -> None:
    stage = Stage()
    stage.update(tools=[server()])
    stage.server_failed(UNREACHABLE, "list1")
    stage.news()
    stage.update(instructions="Be brief.")
    assert stage.news() == ["session.updated"]
    stage.update(tools=[server()])
    assert stage.news()[-1] == "ListTools list2 dice"


def test_a_listing_under_way_ends_when_its_server_is_removed() -> None:
    stage = Stage()
    stage.update(tools=[server()])
    stage.news()
    stage.update(tools=[])
    assert stage.news() == [
        "session.updated",
        "Cancel list1",
        "mcp_list_tools.failed item1",
        "item.done item1",
    ]
    stage.listed("roll")
    assert stage.news() == []


def test_a_server_that_moves_is_another_server() -> None:
    stage = Stage()
    stage.update(tools=[server()])
    stage.news()
    stage.update(tools=[server(server_url="https://new.example/mcp")])
    assert stage.news() == [
        "session.updated",
        "Cancel list1",
        "mcp_list_tools.failed item1",
        "item.done item1",
        "item.added item2 after item1",
        "mcp_list_tools.in_progress item2",
        "ListTools list2 dice",
    ]


def test_a_label_alone_means_the_server_that_the_session_knows() -> None:
    stage = stage_with("roll", authorization="hush")
    stage.update(tools=[{"type": "mcp", "server_label": "dice", "require_approval": "always"}])
    assert stage.news() == ["session.updated"]
    (tool,) = stage.session.config.tools  # type: ignore[union-attr]
    assert isinstance(tool, McpTool)
    assert tool.authorization == "hush"
    assert tool.require_approval == "always"


def test_a_label_that_nobody_knows_is_refused() -> None:
    stage = Stage()
    stage.news()
    stage.update(tools=[{"type": "mcp", "server_label": "dice"}])
    assert stage.news() == ["error missing_required_parameter session.tools[0].server_url"]


def test_several_servers_are_listed_side_by_side() -> None:
    stage = Stage(output_modalities=["text"])
    stage.update(tools=[server("dice"), server("cards")])
    stage.news()
    stage.listed("deal", job="list2")
    stage.listed("roll", job="list1")
    assert [line.split()[1] for line in stage.news()] == ["item2", "item2", "item1", "item1"]
    stage.respond()
    assert offered(stage) == ["dice__roll", "cards__deal"]


def test_a_listing_whose_item_was_deleted_still_counts() -> None:
    stage = Stage(output_modalities=["text"])
    stage.update(tools=[server()])
    stage.delete("item1")
    stage.news()
    stage.listed("roll")
    assert stage.news() == ["mcp_list_tools.completed item1"]
    stage.respond()
    assert offered(stage) == ["dice__roll"]


def test_an_item_can_be_retrieved_while_its_server_is_asked() -> None:
    stage = Stage()
    stage.update(tools=[server()])
    stage.news()
    stage.retrieve("item1")
    assert stage.news() == ["retrieved item1"]


def test_a_response_waits_for_the_server_that_it_names() -> None:
    stage = Stage(output_modalities=["text"])
    stage.news()
    stage.respond(tools=[server()])
    assert stage.news() == [
        "item.added item1 after -",
        "mcp_list_tools.in_progress item1",
        "ListTools list1 dice",
        "response.created resp1",
    ]
    stage.listed("roll")
    assert stage.news() == [
        "mcp_list_tools.completed item1",
        "item.done item1",
        "Generate generate1",
    ]
    assert offered(stage) == ["dice__roll"]
    stage.finished()
    stage.respond()
    assert offered(stage) == []


def test_a_response_goes_on_without_a_server_that_fails() -> None:
    stage = Stage(output_modalities=["text"])
    stage.respond(tools=[server()])
    stage.server_failed(UNREACHABLE, "list1")
    assert stage.news()[-1] == "Generate generate1"


def test_an_update_does_not_take_away_the_listing_that_a_response_waits_for() -> None:
    stage = Stage(output_modalities=["text"])
    stage.respond(tools=[server()])
    stage.update(tools=[])
    stage.news()
    stage.listed("roll")
    assert stage.news()[-1] == "Generate generate1"


def test_a_response_beside_the_conversation_lists_without_an_item() -> None:
    stage = Stage(output_modalities=["text"])
    stage.news()
    stage.respond(conversation="none", tools=[server()])
    assert stage.news() == ["ListTools list1 dice", "response.created resp1"]
    stage.listed("roll")
    assert stage.news() == ["Generate generate1"]


def test_a_listing_ends_with_the_last_response_that_waits_for_it() -> None:
    stage = Stage(output_modalities=["text"])
    stage.respond(tools=[server()])
    stage.respond(conversation="none", tools=[server()])
    stage.news()
    stage.cancel()
    assert stage.news() == ["response.done resp1 cancelled client_cancelled"]
    stage.cancel("resp2")
    assert stage.news() == [
        "response.done resp2 cancelled client_cancelled",
        "Cancel list1",
        "mcp_list_tools.failed item1",
        "item.done item1",
    ]
    stage.listed("roll")
    assert stage.news() == []


def test_a_response_that_ends_leaves_the_sessions_listing_alone() -> None:
    stage = Stage(output_modalities=["text"])
    stage.update(tools=[server()])
    stage.respond(tools=[server()])
    stage.cancel()
    stage.news()
    stage.listed("roll")
    assert stage.news() == ["mcp_list_tools.completed item1", "item.done item1"]


def test_a_response_that_is_declined_wants_no_listing() -> None:
    limits = Limits(rate_limits=RateLimitSettings(requests_per_minute=1))
    stage = Stage(output_modalities=["text"], limits=limits)
    stage.respond()
    stage.finished()
    stage.news()
    stage.respond(tools=[server()])
    assert "Cancel list1" in stage.news()


def test_so_many_servers_are_asked_at_a_time() -> None:
    stage = Stage(output_modalities=["text"])
    for batch in range(2):
        stage.respond(conversation="none", tools=[server(f"s{batch}_{n}") for n in range(32)])
    stage.news()
    stage.respond(conversation="none", tools=[server("one_more")])
    assert stage.news() == ["error too_many_listings response.tools"]
    stage.respond(conversation="none", tools=[server("s0_0")])
    assert stage.news() == ["response.created resp3"]
    stage.cancel("resp2")
    stage.news()
    stage.respond(conversation="none", tools=[server("one_more")])
    assert stage.news()[-1] == "response.created resp4"


def test_a_listing_does_not_write_over_an_item_that_took_its_id() -> None:
    stage = Stage()
    stage.update(tools=[server()])
    stage.delete("item1")
    stage.write("hello", id=stage.names.id_of("item1"))
    stage.news()
    stage.listed("roll")
    assert stage.news() == ["mcp_list_tools.completed item1"]
    stage.respond()
    assert ("user", "hello") in stage.dialogue()


def test_a_server_whose_listing_was_cancelled_is_asked_again() -> None:
    stage = Stage(output_modalities=["text"])
    stage.respond(tools=[server()])
    stage.cancel()
    stage.news()
    stage.respond(tools=[server()])
    assert "ListTools list2 dice" in stage.news()


def test_a_draft_without_the_new_tools_is_not_adopted() -> None:
    stage = Stage(output_modalities=["text"])
    stage.silence(960)
    stage.speech(1024)
    stage.silence(160)
    stage.heard("roll the dice")
    stage.wrote("I have no dice.")
    stage.update(tools=[server()])
    stage.listed("roll")
    stage.news()
    stage.silence(352)
    told = stage.news()
    assert "Cancel generate1" in told
    assert not any("no dice" in line for line in told)
    assert offered(stage) == ["dice__roll"]


def test_a_session_that_ends_cancels_its_listings() -> None:
    stage = Stage()
    stage.update(tools=[server()])
    stage.news()
    stage.step(PeerLeft(PEER))
    assert "Cancel list1" in stage.news()


def test_a_listing_shows_what_is_allowed_when_it_ends() -> None:
    stage = Stage()
    stage.update(tools=[server()])
    stage.update(tools=[server(allowed_tools=["roll"])])
    stage.listed("roll", "fly")
    item = stage.last(ConversationItemDone).item
    assert isinstance(item, McpListToolsItem)
    assert [tool.name for tool in item.tools] == ["roll"]


def test_a_listing_without_an_item_gets_one_when_the_session_names_its_server() -> None:
    stage = Stage(output_modalities=["text"])
    stage.respond(conversation="none", tools=[server("dice"), server("cards")])
    stage.listed("roll", job="list1")
    stage.news()
    stage.update(tools=[server("dice"), server("cards")])
    assert stage.news() == [
        "session.updated",
        "item.added item1 after -",
        "mcp_list_tools.in_progress item1",
        "mcp_list_tools.completed item1",
        "item.done item1",
        "item.added item2 after item1",
        "mcp_list_tools.in_progress item2",
    ]
    stage.listed("deal", job="list2")
    assert stage.news()[:2] == ["mcp_list_tools.completed item2", "item.done item2"]


def test_speech_over_a_response_that_waits_for_a_listing_ends_both() -> None:
    stage = Stage()
    stage.silence(960)
    stage.respond(tools=[server()])
    stage.news()
    stage.speech(320)
    assert stage.news() == [
        "speech_started item2 660",
        "response.done resp1 cancelled turn_detected",
        "Cancel list1",
        "mcp_list_tools.failed item1",
        "item.done item1",
    ]
