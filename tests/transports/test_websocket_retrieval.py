"""What a user said can be had again as long as `retain_audio` says, in frames under 8 MiB."""

import base64

import pytest

from support.server import Client, serving
from support.sound import BYTES_PER_MS, silence, tone, utterance
from vivavoce.engines.tts.scripted import ScriptedSynthesizer


async def spoken(client: Client, audio: bytes) -> str:
    """Commit this audio; gives the item's id."""
    await client.append(audio)
    await client.send("input_audio_buffer.commit")
    return str((await client.until("input_audio_buffer.committed"))["item_id"])


async def audio_of(client: Client, item_id: str) -> bytes | None:
    """The item's audio, if the server still has it."""
    await client.send("conversation.item.retrieve", item_id=item_id)
    item = (await client.until("conversation.item.retrieved"))["item"]
    (part,) = item["content"]
    assert part["type"] == "input_audio"
    return base64.b64decode(part["audio"]) if "audio" in part else None


@pytest.mark.parametrize(
    ("retain", "kept"),
    [
        ("all", [True, True, True]),
        ("none", [False, False, False]),
        (1.0, [False, True, True]),
        (0.5, [False, False, True]),
        (0.4, [False, False, False]),
    ],
)
async def test_audio_is_kept_as_long_as_the_operator_says(
    retain: float | str, kept: list[bool]
) -> None:
    clips = [tone(500, hertz) for hertz in (200, 300, 400)]
    async with serving(retain_audio=retain) as server, server.connect() as client:
        await client.update(audio={"input": {"turn_detection": None}})
        items = [await spoken(client, clip) for clip in clips]
        found = [await audio_of(client, item) for item in items]
    assert found == [clip if keep else None for clip, keep in zip(clips, kept, strict=True)]


async def test_a_detected_turn_holds_exactly_its_own_samples() -> None:
    async with serving() as server, server.connect() as client:
        audio = utterance() + utterance(300, 500)
        await client.append(audio)
        for _ in range(2):
            await client.until("input_audio_buffer.speech_stopped")
        for started, stopped in zip(
            client.of("input_audio_buffer.speech_started"),
            client.of("input_audio_buffer.speech_stopped"),
            strict=True,
        ):
            begin = started["audio_start_ms"] * BYTES_PER_MS
            end = stopped["audio_end_ms"] * BYTES_PER_MS
            assert await audio_of(client, started["item_id"]) == audio[begin:end]


async def test_audio_is_given_back_in_the_format_of_the_session() -> None:
    async with serving() as server, server.connect() as client:
        law = {"input": {"turn_detection": None, "format": {"type": "audio/pcma"}}}
        await client.update(audio=law)
        item_id = await spoken(client, bytes([0x55, 0xD5]) * 2000)
        audio = await audio_of(client, item_id)
        assert audio is not None
        assert abs(len(audio) - 4000) < 80, "what 10 ms of a resampler's filter may add"


async def test_a_minute_of_audio_fits_into_a_frame() -> None:
    async with serving() as server, server.connect() as client:
        await client.update(audio={"input": {"turn_detection": None}})
        item_id = await spoken(client, silence(60_000))
        audio = await audio_of(client, item_id)
        assert audio is not None
        assert len(audio) == 60_000 * BYTES_PER_MS


async def test_audio_that_does_not_fit_into_a_frame_is_left_out() -> None:
    async with serving(retain_audio="all") as server, server.connect() as client:
        await client.update(audio={"input": {"turn_detection": None}})
        item_id = await spoken(client, silence(120_000))
        assert await audio_of(client, item_id) is None


async def test_the_audio_of_a_deleted_item_is_gone() -> None:
    async with serving() as server, server.connect() as client:
        await client.update(audio={"input": {"turn_detection": None}})
        item_id = await spoken(client, tone(500))
        await client.send("conversation.item.delete", item_id=item_id)
        await client.until("conversation.item.deleted")
        await client.send("conversation.item.retrieve", item_id=item_id)
        assert (await client.error())["code"] == "item_retrieve_invalid_item_id"


async def test_the_parts_of_an_item_hold_its_audio_once() -> None:
    clips = [tone(100, hertz) for hertz in (300, 400)]
    parts = [{"type": "input_audio", "audio": base64.b64encode(audio).decode()} for audio in clips]
    item = {"id": "two", "type": "message", "role": "user", "content": parts}
    async with serving() as server, server.connect() as client:
        await client.send("conversation.item.create", item=item)
        await client.send("conversation.item.retrieve", item_id="two")
        retrieved = (await client.until("conversation.item.retrieved"))["item"]["content"]
    assert [base64.b64decode(part.get("audio", "")) for part in retrieved] == [b"".join(clips), b""]


async def test_an_item_that_waits_for_a_response_is_retrieved_with_its_audio() -> None:
    part = {"type": "input_audio", "audio": base64.b64encode(tone(100)).decode()}
    item = {"id": "late", "type": "message", "role": "user", "content": [part]}
    voice = ScriptedSynthesizer(delay_ms=50)
    async with serving(tts=voice) as server, server.connect() as client:
        await client.send("response.create")
        await client.until("response.created")
        await client.send("conversation.item.create", item=item)
        assert await audio_of(client, "late") == tone(100)
        assert client.of("response.done"), "the item did not wait"
