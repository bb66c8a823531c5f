"""Walk (l): what a client creates and edits while a response runs."""

from support.stage import Stage
from vivavoce.protocol.client_events import ConversationItemCreate, ConversationItemDelete
from vivavoce.protocol.items import McpListedTool, McpListToolsItem


def an_answer_under_way() -> Stage:
    stage = Stage()
    stage.write("tell me a story", id="question")
    stage.respond()
    stage.wrote("Once upon a time, ")
    stage.voiced(500, None, (4, 0), (9, 200))
    stage.news()
    return stage


def the_answer_ends(stage: Stage) -> None:
    stage.spoken()
    stage.finished()


CLOSED = [
    "audio.done item1",
    "transcript.done item1 'Once upon a time, '",
    "part.done item1",
    "item.done item1",
    "output_item.done item1",
    "response.done resp1 completed",
]


def test_creations_are_shown_in_order_after_the_response() -> None:
    stage = an_answer_under_way()
    stage.write("first", id="a")
    stage.write("second", id="b")
    assert stage.news() == []
    the_answer_ends(stage)
    assert stage.news() == [
        *CLOSED,
        "item.added a after item1",
        "item.done a",
        "item.added b after a",
        "item.done b",
    ]


def test_creations_are_shown_after_a_cancelled_response_too() -> None:
    stage = an_answer_under_way()
    stage.write("first", id="a")
    stage.cancel()
    assert stage.news()[-3:] == [
        "response.done resp1 cancelled client_cancelled",
        "item.added a after item1",
        "item.done a",
    ]


def test_creations_are_shown_before_the_next_turn_is_committed() -> None:
    stage = an_answer_under_way()
    stage.write("first", id="a")
    stage.speech(512)
    stage.silence(512)
    told = stage.told()
    assert told.index("item.done a") < told.index("committed item2 after a")


def test_edits_of_the_items_of_the_running_response_wait() -> None:
    stage = an_answer_under_way()
    stage.truncate("item1", 300)
    stage.delete("item1")
    assert stage.news() == []
    the_answer_ends(stage)
    assert stage.news() == [*CLOSED, "truncated item1 300", "deleted item1", "DropAudio item1"]


def test_other_edits_act_at_once_and_the_response_keeps_its_context() -> None:
    stage = an_answer_under_way()
    before = stage.prompt
    stage.delete("question")
    assert stage.news() == ["deleted question", "DropAudio question"]
    the_answer_ends(stage)
    stage.news()
    assert stage.prompt == before
    stage.write("go on")
    stage.respond()
    assert [role for role, _ in stage.dialogue()] == ["assistant", "user"]


def test_what_names_an_item_that_waits_waits_behind_it() -> None:
    stage = an_answer_under_way()
    stage.write("first", id="a")
    stage.retrieve("a")
    stage.delete("a")
    stage.write("again", id="a")
    assert stage.news() == []
    the_answer_ends(stage)
    assert stage.news() == [
        *CLOSED,
        "item.added a after item1",
        "item.done a",
        "retrieved a",
        "deleted a",
        "DropAudio a",
        "item.added a after item1",
        "item.done a",
    ]


def test_faults_of_what_waits_are_told_when_it_runs() -> None:
    stage = an_answer_under_way()
    stage.write("first", id="question")
    assert stage.news() == []
    the_answer_ends(stage)
    assert stage.news()[-1] == "error item_create_duplicate_item_id"


def test_a_client_cannot_pile_up_items_without_end() -> None:
    stage = an_answer_under_way()
    for _ in range(256):
        stage.write("more")
    assert stage.news() == []
    stage.write("one too many")
    assert stage.news() == ["error too_many_items"]
    the_answer_ends(stage)
    assert len([line for line in stage.news() if line.startswith("item.added")]) == 256


def test_a_client_cannot_pile_up_megabytes() -> None:
    stage = an_answer_under_way()
    for _ in range(5):
        stage.write("x" * 6 * 2**20)
    assert stage.news() == []
    stage.write("x" * 3 * 2**20)
    assert stage.news() == ["error too_many_items"]
    assert "32 MiB" in stage.error.message
    stage.write("a small one")
    the_answer_ends(stage)
    assert len([line for line in stage.news() if line.startswith("item.added")]) == 6


def test_a_schema_has_a_size_too() -> None:
    stage = an_answer_under_way()
    tool = McpListedTool(name="roll", input_schema={"description": "x" * 6 * 2**20})
    item = McpListToolsItem(server_label="dice", tools=(tool,))
    for _ in range(5):
        stage.client(ConversationItemCreate(item=item))
    assert stage.news() == []
    stage.client(ConversationItemCreate(item=item))
    assert stage.news() == ["error too_many_items"]


def test_what_names_no_item_does_not_wait_for_one_without_a_name() -> None:
    stage = an_answer_under_way()
    stage.write("no name")
    stage.client(ConversationItemDelete(item_id=""))
    (told,) = stage.news()
    assert told.startswith("error ")


def test_what_waited_makes_room_for_more() -> None:
    stage = an_answer_under_way()
    for _ in range(2):
        for _ in range(5):
            stage.write("x" * 6 * 2**20)
        assert stage.news() == []
        the_answer_ends(stage)
        stage.respond()
        stage.news()


def test_an_item_under_way_can_be_retrieved() -> None:
    stage = an_answer_under_way()
    stage.retrieve("item1")
    assert stage.news() == ["retrieved item1"]


def test_a_response_beside_the_conversation_makes_nothing_wait() -> None:
    stage = Stage()
    stage.respond(conversation="none")
    stage.news()
    stage.write("hello", id="a")
    assert stage.news() == ["item.added a after -", "item.done a"]
