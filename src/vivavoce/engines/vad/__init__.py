"""Adapters for voice activity detection."""
