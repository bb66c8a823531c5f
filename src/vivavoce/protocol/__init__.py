"""Ring 0: the wire as values. GA vocabulary; no I/O, no clock, no randomness."""
