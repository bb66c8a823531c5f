"""The device code, with PortAudio itself and a virtual sound card made of files (ALSA's own).

Such a card has no clock: it records and plays as fast as the machine can. Each test is a process
of its own, because PortAudio reads what cards there are once.
"""

import ctypes.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="ALSA is a part of Linux")

SOUND_CARD = """
pcm.!default {{
    type asym
    capture.pcm {{ type file slave.pcm {{ type null }} file /dev/null infile {folder}/in.raw }}
    playback.pcm {{ type file slave.pcm {{ type null }} file {folder}/out.raw format raw }}
}}
ctl.!default {{ type null }}
"""

RECORD = """
import asyncio, sys
from vivavoce.commands.devices import open_microphone

async def main():
    with open_microphone(None) as microphone:
        blocks = aiter(microphone)
        for _ in range(50):
            sys.stdout.buffer.write(await anext(blocks))

asyncio.run(main())
"""

PLAY = """
import sys, threading
import sounddevice
from vivavoce.commands.devices import Loudspeaker, stream

loudspeaker, silent = Loudspeaker(), threading.Event()

def callback(data, frames, time, status):
    loudspeaker.callback(data, frames, time, status)
    if not any(bytes(data)):
        silent.set()

loudspeaker.play("item", sys.stdin.buffer.read())
loudspeaker.end("item")
with stream(sounddevice.RawOutputStream, None, callback):
    silent.wait()
assert loudspeaker.stop() == []
"""

OVERFLOW = """
import asyncio
from vivavoce.commands.devices import MAX_BLOCKS, Microphone

async def main():
    microphone = Microphone()
    for number in range(MAX_BLOCKS + 3):
        microphone.callback(bytes([number]), 0, None, None)
    await asyncio.sleep(0)
    assert microphone.dropped == 3
    assert await anext(aiter(microphone)) == bytes([3])

asyncio.run(main())
"""

TALK = "from vivavoce.cli import main; main(['talk', *sys.argv[1:]], prog_name='vivavoce')"
WITHOUT_PORTAUDIO = "import ctypes.util, sys; ctypes.util.find_library = lambda _: None; "


@pytest.fixture
def sound_card(tmp_path: Path, require_module: Callable[..., ModuleType]) -> dict[str, str]:
    """The environment of a process that has the virtual card."""
    if ctypes.util.find_library("portaudio") is None:
        refuse = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        refuse("needs PortAudio; on Debian and Ubuntu: sudo apt install libportaudio2")
    require_module("sounddevice", reason="pip install 'vivavoce[talk]'")
    (tmp_path / ".asoundrc").write_text(SOUND_CARD.format(folder=tmp_path))
    return os.environ | {"HOME": str(tmp_path)}


def python(code: str, environment: dict[str, str], heard: bytes = b"") -> bytes:
    """Run a program; gives its output, and fails with its errors."""
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, input=heard, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def test_the_microphone_gives_what_the_card_records(
    tmp_path: Path, sound_card: dict[str, str]
) -> None:
    (tmp_path / "in.raw").write_bytes(b"\1\2" * 24_000 * 60)
    assert python(RECORD, sound_card) == b"\1\2" * 480 * 50


def test_the_card_plays_what_the_loudspeaker_is_given(
    tmp_path: Path, sound_card: dict[str, str]
) -> None:
    (tmp_path / "in.raw").touch()
    speech = bytes(range(1, 256)) * 200
    python(PLAY, sound_card, heard=speech)
    played = (tmp_path / "out.raw").read_bytes()
    assert played.strip(b"\0") == speech


def test_a_microphone_that_nobody_listens_to_forgets_the_oldest(sound_card: dict[str, str]) -> None:
    python(OVERFLOW, sound_card)


def test_a_device_that_does_not_exist_is_refused(
    tmp_path: Path, sound_card: dict[str, str]
) -> None:
    (tmp_path / "in.raw").touch()
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {TALK}", "--output", "trumpet"],
        env=sound_card,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "trumpet" in done.stderr
    assert "python -m sounddevice" in done.stderr


def test_without_portaudio_its_package_is_named(require_module: Callable[..., ModuleType]) -> None:
    require_module("cffi", reason="pip install 'vivavoce[talk]'")
    code = WITHOUT_PORTAUDIO + TALK
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "sudo apt install libportaudio2" in done.stderr
