"""What adapters of OpenAI-compatible servers share: one POST, its failures, its event stream."""
