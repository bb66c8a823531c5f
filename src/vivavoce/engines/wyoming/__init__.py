"""What adapters of Wyoming services share: the protocol's events, and a connection per request."""
