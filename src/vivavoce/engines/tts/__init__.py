"""Adapters for speech synthesis."""
