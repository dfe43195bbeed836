"""An answer of which a client may ask for a part: conditions, ranges and heads by RFC 9110."""

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from app.playback.ranges import (
    Part,
    UnsatisfiableError,
    Version,
    is_unchanged,
    range_applies,
    requested_part,
)


class PartialResponse(web.StreamResponse):
    """Bytes of a known number and version, or the part of them that was asked for."""

    async def answer(
        self,
        request: web.BaseRequest,
        size: int,
        version: Version,
        send: Callable[[Part], Awaitable[None]],
    ) -> AbstractStreamWriter | None:
        """Send the head, then what `send` sends of a part."""
        asked = request.headers
        self.headers["ETag"] = f'"{version.tag}"'
        self.headers["Last-Modified"] = version.last_modified
        self.headers["Accept-Ranges"] = "bytes"
        if is_unchanged(asked.get("If-None-Match"), asked.get("If-Modified-Since"), version):
            self.set_status(304)
            return await super().prepare(request)
        part = None
        if request.method == "GET" and range_applies(asked.get("If-Range"), version):
            try:
                part = requested_part(asked.get("Range"), size)
            except UnsatisfiableError:
                self.answer_empty(416)
                self.headers["Content-Range"] = f"bytes */{size}"
                return await super().prepare(request)
        if part:
            self.set_status(206)
            self.headers["Content-Range"] = part.content_range
        part = part or Part(0, size, size)
        self.content_length = part.length
        writer = await super().prepare(request)
        if request.method != "HEAD" and part.length:
            await send(part)
        await self.write_eof()
        return writer

    def answer_empty(self, status: int) -> None:
        """Make this an answer without bytes."""
        self.set_status(status)
        self.headers["Cache-Control"] = "no-store"
        self.content_length = 0
