"""A voice for Vivavoce that speaks Morse code."""

from vivavoce_morse.synthesizer import MorseSynthesizer

__all__ = ["MorseSynthesizer"]
