"""What a reload tells an operator."""

import msgspec

from vivavoce.commands.serve import reread
from vivavoce.config import Configuration, Settings


def test_a_setting_that_takes_a_restart_is_named() -> None:
    running = Settings(port=1, instructions="Be brief.", llm="scripted")
    now = msgspec.structs.replace(running, port=2, instructions="Be polite.", llm=None)
    notices = reread(running, Configuration(now, ("read.",))).notices
    assert [notice.partition(" has")[0] for notice in notices] == [
        "read.",
        "`port`",
        "`instructions`",
    ]
