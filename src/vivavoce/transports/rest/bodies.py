"""The bodies of requests, read up to a bound: JSON, and forms with a file."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from aiohttp import BodyPartReader, MultipartReader, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from vivavoce.protocol.errors import ErrorDetail, Refusal, missing_parameter, refuse
from vivavoce.protocol.validation import explain

MIB = 1024 * 1024
MAX_JSON_BYTES = 20 * MIB
"""Pictures come in the body of a chat."""
MAX_FILE_BYTES = 25 * MIB
"""As OpenAI takes it."""
MAX_FIELD_BYTES = 64 * 1024
MAX_FIELDS = 256
BODY_TIMEOUT_S = 300.0
"""Within which a body has to come in: the largest takes a line of 0.7 Mbit/s."""

T = TypeVar("T")


class TooLarge(Refusal):
    """A body is larger than is taken."""


@dataclass(frozen=True, slots=True)
class Form:
    """A form: its file, and its fields in order; `name[]` may come more than once."""

    file: bytes
    fields: tuple[tuple[str, str], ...]


async def read_json(request: web.Request) -> dict[str, Any]:
    """The object that a body holds. Raises `Refusal`."""
    body = bytearray()
    async with in_time():
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > MAX_JSON_BYTES:
                raise too_large("The body of this request", MAX_JSON_BYTES, None)
    try:
        raw = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise refuse("invalid_json", f"The body is not valid JSON: {error}.") from error
    if not isinstance(raw, dict):
        raise refuse("invalid_type", "The body of this request is a JSON object.")
    return raw


def converted(raw: dict[str, Any], kind: type[T]) -> T:
    """The object as a value of `kind`. Raises `Refusal` that names the first wrong field."""
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise explain(raw, kind, "", error) from error


async def read_form(request: web.Request) -> Form:
    """The form with a file that a body holds. Raises `Refusal`."""
    kind = request.headers.get(hdrs.CONTENT_TYPE, "")
    if request.content_type != "multipart/form-data" or "boundary=" not in kind:
        raise refuse("invalid_content_type", "This takes a form: multipart/form-data with a file.")
    try:
        async with in_time():
            return await read_parts(await request.multipart())
    except (ValueError, HttpProcessingError) as error:
        text = f"The form cannot be read: {' '.join(str(error).split())}"
        raise refuse("invalid_form", text) from error


async def read_parts(parts: MultipartReader) -> Form:
    """The parts of a form. Raises `Refusal`, and what aiohttp does for what is no form."""
    file: bytes | None = None
    fields: list[tuple[str, str]] = []
    async for part in parts:
        if not isinstance(part, BodyPartReader) or part.name is None:
            raise refuse("invalid_form", "Each part of the form is a field with a name.")
        if part.name == "file":
            file = await read_part(part, MAX_FILE_BYTES)
            continue
        value = await read_part(part, MAX_FIELD_BYTES)
        fields.append((part.name, value.decode("utf-8", "replace")))
        if len(fields) > MAX_FIELDS:
            raise refuse("invalid_form", f"The form has more than {MAX_FIELDS} fields.")
    if file is None:
        raise missing_parameter("file")
    return Form(file, tuple(fields))


@contextlib.asynccontextmanager
async def in_time() -> AsyncIterator[None]:
    """Raises `Refusal` if the block takes too long."""
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            yield
    except TimeoutError as error:
        text = f"The body of this request did not come in within {BODY_TIMEOUT_S:.0f} s."
        raise refuse("request_timeout", text) from error


async def read_part(part: BodyPartReader, limit: int) -> bytes:
    """A part of a form. Raises `TooLarge`."""
    content = bytearray()
    while chunk := await part.read_chunk():
        content += chunk
        if len(content) > limit:
            raise too_large(f"'{part.name}'", limit, part.name)
    return bytes(content)


def too_large(what: str, limit: int, param: str | None) -> TooLarge:
    """The refusal of a body that goes on behind `limit` bytes."""
    size = f"{limit // MIB} MiB" if limit >= MIB else f"{limit // 1024} KiB"
    text = f"{what} is larger than {size}, which is the most that is taken."
    return TooLarge(ErrorDetail(code="request_too_large", message=text, param=param))
