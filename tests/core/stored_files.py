"""A file of a video in storage, and what the tests of storage ask about it."""

from pathlib import Path

from app.core.storage import Storage

KEY = "hls/0192f0c1-2f7b-7c39-9f3a-0a1b2c3d4e5f/720-a1.mp4"
FOLDER = KEY.rpartition("/")[0] + "/"


def file_of(folder: Path, content: bytes, name: str = "made") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


async def content_of(store: Storage, key: str, start: int = 0, length: int | None = None) -> bytes:
    return b"".join([block async for block in await store.open_range(key, start, length)])


async def keys_of(store: Storage, prefix: str) -> list[str]:
    return [key async for key in store.list(prefix)]
