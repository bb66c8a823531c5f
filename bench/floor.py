"""The floor: what listening must cost at least, in one process that does nothing else.

A socket (picows), JSON (msgspec), base64 (pybase64), resampling and one call of the model for each
32 ms window of each caller, and just enough events for the callers to notice. No sessions, no
protocol, no batching. Vivavoce's cost is given as a multiple of this.

    python bench/floor.py --port 8090
    python bench/floor.py --in-process        # what it costs without the socket

On a machine where it costs more than about 3 ms in process it is the machine that is slow: compare
by ratio only.
"""

import argparse
import contextlib
import itertools
import time

import msgspec
import numpy as np
import onnxruntime
import picows
import pybase64
import uvloop

from vivavoce.audio.decimate import DECIMATOR_HISTORY, decimate
from vivavoce.audio.units import BYTES_PER_MS
from vivavoce.engines.vad.silero import find_model
from vivavoce.speech import clip

WINDOW = 768
CONTEXT = 64
SILENCE_WINDOWS = 500 // 32
THRESHOLD, QUIET = 0.5, 0.35


class Append(msgspec.Struct, tag_field="type", tag="input_audio_buffer.append"):
    audio: str


def open_model() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        str(find_model()), options, providers=["CPUExecutionProvider"]
    )


class Nowhere:
    """A socket of which nobody reads."""

    def send(self, *_: object) -> None:
        pass


class Caller(picows.WSListener):
    decoder = msgspec.json.Decoder(Append)
    model = open_model()
    rate = np.array(16_000, np.int64)
    takes_rate = any(one.name == "sr" for one in model.get_inputs())
    numbers = itertools.count()

    def on_ws_connected(self, transport: picows.WSTransport | Nowhere) -> None:
        self.transport = transport
        self.pcm = bytearray(2 * DECIMATOR_HISTORY)
        self.state = np.zeros((2, 1, 128), np.float32)
        self.heard = np.zeros((1, CONTEXT + 512), np.float32)
        self.position = self.quiet = 0
        self.speaking = False
        self.send({"type": "session.created", "session": {"type": "realtime", "id": "sess_floor"}})

    def send(self, event: dict[str, object]) -> None:
        self.transport.send(picows.WSMsgType.TEXT, msgspec.json.encode(event))

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if frame.msg_type == picows.WSMsgType.CLOSE:
            transport.send_close(picows.WSCloseCode.OK)
            transport.disconnect()
        elif frame.msg_type == picows.WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
        elif frame.msg_type == picows.WSMsgType.TEXT:
            self.received(frame.get_payload_as_memoryview())

    def received(self, payload: memoryview) -> None:
        try:
            append = self.decoder.decode(payload)
        except msgspec.ValidationError:
            self.send({"type": "session.updated", "session": {}})
            return
        self.pcm += pybase64.b64decode(append.audio, validate=True)
        while len(self.pcm) >= 2 * (DECIMATOR_HISTORY + WINDOW):
            samples = np.frombuffer(bytes(self.pcm[: 2 * (DECIMATOR_HISTORY + WINDOW)]), "<i2")
            del self.pcm[: 2 * WINDOW]
            self.scored(self.score(samples[None]))

    def score(self, samples: np.ndarray) -> float:
        self.heard[:, :CONTEXT] = self.heard[:, -CONTEXT:]
        self.heard[:, CONTEXT:] = decimate(samples)
        feed: dict[str, np.ndarray] = {"input": self.heard, "state": self.state}
        if self.takes_rate:  # the file for one rate only does not
            feed["sr"] = self.rate
        probability, self.state = self.model.run(None, feed)
        return float(probability[0, 0])

    def scored(self, probability: float) -> None:
        self.position += WINDOW
        ms = self.position // 24
        if probability >= THRESHOLD:
            self.quiet = 0
            if not self.speaking:
                self.speaking = True
                self.item = f"item_{next(self.numbers)}"
                self.event("input_audio_buffer.speech_started", audio_start_ms=ms - 32)
        elif self.speaking and (self.quiet or probability < QUIET):
            self.quiet += 1
            if self.quiet > SILENCE_WINDOWS:
                self.speaking, self.quiet = False, 0
                self.event("input_audio_buffer.speech_stopped", audio_end_ms=ms)
                self.event("input_audio_buffer.committed", previous_item_id=None)

    def event(self, kind: str, **fields: object) -> None:
        self.send({"type": kind, "event_id": "event_floor", "item_id": self.item, **fields})


async def serve(port: int) -> None:
    server = await picows.ws_create_server(
        lambda _: Caller(), "127.0.0.1", port, max_frame_size=21 << 20
    )
    print("ready", flush=True)
    await server.serve_forever()


def in_process(repetitions: int = 8) -> float:
    """CPU milliseconds for a second of audio, without a socket."""
    size = 20 * BYTES_PER_MS
    pcm = clip("story").pcm * repetitions
    audio = [pybase64.b64encode_as_string(pcm[i : i + size]) for i in range(0, len(pcm), size)]
    appends = [
        memoryview(f'{{"type":"input_audio_buffer.append","audio":"{one}"}}'.encode())
        for one in audio
    ]
    caller = Caller()
    caller.on_ws_connected(Nowhere())
    began = time.process_time()
    for append in appends:
        caller.received(append)
    return 1000 * (time.process_time() - began) / (len(pcm) / BYTES_PER_MS / 1000)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, default=8090)
    options.add_argument("--in-process", action="store_true")
    given = options.parse_args()
    if given.in_process:
        print(f"{min(in_process() for _ in range(3)):.2f} ms of CPU for a second of audio")
    else:
        with contextlib.suppress(KeyboardInterrupt):
            uvloop.run(serve(given.port))
