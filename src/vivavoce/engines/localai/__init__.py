"""What adapters of LocalAI's backends share: the messages of their protocol, and calls to one."""
