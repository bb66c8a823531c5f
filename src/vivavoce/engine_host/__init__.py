"""The side of `engines.remote` that hosts engines: loads them, and does the jobs of its users.

Engines live here as in a server: shared, leased, held to their limits, replaced when they hang
(`runtime.models`). So what waits for an engine is batched for all users together.
"""
