"""Ring 3: the thin edge, HTTP and WebSocket."""
