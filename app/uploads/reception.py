"""Takes the bytes of a request into an upload's file and keeps them, however the request ends.

When a client comes back before its cut connection is noticed, the request that hangs is ended in
favour of the new one; bytes count as arrived only when they are on disk.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

from aiohttp import ClientError, StreamReader, http_exceptions

from app.core.errors import AppError, ConflictError
from app.uploads import scratch
from app.uploads.scratch import Part

#: A client that sends nothing for so long is gone.
IDLE_SECONDS: Final = 60
_BLOCK: Final = 1 << 20
_FLUSH_EVERY: Final = 64 << 20

_Broken = (ClientError, http_exceptions.HttpProcessingError, OSError, TimeoutError)
_sending: dict[UUID, StreamReader] = {}


class SupersededError(ConflictError):
    """The client went on with this upload in another request."""

    def __init__(self) -> None:
        super().__init__("Another request goes on with this upload.", code="upload_superseded")


class BrokenOffError(AppError):
    """The request ended before its bytes did; what arrived is kept."""

    status = 408

    def __init__(self) -> None:
        super().__init__("The connection broke off; what arrived is kept.", code="broken_off")


@contextlib.asynccontextmanager
async def exclusive(upload_id: UUID) -> AsyncIterator[Part | None]:
    """Hold an upload's file alone, after ending a request that still receives for it here."""
    if hanging := _sending.pop(upload_id, None):
        hanging.set_exception(SupersededError())
    async with scratch.locked(upload_id) as part:
        yield part


async def receive(
    upload_id: UUID, part: Part, content: StreamReader, *, skip: int, wanted: int
) -> None:
    """Append a body of `wanted` bytes without its first `skip`, which are here already.

    Raises ConflictError when the body is longer than it said, BrokenOffError, SupersededError,
    DiskFullError.
    """
    _sending[upload_id] = content
    try:
        await _receive(part, content, skip=skip, wanted=wanted)
    finally:
        if _sending.get(upload_id) is content:
            del _sending[upload_id]
        await part.flush()


async def _receive(part: Part, content: StreamReader, *, skip: int, wanted: int) -> None:
    received = unflushed = 0
    waiting = bytearray()
    try:
        while block := await _next(content):
            received += len(block)
            if received > wanted:
                raise ConflictError("The body is longer than its Content-Range.")
            waiting += memoryview(block)[max(0, skip - received + len(block)) :]
            if len(waiting) >= _BLOCK:
                ready, waiting = waiting, bytearray()
                await part.append(ready)
                unflushed += len(ready)
            if unflushed >= _FLUSH_EVERY:  # so that the last flush has little left to do
                await part.flush()
                unflushed = 0
    except _Broken:
        raise BrokenOffError from None
    finally:
        if waiting:
            await part.append(waiting)
    if received < wanted:
        raise BrokenOffError


async def _next(content: StreamReader) -> bytes:
    async with asyncio.timeout(IDLE_SECONDS):
        return await content.readany()
