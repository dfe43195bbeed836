"""Files of a site that is moving from one place to another, and goes on all the while.

Every file is written to both places and deleted from both, the source always first. So whoever
copies a file and then finds it unchanged in the source has copied what is right, and one who finds
it changed or gone does it again or undoes it (`app.core.storage_copy`). What is read comes from the
leading place: the source until everything has been copied, the target from then on; what is not
there is looked for in the other.
"""

import asyncio
import contextlib
import hashlib
import secrets
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from app.config import settings
from app.core.storage import NoSuchFileError, Storage, Stored
from app.core.storage_s3 import COPIES

T = TypeVar("T")
#: What a file's second name adds, for as long as the first is being taken.
AGAIN = ".again"


class MovingStorage:
    """`Storage` in two places."""

    def __init__(self, *, source: Storage, target: Storage, leading: Storage) -> None:
        self.source, self.target = source, target
        self.leading, self.other = leading, target if leading is source else source

    async def put_file(self, key: str, path: Path) -> None:
        """Take the file; it is acknowledged when both places have it."""
        again = path.with_name(path.name + AGAIN)
        await asyncio.to_thread(share, path, again)
        try:
            await self.source.put_file(key, path)
            await self.target.put_file(key, again)
        finally:
            await asyncio.to_thread(again.unlink, missing_ok=True)

    async def put_bytes(self, key: str, data: bytes, content_type: str = "") -> None:
        """Into both."""
        await self.source.put_bytes(key, data, content_type)
        await self.target.put_bytes(key, data, content_type)

    async def get_file(self, key: str, path: Path) -> None:
        """From where it is."""
        await self._either(lambda place: place.get_file(key, path))

    @contextlib.asynccontextmanager
    async def local(self, key: str) -> AsyncIterator[Path]:
        """From where it is."""
        place = self.leading if await self.leading.exists(key) else self.other
        async with place.local(key) as path:
            yield path

    def local_path(self, key: str) -> Path | None:
        """In the leading place, or in the folder of the other when only that has it."""
        path, other = self.leading.local_path(key), self.other.local_path(key)
        if path is None or other is None or path.exists():
            return path
        return other

    async def open_range(
        self, key: str, start: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """From where it is."""
        return await self._either(lambda place: place.open_range(key, start, length))

    async def exists(self, key: str) -> bool:
        """In either."""
        return await self.leading.exists(key) or await self.other.exists(key)

    async def size(self, key: str) -> int:
        """Of the one that is read."""
        return await self._either(lambda place: place.size(key))

    async def version(self, key: str) -> str:
        """Of the one that is read."""
        return await self._either(lambda place: place.version(key))

    async def list(self, prefix: str) -> AsyncIterator[str]:
        """What either has."""
        async for entry in self.entries(prefix):
            yield entry.key

    async def entries(self, prefix: str) -> AsyncIterator[Stored]:
        """What either has, each key once."""
        found = {entry.key: entry async for entry in self.other.entries(prefix)}
        found |= {entry.key: entry async for entry in self.leading.entries(prefix)}
        for key in sorted(found):
            yield found[key]

    async def delete(self, *keys: str) -> None:
        """From both."""
        await self.source.delete(*keys)
        await self.target.delete(*keys)

    async def delete_prefix(self, prefix: str) -> None:
        """From both."""
        await self.source.delete_prefix(prefix)
        await self.target.delete_prefix(prefix)

    async def move(self, old: str, new: str) -> None:
        """In each that has it."""
        moved = False
        for place in (self.source, self.target):
            with contextlib.suppress(NoSuchFileError):
                await place.move(old, new)
                moved = True
        if not moved:
            raise NoSuchFileError(old)
        if not await self.target.exists(new):  # it had not been copied when its old name went
            await copy_once(self.source, self.target, new)

    async def signed_url(self, key: str, seconds: int, *, filename: str = "") -> str | None:
        """Of the leading place."""
        return await self.leading.signed_url(key, seconds, filename=filename)

    def public_url(self, key: str) -> str | None:
        """Of the leading place."""
        return self.leading.public_url(key)

    async def remove_unfinished(self, *, older_than: timedelta) -> None:
        """In both."""
        await self.source.remove_unfinished(older_than=older_than)
        await self.target.remove_unfinished(older_than=older_than)

    async def close(self) -> None:
        """Both."""
        await self.source.close()
        await self.target.close()

    async def _either(self, ask: Callable[[Storage], Awaitable[T]]) -> T:
        try:
            return await ask(self.leading)
        except NoSuchFileError:
            return await ask(self.other)


async def copy_once(source: Storage, target: Storage, key: str) -> str:
    """Copy one file; gives the SHA-256 of what was copied. Raises NoSuchFileError."""
    folder = settings().storage.work / COPIES / secrets.token_hex(8)
    await asyncio.to_thread(folder.mkdir, parents=True)
    try:
        async with source.local(key) as path:
            again = folder / (path.name + AGAIN)
            await asyncio.to_thread(share, path, again)
        digest = await asyncio.to_thread(sha256_of, again)
        await target.put_file(key, again)
        return digest
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def sha256_of(path: Path) -> str:
    """The hash of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def share(path: Path, again: Path) -> None:
    """Give a file a second name; a copy where the file system has no such names."""
    again.unlink(missing_ok=True)
    try:
        again.hardlink_to(path)
    except OSError:
        shutil.copyfile(path, again)
