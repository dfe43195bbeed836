"""Copies all files of a site to another place while the site runs, and may be killed at any time.

A file counts as moved when the target's bytes were read back and have the source's SHA-256, and the
source was not changed meanwhile; a journal in the scratch folder remembers that for the next run.
Passes are repeated until one finds nothing left to do.
"""

import asyncio
import contextlib
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from app.core.errors import AppError
from app.core.storage import NoSuchFileError, Storage, Stored, checked
from app.core.storage_moving import copy_once

AT_ONCE = 8
#: Files larger than this are copied one after another: each may need its size as scratch space.
LARGE = 256 * 1024**2
TRIES = 5
SAY_SECONDS = 5.0


class CopyError(AppError):
    """A file could not be moved; the sentence names it."""

    status = 502

    def __init__(self, text: str) -> None:
        super().__init__(text, code="storage_copy")


@dataclass(slots=True)
class Tally:
    """How far a pass is; `copied` are files that this run had to copy."""

    files: int = 0
    of_files: int = 0
    bytes: int = 0
    of_bytes: int = 0
    copied: int = 0
    failed: int = 0
    seconds: float = 0.0
    state: str = "running"

    def sentence(self) -> str:
        """For people, in one line."""
        share = self.bytes / self.of_bytes if self.of_bytes else 1.0
        text = (
            f"{self.files} of {self.of_files} files, {size(self.bytes)} of {size(self.of_bytes)}"
            f" ({share:.0%}), {self.copied} copied"
        )
        if self.failed:
            text += f", {self.failed} FAILED"
        if self.state == "running" and 0 < share < 1 and self.seconds > SAY_SECONDS:
            left = self.seconds / share - self.seconds
            minutes = max(1, round(left / 60))
            text += f", about {minutes} minute{'s' if minutes > 1 else ''} left"
        return text


class Journal:
    """What has been moved and compared: a version for each key, in a file that only grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._moved: dict[str, str] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            for line in path.read_text().splitlines():
                with contextlib.suppress(ValueError):  # the last line of a process that was killed
                    key, version = json.loads(line)
                    self._moved[key] = version
        self._write("\n")

    def has(self, entry: Stored) -> bool:
        """Whether just this file has been moved."""
        return self._moved.get(entry.key) == entry.version

    def add(self, key: str, version: str) -> None:
        """It has been moved."""
        self._moved[key] = version
        self._write(json.dumps([key, version]) + "\n")

    def _write(self, text: str) -> None:
        with self._path.open("a") as file:
            file.write(text)


class Copier:
    """Moves everything from `source` to `target`."""

    def __init__(
        self,
        source: Storage,
        target: Storage,
        *,
        journal: Journal,
        say: Callable[[Tally], None],
    ) -> None:
        self.source, self.target = source, target
        self._journal = journal
        self._say = say
        self._large = asyncio.Lock()
        self._tally = Tally()
        self.problems: list[str] = []

    async def run(self) -> Tally:
        """Repeat passes until one has nothing to do, or one fails."""
        total = 0
        while True:
            tally = await self._pass()
            total += tally.copied
            if tally.failed or not tally.copied:
                tally.copied = total
                tally.state = "failed" if tally.failed else "done"
                self._say(tally)
                return tally

    async def _pass(self) -> Tally:
        tally = self._tally = Tally()
        begun = time.monotonic()
        waiting: asyncio.Queue[Stored] = asyncio.Queue()
        async for entry in self.source.entries(""):
            if not _is_key(entry.key):
                continue
            tally.of_files, tally.of_bytes = tally.of_files + 1, tally.of_bytes + entry.size
            if self._journal.has(entry):
                tally.files, tally.bytes = tally.files + 1, tally.bytes + entry.size
            else:
                waiting.put_nowait(entry)

        async def work() -> None:
            while not waiting.empty():
                entry = waiting.get_nowait()
                try:
                    await self._move(entry)
                except (AppError, OSError) as error:
                    tally.failed += 1
                    self.problems.append(f"{entry.key}: {error}")
                tally.files, tally.bytes = tally.files + 1, tally.bytes + entry.size
                tally.seconds = time.monotonic() - begun

        async def tell() -> None:
            while True:
                self._say(tally)
                await asyncio.sleep(SAY_SECONDS)

        async with asyncio.TaskGroup() as group:
            teller = group.create_task(tell())
            async with asyncio.TaskGroup() as workers:
                for _ in range(AT_ONCE):
                    workers.create_task(work())
            teller.cancel()
        return tally

    async def _move(self, entry: Stored) -> None:
        async with self._large if entry.size > LARGE else contextlib.nullcontext():
            for _ in range(TRIES):
                try:
                    version = await self.source.version(entry.key)
                    await self._ensure_same(entry.key)
                    if await self.source.version(entry.key) == version:
                        self._journal.add(entry.key, version)
                        return
                except NoSuchFileError:
                    if not await self.source.exists(entry.key):
                        await self.target.delete(entry.key)  # deleted while it was copied
                        return
        raise CopyError("it is never the same when it is read again")

    async def _ensure_same(self, key: str) -> None:
        """Raises NoSuchFileError when the source has no such file, CopyError when it cannot be."""
        if await self._is_there(key):
            return
        digest = await copy_once(self.source, self.target, key)
        self._tally.copied += 1
        if await sha256_in(self.target, key) != digest:
            raise CopyError("the target gave back other bytes than it took")

    async def _is_there(self, key: str) -> bool:
        wanted = await self.source.size(key)
        try:
            if await self.target.size(key) != wanted:
                return False
            found = await sha256_in(self.target, key)
        except NoSuchFileError:
            return False
        return found == await sha256_in(self.source, key)


async def sha256_in(place: Storage, key: str) -> str:
    """The hash of a stored file, read through."""
    digest = hashlib.sha256()
    async for block in await place.open_range(key):
        await asyncio.to_thread(digest.update, block)
    return digest.hexdigest()


async def clear(old: Storage, site: Storage, *, everything: bool) -> tuple[int, int]:
    """Remove from `old` what the site has elsewhere, or all; gives how many went and stayed."""
    removed = kept = 0
    async for entry in old.entries(""):
        if not _is_key(entry.key):
            continue
        if everything or await _has(site, entry):
            await old.delete(entry.key)
            removed += 1
        else:
            kept += 1
    return removed, kept


async def _has(site: Storage, entry: Stored) -> bool:
    try:
        return await site.size(entry.key) == entry.size
    except NoSuchFileError:
        return False


def as_json(tally: Tally) -> str:
    """For programs: the numbers, and the sentence."""
    return json.dumps(asdict(tally) | {"sentence": tally.sentence()})


def size(count: float) -> str:
    """Bytes, as people write them."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def _is_key(key: str) -> bool:
    try:
        checked(key)
    except NoSuchFileError:
        return False
    return True
