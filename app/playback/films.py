"""A film to take along: the picture of one rendition and its sound, woven while it is sent."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from heapq import merge
from uuid import UUID

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from app.core.storage import storage
from app.media import weaving
from app.playback.files import read_small
from app.playback.partial import PartialResponse
from app.playback.ranges import Part, Version


@dataclass(frozen=True, slots=True)
class Source:
    """A stored rendition: where its file and its playlist are."""

    key: str
    playlist_key: str

    @classmethod
    def of(cls, uuid: UUID, rendition: Mapping[str, object]) -> "Source":
        """Of a rendition (a row of that table as JSON) of a video."""
        folder = f"hls/{uuid}/"
        return cls(f"{folder}{rendition['filename']}", f"{folder}{rendition['playlist_filename']}")


@dataclass(frozen=True, slots=True, order=True)
class Thread:
    """A stretch of the picture or, later in the order where both begin at once, of the sound."""

    start: float
    is_sound: bool
    key: str
    offset: int
    size: int

    async def read(self, start: int, end: int) -> AsyncIterator[bytes]:
        """Its bytes [start, end) in the film; a stretch of sound has some hundred kilobytes."""
        if self.is_sound:
            yield weaving.second(await _read(self.key, self.offset, self.size))[start:end]
            return
        blocks = await storage().open_range(self.key, self.offset + start, end - start)
        async for block in blocks:
            yield block


@dataclass(frozen=True, slots=True)
class Film:
    """What a film consists of, in the order of its bytes."""

    beginning: bytes
    threads: tuple[Thread, ...]

    @property
    def size(self) -> int:
        """Its bytes."""
        return len(self.beginning) + sum(thread.size for thread in self.threads)

    async def read(self, start: int, length: int) -> AsyncIterator[bytes]:
        """A part of its bytes, as they come."""
        end, at = start + length, len(self.beginning)
        if start < at:
            yield self.beginning[start:end]
        for thread in self.threads:
            if at >= end:
                return
            if at + thread.size > start:
                async for block in thread.read(max(0, start - at), min(thread.size, end - at)):
                    yield block
            at += thread.size


async def weave(picture: Source, sound: Source) -> Film:
    """The film of a picture and its sound. Raises NotFoundError."""
    beginnings, threads, seconds = [], [], 0.0
    for source, is_sound in ((picture, False), (sound, True)):
        text = (await read_small(source.playlist_key)).decode()
        length, stretches = weaving.read_playlist(text)
        beginnings.append(await _read(source.key, 0, length))
        seconds = max(seconds, sum(each.seconds for each in stretches))
        threads.append(
            [Thread(each.start, is_sound, source.key, each.offset, each.size) for each in stretches]
        )
    return Film(weaving.beginning(*beginnings, seconds=seconds), tuple(merge(*threads)))


class FilmResponse(PartialResponse):
    """A film, or the part of it that was asked for, woven as fast as the client takes it."""

    def __init__(self, film: Film, version: Version, *, headers: Mapping[str, str]) -> None:
        super().__init__(headers=headers)
        self._film = film
        self._version = version

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send the head, then the bytes."""
        return await self.answer(request, self._film.size, self._version, self._send)

    async def _send(self, part: Part) -> None:
        async for block in self._film.read(part.start, part.length):
            await self.write(block)


async def _read(key: str, start: int, length: int) -> bytes:
    blocks = await storage().open_range(key, start, length)
    return b"".join([block async for block in blocks])
