"""Adapters that judge whether a turn is complete."""
