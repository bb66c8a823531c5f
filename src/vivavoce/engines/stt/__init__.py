"""Adapters for speech recognition."""
