"""Where files are kept, by key: a folder of this host, or a bucket of an object store.

Keys: `originals/<video uuid>/<name>`, `hls/<video uuid>/<name>`, `thumbnails/<name>`,
`storyboards/<name>`, `avatars/<name>`, `banners/<name>`. Both backends pass the same tests; neither
ever holds a whole file in memory.
"""

import mimetypes
import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Protocol

from app.config import Place, StorageBackend, settings
from app.core.errors import NotFoundError

#: Bytes read at once: large enough for a disk, small enough for a thousand viewers.
BLOCK = 256 * 1024
_PART = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,200}"
_KEY = re.compile(rf"{_PART}(?:/{_PART}){{0,7}}")
_TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
    ".mp4": "video/mp4",
    ".m4s": "video/iso.segment",
    ".vtt": "text/vtt",
    ".webp": "image/webp",
    ".avif": "image/avif",
}


@dataclass(frozen=True, slots=True)
class Stored:
    """A file of a listing; `version` is another once the file was replaced."""

    key: str
    size: int
    version: str


class NoSuchFileError(NotFoundError):
    """Nothing is kept under this key (which may be none at all)."""

    def __init__(self, key: str) -> None:
        super().__init__("There is no such file.", code="no_such_file")
        self.key = key


class Storage(Protocol):
    """A place for files. Raises NoSuchFileError for a key that is not there, or is no key."""

    async def put_file(self, key: str, path: Path) -> None:
        """Take the file at `path` (it is gone afterwards); whole and durable when this returns."""

    async def put_bytes(self, key: str, data: bytes, content_type: str = "") -> None:
        """Keep a small file; whole and durable when this returns."""

    async def get_file(self, key: str, path: Path) -> None:
        """Copy the file to `path`."""

    def local(self, key: str) -> AbstractAsyncContextManager[Path]:
        """The file as one on this host's disk, to be read only, for as long as the block runs."""

    def local_path(self, key: str) -> Path | None:
        """Where the file is on this host's disk, None in an object store; it may not exist."""

    async def open_range(
        self, key: str, start: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """The bytes from `start`, as they come."""

    async def exists(self, key: str) -> bool:
        """Whether something is kept there."""

    async def size(self, key: str) -> int:
        """Its bytes."""

    def list(self, prefix: str) -> AsyncIterator[str]:
        """All keys that begin so, in order."""

    def entries(self, prefix: str) -> AsyncIterator[Stored]:
        """All files whose keys begin so, in order."""

    async def version(self, key: str) -> str:
        """What tells this file from the one that was there before under the same key."""

    async def delete(self, *keys: str) -> None:
        """Remove the files; one that is not there is no error."""

    async def delete_prefix(self, prefix: str) -> None:
        """Remove all files whose keys begin with this folder, e.g. `hls/<video uuid>/`."""

    async def move(self, old: str, new: str) -> None:
        """Keep a file under another key."""

    async def signed_url(self, key: str, seconds: int, *, filename: str = "") -> str | None:
        """An address where browsers fetch it for a while; None where we serve it ourselves."""

    async def remove_unfinished(self, *, older_than: timedelta) -> None:
        """Remove what was being put when a process was killed; nothing takes so long to put."""

    async def close(self) -> None:
        """End what this process holds open, before its loop ends."""

    def public_url(self, key: str) -> str | None:
        """A lasting address where browsers fetch it; None where there is none."""


@cache
def storage() -> Storage:
    """The storage of the settings."""
    from app.core.storage_moving import MovingStorage

    known = settings()
    here = place_of(known.storage)
    if known.storage_to.active:
        return MovingStorage(source=here, target=place_of(known.storage_to), leading=here)
    if known.storage_from.active:
        return MovingStorage(source=place_of(known.storage_from), target=here, leading=here)
    return here


def place_of(configuration: Place) -> Storage:
    """The storage of one place."""
    from app.core.storage_disk import DiskStorage
    from app.core.storage_s3 import S3Storage

    if configuration.backend is StorageBackend.S3:
        return S3Storage(configuration)
    return DiskStorage(configuration.root)


def checked(key: str) -> str:
    """The key, when it is one: names of letters, digits, `._-` with `/` between, no way out."""
    if not _KEY.fullmatch(key):
        raise NoSuchFileError(key)
    return key


def checked_prefix(prefix: str) -> str:
    """The prefix of a folder: a key and its `/`."""
    if not prefix.endswith("/"):
        raise ValueError(f"{prefix!r} is no folder: it must end with /")
    return checked(prefix.removesuffix("/")) + "/"


def content_type_of(key: str) -> str:
    """The type of a file by its name's ending."""
    suffix = Path(key).suffix.lower()
    return _TYPES.get(suffix) or mimetypes.guess_type(key)[0] or "application/octet-stream"
