"""The process that speaks with espeak-ng; `espeak.py` is its outside.

espeak-ng is licensed under the GPL 3.0 and keeps global state. This is the only file that loads
it, and only when it runs as a process of its own. The names are those of `speak_lib.h`.
"""

import ctypes
import ctypes.util
import os
from typing import Any

import msgspec

from vivavoce.engines.worker import Caller, Work, WorkError, serve

SAMPLE_RATE = 22_050
"""Hertz: the rate of every espeak-ng voice, checked when the library starts."""

BLOCK_MS = 80
"""Milliseconds of sound that the library hands over at a time."""

_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_DONT_EXIT = 0x8000
_POS_CHARACTER = 1
_CHARS_UTF8 = 1
_ENDPAUSE = 0x1000
_RATE = 1
_WORDGAP = 7
_EVENT_LIST_TERMINATED = 0
_EVENT_WORD = 1
_GO_ON, _STOP = 0, 1


class Speak(msgspec.Struct, frozen=True, array_like=True):
    """A request: say this, in the first of `voices` that exists.

    A voice is `LANGUAGE` or `LANGUAGE+VARIANT`, without slashes. `words_per_minute` is 80 to 450;
    `word_gap` is a further pause between words, of 10 ms at a pace of 175, longer at slower ones.
    """

    text: str
    voices: tuple[str, ...]
    words_per_minute: int
    word_gap: int = 0


class Spoken(msgspec.Struct, frozen=True, array_like=True):
    """One of the replies: mono int16 little-endian PCM, and the words that begin about here.

    A word is a pair: its place in the text, in characters, and the milliseconds since the start
    of the sound. Places are espeak-ng's own: it skips words, and repeats and misses some places.
    Where there is `no_voice` of those that were asked for, that is the one reply.
    """

    audio: bytes
    words: tuple[tuple[int, int], ...]
    no_voice: bool = False


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_SynthCallback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


def prepare() -> Work[Speak]:
    """Load the library and return the synthesizer."""
    try:
        from espeakng_loader import get_data_path, get_library_path
    except ImportError:
        return _Espeak(ctypes.util.find_library("espeak-ng") or "libespeak-ng.so.1", None).speak
    return _Espeak(get_library_path(), get_data_path()).speak


class _Espeak:
    """The library, initialized. `data` is the folder espeak-ng-data, None for its own default."""

    def __init__(self, library: str, data: str | None) -> None:
        try:
            self._library = ctypes.CDLL(library)
        except OSError as error:
            raise WorkError(f"espeak-ng cannot be loaded: {error}") from None
        self._library.espeak_Info.restype = ctypes.c_char_p
        if data is not None:
            os.chdir(data)  # The library cuts paths at 160 bytes, so it gets the shortest there is.
        rate = self._library.espeak_Initialize(
            _AUDIO_OUTPUT_SYNCHRONOUS, BLOCK_MS, b"." if data else None, _INITIALIZE_DONT_EXIT
        )
        if rate != SAMPLE_RATE:
            raise WorkError(f"espeak-ng cannot start with the data in {data or 'its own folder'}")
        used = ctypes.c_char_p()
        self._library.espeak_Info(ctypes.byref(used))
        self._variants = os.path.join(os.fsdecode(used.value or b""), "voices", "!v")
        self._caller: Caller | None = None
        self._callback = _SynthCallback(self._on_sound)  # The library does not keep it alive.
        self._library.espeak_SetSynthCallback(self._callback)

    def speak(self, request: Speak, caller: Caller) -> None:
        """Say one text; the sound goes to the caller as it is made."""
        if not any(self._set_voice(voice) for voice in request.voices):
            caller.reply(Spoken(b"", (), no_voice=True))
            return
        self._library.espeak_SetParameter(_RATE, request.words_per_minute, 0)
        self._library.espeak_SetParameter(_WORDGAP, request.word_gap, 0)
        self._caller = caller
        text = request.text.encode() + b"\0"
        failed = self._library.espeak_Synth(
            text,
            ctypes.c_size_t(len(text)),
            0,
            _POS_CHARACTER,
            0,
            _CHARS_UTF8 | _ENDPAUSE,
            None,
            None,
        )
        if failed:
            raise WorkError(f"espeak-ng could not speak (error {failed})")

    def _set_voice(self, voice: str) -> bool:
        # The library takes an unknown variant for none at all.
        _, plus, variant = voice.partition("+")
        if plus and not os.path.isfile(os.path.join(self._variants, variant)):
            return False
        return not self._library.espeak_SetVoiceByName(voice.encode())

    def _on_sound(self, samples: Any, count: int, events: Any) -> int:
        """Take a block from inside `espeak_Synth`; what this returns may end the synthesis."""
        assert self._caller is not None
        if self._caller.has_left():
            return _STOP
        words = []
        for event in events:
            if event.type == _EVENT_LIST_TERMINATED:
                break
            if event.type == _EVENT_WORD:
                words.append((event.text_position - 1, event.audio_position))
        audio = ctypes.string_at(samples, count * 2) if samples else b""
        try:
            self._caller.reply(Spoken(audio, tuple(words)))
        except OSError:  # The other side died. Nothing raised here would reach `speak`.
            return _STOP
        return _GO_ON


if __name__ == "__main__":
    serve(Speak, prepare)
