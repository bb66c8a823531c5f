"""Ring 1: frames of a dialect to GA values and back, pure."""
