"""Vivavoce: a self-hosted server that speaks the OpenAI Realtime API on top of any models."""

__version__ = "0.1.0"
