"""Make the recorded speech in src/vivavoce/speech: run by hand, and its result is committed.

    python scripts/make_speech.py

needs the voices of flite (`apt install flite`). A clip is one or more sentences of one voice,
300 ms apart, with 300 ms of silence on both sides, as 24 kHz 16-bit mono WAV. speech.json has
what is said and, measured from the energy, when it begins and ends.
"""

import json
import subprocess
import tempfile
import wave
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr

FOLDER = Path(__file__).parent.parent / "src/vivavoce/speech"
RATE = 24_000
SILENCE_MS = 300

# Voices and words were tried out before: pocketsphinx hears these word for word.
CLIPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "hello": ("rms", ("Hello there.",)),
    "repeat": ("rms", ("Repeat after me, the sky is blue.",)),
    "stop": ("slt", ("Stop please.",)),
    "story": ("rms", ("Tell me a story.",)),
    "sum": ("slt", ("What is six times seven?",)),
    "time": ("slt", ("What time is it?",)),
    "two_sentences": ("rms", ("Good morning.", "What is the time?")),
    "weather": ("slt", ("What is the weather in London?",)),
}

Samples = npt.NDArray[np.int16]


def speak(voice: str, sentence: str) -> Samples:
    """Let flite say a sentence."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        subprocess.run(["flite", "-voice", voice, "-t", sentence, "-o", file.name], check=True)
        with wave.open(file.name) as recording:
            samples = np.frombuffer(recording.readframes(recording.getnframes()), np.int16)
            rate = recording.getframerate()
    resampled: Samples = soxr.resample(samples, rate, RATE)
    return resampled


def sounding(samples: Samples) -> tuple[int, int]:
    """Find where the sound begins and ends: 5 ms frames within 40 dB of the loudest one."""
    frame = RATE // 200
    frames = samples[: len(samples) // frame * frame].astype(float).reshape(-1, frame)
    level = np.sqrt(np.mean(frames**2, axis=1))
    loud = np.flatnonzero(level > level.max() / 100)
    return int(loud[0]) * frame, int(loud[-1] + 1) * frame


def make(name: str, voice: str, sentences: tuple[str, ...]) -> dict[str, Any]:
    """Write a clip and return its entry in speech.json."""
    silence = np.zeros(SILENCE_MS * RATE // 1000, np.int16)
    parts = [silence]
    for sentence in sentences:
        spoken = speak(voice, sentence)
        onset, offset = sounding(spoken)
        parts += [spoken[onset:offset], silence]
    samples = np.concatenate(parts)
    with wave.open(str(FOLDER / f"{name}.wav"), "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(RATE)
        recording.writeframes(samples.astype("<i2").tobytes())
    onset, offset = sounding(samples)
    return {
        "text": " ".join(sentences),
        "voice": f"flite {voice}",
        "onset_ms": onset * 1000 // RATE,
        "offset_ms": offset * 1000 // RATE,
        "duration_ms": len(samples) * 1000 // RATE,
    }


def main() -> None:
    """Make all clips."""
    clips = {name: make(name, *script) for name, script in CLIPS.items()}
    (FOLDER / "speech.json").write_text(json.dumps(clips, indent=2) + "\n")


if __name__ == "__main__":
    main()
