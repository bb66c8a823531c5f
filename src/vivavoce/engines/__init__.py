"""Ring 1: the engine slots, their adapters, and the registry that finds them."""
