"""Ring 0: pure functions on bytes and samples. The inner format is 24 kHz mono int16."""
