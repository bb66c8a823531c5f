"""Ring 1: the session machine. No async, sockets, threads, clock, randomness or logging."""
