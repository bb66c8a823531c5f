"""How many words the built-in recogniser gets wrong.

    python bench/wer.py

speaks the sentences of sentences.txt with voices of flite (`apt install flite`), and prints the
word error rate: words missed, added or mistaken, per word said. The list was fixed before it was
measured for the first time. Synthetic speech without noise is the easy case: rooms, microphones
and accents make more mistakes.
"""

import asyncio
import subprocess
import tempfile
import wave
from pathlib import Path

from vivavoce.engines.base import Hint
from vivavoce.engines.stt.pocketsphinx import PocketSphinxRecognizer

SENTENCES = Path(__file__).with_name("sentences.txt").read_text().splitlines()
VOICES = ("slt", "rms")


def speak(voice: str, sentence: str) -> bytes:
    """Let flite say a sentence; both voices speak at 16 kHz, the recogniser's own rate."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        subprocess.run(["flite", "-voice", voice, "-t", sentence, "-o", file.name], check=True)
        with wave.open(file.name) as recording:
            assert recording.getframerate() == PocketSphinxRecognizer.sample_rate
            audio: bytes = recording.readframes(recording.getnframes())
            return audio


def word_errors(said: list[str], heard: list[str]) -> int:
    """Count the fewest insertions, deletions and substitutions that turn one into the other."""
    distances = list(range(len(heard) + 1))
    for row, word in enumerate(said, 1):
        diagonal, distances[0] = distances[0], row
        for column, other in enumerate(heard, 1):
            substituted = diagonal + (word != other)
            diagonal = distances[column]
            distances[column] = min(substituted, diagonal + 1, distances[column - 1] + 1)
    return distances[-1]


async def measure(recognizer: PocketSphinxRecognizer, voice: str) -> tuple[int, int]:
    """Recognise all sentences in one voice; return the errors and the words said."""
    errors = words = 0
    for sentence in SENTENCES:
        audio = await asyncio.to_thread(speak, voice, sentence)
        transcript = await recognizer.recognize(audio, Hint(), lambda _: None)
        wrong = word_errors(sentence.split(), transcript.text.split())
        if wrong:
            print(f"  {sentence!r} was heard as {transcript.text!r}")
        errors += wrong
        words += len(sentence.split())
    print(f"{voice}: {errors} errors in {words} words, {errors / words:.1%}")
    return errors, words


async def main() -> None:
    """Measure every voice."""
    recognizer = PocketSphinxRecognizer()
    await asyncio.to_thread(recognizer.load)
    try:
        results = [await measure(recognizer, voice) for voice in VOICES]
    finally:
        await recognizer.close()
    errors, words = (sum(column) for column in zip(*results, strict=True))
    print(f"all: {errors} errors in {words} words, {errors / words:.1%}")


if __name__ == "__main__":
    asyncio.run(main())
