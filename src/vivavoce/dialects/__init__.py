"""Ring 1: frames of a dialect to the machine's values and back, pure."""
