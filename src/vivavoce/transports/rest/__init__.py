"""The engines over plain HTTP, in the shapes of OpenAI's API: what client libraries expect beside
the socket. One module for each path, and what they share: bodies, failures, streamed answers."""
