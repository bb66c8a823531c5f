"""What a session's trace proves: how long the first turn took, and what the model was last told."""

from dataclasses import dataclass
from pathlib import Path

from vivavoce.commands.bars import Stages
from vivavoce.protocol.prompt import Prompt
from vivavoce.runtime.trace import replay
from vivavoce.runtime.waterfall_text import stages
from vivavoce.session.outputs import Generate, Measured
from vivavoce.session.waterfall import Waterfall


@dataclass(frozen=True, slots=True)
class Evidence:
    """The answers of a trace that gave the same outputs again."""

    steps: int
    first_turn: Stages
    """The server's own waterfall."""
    last_prompt: Prompt

    @property
    def remembered(self) -> str:
        """What the model was told that it had said before the last thing that the user said."""
        before = self.last_prompt.messages[-2:-1]
        return before[0].text if before and before[0].role == "assistant" else ""


def read_evidence(trace: Path) -> Evidence:
    """Run a trace again and read it. Raises `ReplayError` if the session does not do the same."""
    count, turns, prompts = 0, list[Waterfall](), [Prompt()]
    for step in replay(trace):
        count += 1
        turns += [output.waterfall for output in step.outputs if isinstance(output, Measured)]
        prompts += [output.prompt for output in step.outputs if isinstance(output, Generate)]
    first_turn = stages(turns[0]) if turns else []
    return Evidence(steps=count, first_turn=first_turn, last_prompt=prompts[-1])
