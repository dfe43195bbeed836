"""kill -9 of web, dispatcher, workers and Redis at random moments while fifty uploads run.

Every upload that was acknowledged ends published, whole, exactly once; no file and no row is left
of anything else.
"""

import asyncio
import json
import os
import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from app.config import settings
from app.core import db, storage
from app.transcoding.scratch import remove_abandoned
from app.uploads import service
from app.uploads.jobs import remove_half_read
from tests import servers
from tests.chaos.site import FragileSite, free_port
from tests.factories import channel_of, login, make_user
from tests.media.sources import AAC, X264, Source, film, sound

UPLOADS = 50
AT_ONCE = 6
CHUNKS = 3
#: Each is killed so often at least before the last uploads may end.
KILLS = 4
SEED = 20261122
DRAIN_SECONDS = 170
#: What a client waits before it goes on after an error.
PATIENCE = 0.2
SMALL = {"size": (96, 64), "rate": "12", "seconds": 1.5}

FILMS = (
    Source("chaos-copied", "a.mp4", film(*X264, *AAC, "-movflags", "+faststart", **SMALL)),  # type: ignore[arg-type]
    Source("chaos-encoded", "a.webm", film("-c:v", "libvpx", "-c:a", "libopus", **SMALL)),  # type: ignore[arg-type]
    Source("chaos-normalised", "a.avi", film("-c:v", "mpeg4", "-c:a", "mp3", **SMALL)),  # type: ignore[arg-type]
    Source("chaos-sound", "a.mp3", sound("-c:a", "mp3", seconds=1.5)),
)

pytestmark = [pytest.mark.chaos, pytest.mark.slow]


@dataclass
class Ledger:
    """What the clients were told."""

    #: the uuids of videos whose upload got its 200
    acknowledged: list[str] = field(default_factory=list)
    begun: int = 0

    @property
    def complete(self) -> bool:
        """Whether every upload was acknowledged."""
        return len(self.acknowledged) == UPLOADS


@dataclass
class Uploader:
    """A client that goes on until it got its 200."""

    session: aiohttp.ClientSession
    url: str
    headers: dict[str, str]
    channel_id: int
    ledger: Ledger

    async def upload(self, path: Path) -> None:
        """Send a file in some chunks, beginning anew where the site has forgotten."""
        data = await asyncio.to_thread(path.read_bytes)
        place: str | None = None
        while True:
            try:
                place = place or await self._begin(path.name, len(data))
                video = await self._send(place, data)
                self.ledger.acknowledged.append(video)
                return
            except (aiohttp.ClientError, OSError, TimeoutError):
                await asyncio.sleep(PATIENCE)
            except LookupError:
                place = None

    async def _begin(self, filename: str, size: int) -> str:
        headers = {"X-Upload-Content-Length": str(size), "X-Upload-Content-Type": "video/mp4"}
        body = {"channelId": self.channel_id, "name": "A film", "filename": filename}
        kind = {"X-Upload-Content-Type": ""}
        async with self.session.post(
            f"{self.url}/api/v1/videos/upload-resumable",
            json=body,
            headers=self.headers | headers | kind,
        ) as answer:
            if answer.status != 201:
                raise aiohttp.ClientError(await answer.text())
            self.ledger.begun += 1
            return answer.headers["Location"]

    async def _send(self, place: str, data: bytes) -> str:
        """Ask where to go on, and go on to the end; gives the video's uuid."""
        status, arrived, video = await self._put(place, f"bytes */{len(data)}", b"")
        step = -(-len(data) // CHUNKS)
        while status == 308:
            end = min(arrived + step, len(data))
            content_range = f"bytes {arrived}-{end - 1}/{len(data)}"
            status, arrived, video = await self._put(place, content_range, data[arrived:end])
        return video

    async def _put(self, place: str, content_range: str, data: bytes) -> tuple[int, int, str]:
        async with self.session.put(
            place, data=data, headers=self.headers | {"Content-Range": content_range}
        ) as answer:
            if answer.status == 404:
                raise LookupError(place)
            if answer.status not in {200, 308}:
                raise aiohttp.ClientError(await answer.text())
            if answer.status == 200:
                return 200, len(data), (await answer.json())["video"]["uuid"]
            arrived = answer.headers.get("Range", "bytes=0--1").removeprefix("bytes=0-")
            return 308, int(arrived) + 1, ""


@pytest.fixture
async def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[FragileSite]:
    """A site with a cluster of its own."""
    postgres = servers.start_postgres(watched=os.getpid(), synchronous_commit="on")
    redis = servers.start_redis(watched=os.getpid())
    port = free_port()
    configured = {
        "KINORA_DATABASE__URL": f"postgres://kinora@/postgres?host={postgres.folder}",
        "KINORA_REDIS__URL": f"unix://{redis.folder}/redis.sock",
        "KINORA_STORAGE__ROOT": str(tmp_path / "storage"),
        "KINORA_STORAGE__WORK": str(tmp_path / "work"),
        "KINORA_SITE__PUBLIC_URL": f"http://127.0.0.1:{port}",
        "KINORA_WEB__PORT": str(port),
        "KINORA_RATE_LIMITS__ENABLED": "false",
        "KINORA_WORKERS__LEASE_SECONDS": "5",
        "KINORA_TRANSCODING__RESOLUTIONS": "[144]",
        "KINORA_TRANSCODING__GRACE_MINUTES": "0",
        "KINORA_LOG__FORMAT": "text",
    }
    for name in [name for name in os.environ if name.startswith("KINORA_")]:
        monkeypatch.delenv(name)
    for name, value in configured.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    storage.storage.cache_clear()
    url = configured["KINORA_DATABASE__URL"]
    await db.migrate(url)
    running = FragileSite(dict(os.environ), redis, tmp_path / "chaos.log")
    running.start_all()
    try:
        async with db.database(url):
            yield running
    finally:
        running.stop()
        postgres.stop()
        monkeypatch.undo()
        settings.cache_clear()
        storage.storage.cache_clear()


@pytest.mark.timeout(400)
async def test_every_acknowledged_upload_is_published_exactly_once(
    site: FragileSite, media_file: Callable[[Source], Path]
) -> None:
    ledger = Ledger()
    user = await make_user()
    paths = [media_file(source) for source in FILMS]
    url, headers = settings().site.public_url, await login(None, user)
    channel = await channel_of(user)
    # ruff: noqa: TID251 - a client of the site, no call of the site's own
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(10)) as session:
        uploader = Uploader(session, url, headers, channel.id, ledger)
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(number: int) -> None:
            async with gate:
                await uploader.upload(paths[number % len(paths)])

        async with asyncio.TaskGroup() as group:
            group.create_task(chaos(site, ledger))
            for number in range(UPLOADS):
                group.create_task(one(number))
    await settled(site)
    print(f"kills {dict(site.kills)}, uploads begun {ledger.begun}")
    await nothing_is_missing(ledger)
    await nothing_is_left_over()


async def chaos(site: FragileSite, ledger: Ledger) -> None:
    """Kill something now and then, until all is acknowledged and everything was killed enough."""
    chance = random.Random(SEED)
    names = ["web", "dispatcher", "worker 1", "worker 2", "redis"]
    while not (ledger.complete and all(site.kills[name] >= KILLS for name in names)):
        await asyncio.sleep(chance.uniform(0.3, 1.2))
        await asyncio.to_thread(site.kill, chance.choice(names))
        await asyncio.to_thread(site.revive)


async def settled(site: FragileSite) -> None:
    """Wait until no job is left that is not in the far future."""
    deadline = time.monotonic() + DRAIN_SECONDS
    left = "SELECT kind, state, attempt, error FROM job WHERE state IN ('queued', 'running')"
    while rows := await db.fetch(left):
        assert time.monotonic() < deadline, [dict(row) for row in rows]
        await asyncio.to_thread(site.revive)
        await asyncio.sleep(0.2)


async def nothing_is_missing(ledger: Ledger) -> None:
    """All that was acknowledged can be watched, and was made once."""
    assert len(set(ledger.acknowledged)) == len(ledger.acknowledged) == UPLOADS
    rows = await db.fetch("SELECT uuid, state, published_at, playlist, error FROM video")
    videos = {str(row["uuid"]): row for row in rows}
    assert set(ledger.acknowledged) == set(videos)
    for row in videos.values():
        assert row["state"] == 1, dict(row)
        assert row["published_at"] is not None
        assert json.loads(row["playlist"])["complete"]
    assert await db.fetchval("SELECT count(*) FROM job WHERE state <> 'done'") == 0
    renditions = await db.fetch("SELECT video_id, resolution, language FROM rendition")
    assert len(renditions) == len({(row["video_id"], row["resolution"]) for row in renditions})


async def nothing_is_left_over() -> None:
    """Once uploads that nobody went on with have expired, every file has a row that names it."""
    await db.execute("UPDATE upload SET updated_at = now() - interval '2 days'")
    await service.remove_stale(datetime.now(UTC))
    await service.sweep_scratch(older_than=0)
    await remove_abandoned(older_than=0)
    remove_half_read(older_than=0)
    await storage.storage().remove_unfinished(older_than=timedelta(0))
    assert await db.fetchval("SELECT count(*) FROM upload") == 0
    assert await db.fetchval("SELECT count(*) FROM transcoding_chunk") == 0
    named: set[str] = set()
    for row in await db.fetch(
        "SELECT uuid, playlist, thumbnails, storyboard, key FROM video"
        " JOIN video_source ON video_source.video_id = video.id"
    ):
        named.add(row["key"])
        named |= {f"hls/{row['uuid']}/{name}" for name in json.loads(row["playlist"])["files"]}
        named |= {f"thumbnails/{each['filename']}" for each in json.loads(row["thumbnails"])}
        if row["storyboard"]:
            named.add(f"storyboards/{json.loads(row['storyboard'])['filename']}")
    assert files_below(settings().storage.root) == named
    assert files_below(settings().storage.work) == set()


def files_below(folder: Path) -> set[str]:
    """Every file, hidden ones too."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
