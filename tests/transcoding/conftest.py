"""A user who uploads, jobs run one by one, and a look at everything that is stored."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData, web
from aiohttp.test_utils import TestClient

from app.accounts.models import User
from app.config import settings
from app.core.db import fetch
from app.core.storage import storage
from tests.factories import channel_of, login, make_user
from tests.media.conftest import media_files, source_file

__all__ = ["media_files", "source_file"]

Client = TestClient[web.Request, web.Application]


@dataclass
class Person:
    """Somebody who uploads over the real REST interface."""

    client: Client
    user: User
    headers: dict[str, str]
    channel_id: int

    async def upload(self, path: Path, **fields: object) -> dict[str, Any]:
        """Upload a file in one request; gives PeerTube's `video` of the answer."""
        form = FormData()
        form.add_field("channelId", str(self.channel_id))
        form.add_field("name", str(fields.pop("name", "A film")))
        for name, value in fields.items():
            form.add_field(name, str(value))
        with path.open("rb") as file:
            form.add_field("videofile", file, filename=path.name, content_type="video/mp4")
            answer = await self.client.post(
                "/api/v1/videos/upload", data=form, headers=self.headers
            )
            assert answer.status == 200, await answer.text()
        return (await answer.json())["video"]  # type: ignore[no-any-return]

    async def video(self, video: dict[str, Any]) -> dict[str, Any]:
        """PeerTube's JSON of a video, as its owner sees it."""
        answer = await self.client.get(f"/api/v1/videos/{video['uuid']}", headers=self.headers)
        assert answer.status == 200, await answer.text()
        return await answer.json()  # type: ignore[no-any-return]

    async def progress(self, video: dict[str, Any]) -> dict[str, Any]:
        """How far a video is."""
        answer = await self.client.get(
            f"/api/v1/videos/{video['uuid']}/progress", headers=self.headers
        )
        assert answer.status == 200, await answer.text()
        return await answer.json()  # type: ignore[no-any-return]

    async def text(self, url: str) -> str:
        """A playlist, by its address."""
        path = url.removeprefix(settings().site.public_url)
        answer = await self.client.get(path, headers=self.headers)
        assert answer.status == 200, await answer.text()
        return await answer.text()


@pytest.fixture
def join(client: Client) -> Callable[..., Awaitable[Person]]:
    """Makes people."""

    async def make(**fields: Any) -> Person:
        user = await make_user(**fields)
        channel = await channel_of(user)
        return Person(client, user, await login(client, user), channel.id)

    return make


@pytest.fixture
async def person(join: Callable[..., Awaitable[Person]], clean_storage: None) -> Person:
    """Somebody with a channel."""
    return await join()


@pytest.fixture
async def clean_storage(settings_env: dict[str, str]) -> AsyncIterator[None]:
    """No files before and none after."""
    await remove_everything()
    yield
    await remove_everything()


async def remove_everything() -> None:
    """Empty this process's storage and scratch."""
    for prefix in ("originals/", "hls/", "thumbnails/", "storyboards/"):
        await storage().delete_prefix(prefix)
    for path in scratch_files():
        path.unlink()


async def stored() -> list[str]:
    """Every key in storage."""
    return [
        key
        for folder in ("originals", "hls", "thumbnails", "storyboards")
        async for key in storage().list(f"{folder}/")
    ]


def scratch_files() -> list[Path]:
    """Every file in the scratch folder."""
    work = settings().storage.work
    return [path for path in work.rglob("*") if path.is_file()]


async def jobs() -> list[tuple[str, str]]:
    """Kind and state of every job, oldest first."""
    rows = await fetch("SELECT kind, state FROM job ORDER BY created_at, id")
    return [(row["kind"], row["state"]) for row in rows]
