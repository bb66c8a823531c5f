"""A transcript as the formats of `POST /v1/audio/transcriptions` have it."""

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from vivavoce.engines.base import TokenLogprob, Transcript
from vivavoce.runtime.speech_spans import Span
from vivavoce.transports.rest.transcription_form import Fields


@dataclass(frozen=True, slots=True)
class Segment:
    """What was heard in one span of the recording."""

    span: Span
    transcript: Transcript

    @property
    def text(self) -> str:
        """Its words."""
        return self.transcript.text.strip()


@dataclass(frozen=True, slots=True)
class Heard:
    """A whole recording: what was said in it, in order, and how long it is."""

    segments: Sequence[Segment]
    duration_s: float

    @property
    def text(self) -> str:
        """All words."""
        text = ""
        for segment in self.segments:
            text += joint(text, segment.text) + segment.text
        return text

    @property
    def language(self) -> str | None:
        """What the engine took the speech for, ISO 639-1, where it says so."""
        return next((s.transcript.language for s in self.segments if s.transcript.language), None)

    @property
    def logprobs(self) -> list[dict[str, Any]]:
        """Of all tokens, as the API has them."""
        return [shown(one) for segment in self.segments for one in segment.transcript.logprobs]


def joint(before: str, after: str) -> str:
    """What stands between two parts of a text: nothing in scripts without spaces."""
    if not before or not after:
        return ""
    wide = (unicodedata.east_asian_width(mark) in "WF" for mark in (before[-1], after[0]))
    return "" if any(wide) else " "


def shown(one: TokenLogprob) -> dict[str, Any]:
    """A token's log probability as the API has it."""
    return {"token": one.token, "logprob": one.logprob, "bytes": list(one.token.encode())}


def answer(heard: Heard, fields: Fields) -> web.Response:
    """The transcript in the format that was asked for."""
    match fields.response_format:
        case "json":
            return web.json_response(body=msgspec.json.encode(document(heard, fields)))
        case "verbose_json":
            return web.json_response(body=msgspec.json.encode(verbose(heard, fields)))
        case "text":
            return web.Response(text=f"{heard.text}\n")
        case "srt":
            return web.Response(text=srt(heard), content_type="application/x-subrip")
        case "vtt":
            return web.Response(text=vtt(heard), content_type="text/vtt")


def document(heard: Heard, fields: Fields) -> dict[str, Any]:
    """The text, how much was heard, and log probabilities where they were asked for."""
    logprobs = {"logprobs": heard.logprobs} if fields.include else {}
    return {"text": heard.text, **logprobs, "usage": usage(heard)}


def usage(heard: Heard) -> dict[str, Any]:
    """How many seconds were heard, begun ones counted."""
    return {"type": "duration", "seconds": math.ceil(heard.duration_s)}


def verbose(heard: Heard, fields: Fields) -> dict[str, Any]:
    """The text with its segments. What no engine here tells is null, and no token ids are given."""
    segments: list[dict[str, Any]] = [
        {
            "id": number,
            "seek": 0,
            "start": round(segment.span.start_s, 3),
            "end": round(segment.span.end_s, 3),
            "text": segment.text,
            "tokens": [],
            "temperature": fields.temperature or 0.0,
            "avg_logprob": average(segment.transcript.logprobs),
            "compression_ratio": None,
            "no_speech_prob": None,
        }
        for number, segment in enumerate(heard.segments)
    ]
    return {
        "task": "transcribe",
        "language": heard.language or fields.language,
        "duration": round(heard.duration_s, 3),
        "text": heard.text,
        "segments": segments,
        "usage": usage(heard),
    }


def average(logprobs: Sequence[TokenLogprob]) -> float | None:
    """Of the tokens of a segment, where the engine gives them."""
    return sum(one.logprob for one in logprobs) / len(logprobs) if logprobs else None


def srt(heard: Heard) -> str:
    """SubRip: numbered captions with a comma in their times."""
    captions = [
        f"{number}\n{clock(segment.span.start_s, ',')} --> {clock(segment.span.end_s, ',')}\n"
        f"{segment.text}\n"
        for number, segment in enumerate(heard.segments, start=1)
    ]
    return "\n".join(captions)


def vtt(heard: Heard) -> str:
    """WebVTT. Its captions may not hold the arrow of a time, nor what begins a tag."""
    captions = [
        f"{clock(segment.span.start_s, '.')} --> {clock(segment.span.end_s, '.')}\n"
        f"{escaped(segment.text)}\n"
        for segment in heard.segments
    ]
    return "\n".join(["WEBVTT\n", *captions])


def escaped(text: str) -> str:
    """The text as WebVTT has it (W3C WebVTT, section 4.2.2)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def clock(seconds: float, point: str) -> str:
    """`00:01:02.345`, with this mark before the milliseconds."""
    total, ms = divmod(round(seconds * 1000), 1000)
    return f"{total // 3600:02}:{total // 60 % 60:02}:{total % 60:02}{point}{ms:03}"
