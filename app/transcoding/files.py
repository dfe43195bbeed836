"""Names of a plan's files, and what is remembered of each that is in storage.

Every name carries the video's uuid and the plan's token: unique in the world, never used for other
bytes, so that caches, peers and players may keep what they have.
"""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID

from app.core.storage import storage
from app.media import package, records
from app.media.package import Rendition


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A media file in `hls/<uuid>/` and its index."""

    filename: str
    index: Rendition

    def to_json(self) -> dict[str, Any]:
        """As a row keeps it."""
        return {"filename": self.filename, "index": records.dump(self.index)}

    def slim(self) -> "StoredFile":
        """Without the key frames, which are found again when the whole is indexed."""
        return replace(self, index=replace(self.index, keyframes=()))

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "StoredFile":
        """Back from a row."""
        return cls(value["filename"], records.load(Rendition, value["index"]))


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one plan's files."""

    uuid: UUID
    token: str

    @property
    def stem(self) -> str:
        """What every name begins with."""
        return f"{self.uuid}-{self.token}"

    def whole(self, name: str) -> str:
        """A finished rendition."""
        return f"{self.stem}-{name}.mp4"

    def piece(self, name: str, number: int) -> str:
        """A chunk or a part; another at each attempt: an encoder need not repeat itself."""
        return f"{self.stem}-{name}-{number:04d}-{secrets.token_hex(4)}.mp4"

    def playlist(self, name: str) -> str:
        """The media playlist of a finished rendition."""
        return f"{self.stem}-{name}.m3u8"

    def iframes(self, name: str) -> str:
        """The I-frame playlist of a finished rendition."""
        return f"{self.stem}-{name}-iframes.m3u8"

    def growing(self, name: str) -> str:
        """The media playlist of a rendition that is still being made."""
        return f"{self.stem}-{name}-growing.m3u8"

    def other(self, suffix: str) -> str:
        """Anything else: `master.m3u8`, `first.m3u8`, `manifest.mpd`, `segments-sha256.json`."""
        return f"{self.stem}-{suffix}"

    def key(self, filename: str) -> str:
        """Where a file is in storage."""
        return f"hls/{self.uuid}/{filename}"


async def keep(path: Path, *, names: Names, filename: str, segment_seconds: Fraction) -> StoredFile:
    """Index a file and put it into storage; it is gone from `path` then. Raises MediaError."""
    index = await asyncio.to_thread(package.index, path, segment_seconds=segment_seconds)
    await storage().put_file(names.key(filename), path)
    return StoredFile(filename, index)
