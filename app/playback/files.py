"""Sends a stored file: from this disk, through nginx, or from the object store it is in."""

import asyncio
import os
import stat
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO
from urllib.parse import quote, urlsplit

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from app.config import settings
from app.core.storage import NoSuchFileError, content_type_of, storage
from app.playback.partial import PartialResponse
from app.playback.ranges import Part, Version

#: Where nginx finds the storage folder, as an internal location.
ACCEL_PREFIX = "/_storage/"
#: Where nginx finds the object store, as an internal location that passes the signature on.
STORE_PREFIX = "/_store/"
#: How long a signed address of the object store is good for: a film with its pauses.
SIGNED_SECONDS = 6 * 3600

#: What is small, may grow, and names other files.
PLAYLISTS = (".m3u8", ".mpd", ".json")
#: The largest playlist that is read whole: a day of video has some 2 MB.
MOST_SMALL = 8 << 20


class FileResponse(PartialResponse):
    """A file of this disk, sent by the kernel."""

    def __init__(self, path: Path, *, headers: Mapping[str, str]) -> None:
        super().__init__(headers=headers)
        self._path = path

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send the head, then the bytes; 404 when the file is gone."""
        try:
            file, size, version = await asyncio.to_thread(_open, self._path)
        except OSError:
            self.answer_empty(404)
            return await super().prepare(request)
        try:
            return await self.answer(request, size, version, partial(_send_bytes, request, file))
        finally:
            file.close()


def _open(path: Path) -> tuple[IO[bytes], int, Version]:
    """Open a regular file; size and version are those of what was opened, whatever replaces it."""
    file = path.open("rb")
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        file.close()
        raise OSError(f"{path} is no file")
    tag = f"{status.st_mtime_ns:x}-{status.st_size:x}"
    return file, status.st_size, Version(tag, datetime.fromtimestamp(int(status.st_mtime), UTC))


async def _send_bytes(request: web.BaseRequest, file: IO[bytes], part: Part) -> None:
    transport = request.transport
    if transport is None or transport.is_closing():
        raise ConnectionResetError("the client has gone")
    await asyncio.get_running_loop().sendfile(transport, file, part.start, part.length)


async def serve(
    key: str, *, headers: Mapping[str, str], is_public: bool, download_as: str = ""
) -> web.StreamResponse:
    """The answer that brings a stored file to the client. Raises NotFoundError.

    `is_public` files are fetched from the object store's lasting address where it has one;
    `download_as` is the name under which the browser saves the file instead of playing it.
    """
    path = storage().local_path(key)
    everything = {"Content-Type": content_type_of(key)} | dict(headers)
    if download_as:
        everything["Content-Disposition"] = attachment(download_as)
    if path is None:
        if key.endswith(PLAYLISTS):  # its relative addresses must stay below ours
            return web.Response(body=await read_small(key), headers=everything)
        if settings().storage.s3_through_proxy:
            return await _through_proxy(key, everything)
        return await _elsewhere(key, headers, is_public=is_public, download_as=download_as)
    if settings().web.accel_redirect:
        return web.Response(headers=everything | {"X-Accel-Redirect": ACCEL_PREFIX + key})
    return FileResponse(path, headers=everything)


def attachment(name: str) -> str:
    """The header that makes a browser save a file under this name instead of playing it."""
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"


async def _through_proxy(key: str, headers: Mapping[str, str]) -> web.StreamResponse:
    """Let nginx fetch the file from the object store with the signature that we give it."""
    address = await storage().signed_url(key, SIGNED_SECONDS)
    if address is None:
        raise NoSuchFileError(key)
    inside = f"{STORE_PREFIX}{key}?{urlsplit(address).query}"
    return web.Response(headers=dict(headers) | {"X-Accel-Redirect": inside})


async def _elsewhere(
    key: str, headers: Mapping[str, str], *, is_public: bool, download_as: str
) -> web.StreamResponse:
    """Send the client to the object store."""
    store = storage()
    address = store.public_url(key) if is_public and not download_as else None
    address = address or await store.signed_url(key, SIGNED_SECONDS, filename=download_as)
    if address is None:
        raise NoSuchFileError(key)
    # asked again before the signature ends
    kept = {"Location": address, "Cache-Control": f"private, max-age={SIGNED_SECONDS // 2}"}
    return web.Response(status=302, headers=dict(headers) | kept)


async def read_small(key: str) -> bytes:
    """A small file of storage, whole. Raises NotFoundError."""
    blocks = await storage().open_range(key, 0, MOST_SMALL)
    return b"".join([block async for block in blocks])
