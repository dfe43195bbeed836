"""What a crash leaves: an upload that goes on, or a file that its row names and that expires."""

import os
import time
from datetime import UTC, datetime, timedelta

import pytest

from app.config import settings
from app.core.db import fetchval
from app.core.ids import new_uuid
from app.core.jobs import drain, enqueue
from app.core.storage import storage
from app.uploads import scratch, service
from app.uploads.jobs import remove_stale_uploads
from tests.uploads.conftest import Uploader, nothing_is_left, originals, stored_bytes

FILM = bytes(range(250)) * 4


class Crash(BaseException):
    """The process ends here."""


async def crash_before_commit(uploader: Uploader, monkeypatch: pytest.MonkeyPatch) -> str:
    """Send a whole file to a site that dies between moving it and committing; gives its place."""
    place = await uploader.begun(1000)
    upload = await service.find(await fetchval("SELECT id FROM upload"), uploader.user.id)
    path = scratch.path_of(upload.id)
    path.write_bytes(FILM)

    async def die(*_: object) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(service, "_become_video", die)
        with pytest.raises(Crash):
            await service.finish(upload)
    assert not path.exists()
    assert await originals() == [upload.key]
    return place


async def test_a_repeated_chunk_goes_on_after_the_move(
    uploader: Uploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = await crash_before_commit(uploader, monkeypatch)
    answer = await uploader.send(place, "bytes 999-999/1000", FILM[999:])
    assert answer.status == 200
    assert await stored_bytes((await answer.json())["video"]["uuid"]) == FILM
    assert len(await originals()) == 1


async def test_what_nobody_goes_on_with_expires_with_its_file(
    uploader: Uploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    await crash_before_commit(uploader, monkeypatch)
    assert await service.remove_stale(datetime.now(UTC)) == 0
    await fetchval("UPDATE upload SET updated_at = now() - interval '25 hours'")
    await enqueue(remove_stale_uploads)
    await drain()
    assert await nothing_is_left()


async def test_an_expired_upload_of_a_video_leaves_the_video(uploader: Uploader) -> None:
    place = await uploader.begun(1000)
    video = (await (await uploader.send(place, "bytes 0-999/1000", FILM)).json())["video"]
    later = datetime.now(UTC) + timedelta(hours=settings().uploads.expire_hours, minutes=1)
    assert await service.remove_stale(later) == 1
    assert await stored_bytes(video["uuid"]) == FILM
    assert (await uploader.send(place, "bytes */1000")).status == 404


async def test_every_chunk_puts_the_expiry_off(uploader: Uploader) -> None:
    place = await uploader.begun(1000)
    await fetchval("UPDATE upload SET updated_at = now() - interval '25 hours'")
    await uploader.send(place, "bytes 0-99/1000", FILM[:100])
    assert await service.remove_stale(datetime.now(UTC)) == 0


async def test_files_without_a_row_are_swept_when_they_are_old(uploader: Uploader) -> None:
    await uploader.begun(1000)
    young, old = scratch.path_of(new_uuid()), scratch.path_of(new_uuid())
    pictures = scratch.pictures_of(new_uuid())
    pictures.mkdir()
    for path in (young, old, pictures / "small.jpg"):
        path.write_bytes(b"x")
    an_hour_ago = time.time() - 3601
    for path in (old, pictures):
        os.utime(path, (an_hour_ago, an_hour_ago))
    assert await service.sweep_scratch(older_than=3600) == 2
    assert young.exists()
    assert not old.exists()
    assert not pictures.exists()
    young.unlink()


async def test_who_begins_an_upload_clears_what_a_host_without_workers_keeps(
    uploader: Uploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    await uploader.begun(1000)
    old = scratch.path_of(new_uuid())
    old.write_bytes(b"x")
    long_ago = time.time() - 3601
    os.utime(old, (long_ago, long_ago))
    await uploader.begun(1000)
    assert old.exists(), "it was looked for within this hour"
    monkeypatch.setattr(scratch.Sweeps, "last", time.monotonic() - 3601)
    await uploader.begun(1000)
    assert not old.exists()
    assert await fetchval("SELECT count(*) FROM upload") == 3


async def test_a_file_of_another_host_is_not_found_but_not_forgotten(uploader: Uploader) -> None:
    place = await uploader.begun(1000)
    upload_id = await fetchval("SELECT id FROM upload")
    scratch.path_of(upload_id).unlink()
    assert (await uploader.send(place, "bytes 0-999/1000", FILM)).status == 404
    assert await fetchval("SELECT count(*) FROM upload") == 1


async def test_a_deleted_video_is_no_answer(uploader: Uploader) -> None:
    place = await uploader.begun(1000)
    video = (await (await uploader.send(place, "bytes 0-999/1000", FILM)).json())["video"]
    answer = await uploader.client.delete(
        f"/api/v1/videos/{video['uuid']}", headers=uploader.headers
    )
    assert answer.status == 204
    assert (await uploader.send(place, "bytes */1000")).status == 404
    assert await storage().exists(f"originals/{video['uuid']}/x.mp4") is False
