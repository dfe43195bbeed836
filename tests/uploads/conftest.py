"""Somebody who uploads, and what lies where afterwards; the bytes are no film."""

import io
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient

from app.accounts.models import User
from app.config import settings
from app.core.db import fetchval
from app.core.storage import storage
from tests.factories import channel_of, login, make_user

RESUMABLE = "/api/v1/videos/upload-resumable"
Client = TestClient[web.Request, web.Application]


@dataclass
class Uploader:
    """Somebody who speaks PeerTube's resumable protocol."""

    client: Client
    user: User
    headers: dict[str, str]
    channel_id: int

    async def begin(self, size: int, **changes: Any) -> ClientResponse:
        """The first request; `headers` and fields of the body may be changed."""
        headers = {
            "X-Upload-Content-Length": str(size),
            "X-Upload-Content-Type": "video/mp4",
        } | changes.pop("headers", {})
        body = {"channelId": self.channel_id, "name": "A film", "filename": "film.mp4"} | changes
        return await self.client.post(RESUMABLE, json=body, headers=self.headers | headers)

    async def begun(self, size: int, **changes: Any) -> str:
        """The path for the chunks of a new upload."""
        answer = await self.begin(size, **changes)
        assert answer.status == 201, await answer.text()
        location = answer.headers["Location"]
        assert location.startswith("http://127.0.0.1:")
        return "/" + location.split("/", 3)[3]

    async def send(
        self, place: str, content_range: str | None, data: bytes = b""
    ) -> ClientResponse:
        """A chunk, or a question."""
        headers = {} if content_range is None else {"Content-Range": content_range}
        return await self.client.put(place, data=io.BytesIO(data), headers=self.headers | headers)


@pytest.fixture
async def uploader(client: Client, clean_folders: None) -> Uploader:
    """Somebody with a channel."""
    return await make_uploader(client)


async def make_uploader(client: Client, **fields: Any) -> Uploader:
    """A new user who uploads."""
    user = await make_user(**fields)
    return Uploader(client, user, await login(client, user), (await channel_of(user)).id)


@pytest.fixture
async def clean_folders(settings_env: dict[str, str]) -> AsyncIterator[None]:
    """No files before and none after."""
    await remove_everything()
    yield
    await remove_everything()


async def remove_everything() -> None:
    """Empty this process's storage and scratch."""
    for prefix in ("originals/", "thumbnails/"):
        await storage().delete_prefix(prefix)
    for path in scratch_files():
        path.unlink()


def scratch_files() -> list[Path]:
    """Every file in the scratch folder."""
    return [path for path in settings().storage.work.rglob("*") if path.is_file()]


async def originals() -> list[str]:
    """Every uploaded file in storage."""
    return [key async for key in storage().list("originals/")]


async def nothing_is_left() -> bool:
    """Whether no file and no row of an upload is there."""
    rows = await fetchval("SELECT (SELECT count(*) FROM upload) + (SELECT count(*) FROM video)")
    return rows == 0 and not scratch_files() and not await originals()


async def stored_bytes(uuid: str) -> bytes:
    """The original of a video."""
    key = await fetchval(
        "SELECT key FROM video_source JOIN video ON video.id = video_id WHERE uuid = $1", uuid
    )
    path = storage().local_path(key)
    assert path is not None
    return path.read_bytes()


Configure = Callable[..., None]
