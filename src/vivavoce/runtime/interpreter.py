"""Python's own settings for a process that serves: what concerns every session, and no module."""

import gc
import sys

SWITCH_INTERVAL_S = 0.0005
"""How long a thread waits for the interpreter while another one computes. Python's 5 ms would be
added to the scores of the voice activity detector whenever the event loop is busy."""


def settle() -> None:
    """Prepare the process for serving, once all is loaded.

    What is there now stays until the end. The collector looks at it no more, else every collection
    would hold up all sessions for as long as it takes to go through every module.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.collect()
    gc.freeze()
