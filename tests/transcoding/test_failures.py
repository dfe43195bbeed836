"""Files that cannot become videos, machines that fail, videos that are deleted: nothing is left."""

import asyncio
from collections.abc import Callable
from contextvars import Context
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from app.config import settings
from app.core.auth import Role
from app.core.db import fetch, fetchval
from app.core.jobs import cancel, drain, enqueue, retry_job
from app.core.jobs_attempt import attempt, claim
from app.core.jobs_context import JobContext
from app.media import transcode
from app.media.errors import MediaError, Reason
from app.transcoding import failures, service
from tests.factories import login, make_user
from tests.media.broken import BROKEN
from tests.transcoding.conftest import Person, jobs, scratch_files, stored
from tests.transcoding.test_story import TWO_HOURS, run_next, twenty_seconds

__all__ = ["twenty_seconds"]

#: An empty file and one whose name tells that it is none are refused when they are uploaded.
UPLOADED = [
    broken
    for broken in BROKEN
    if broken.reason is not Reason.EMPTY and broken.file.endswith((".mp4", ".mkv", ".mov", ".avi"))
]


async def nothing_is_left(video_id: int) -> None:
    """No file, no scratch, and of rows only the video with its error."""
    await drain(ahead=TWO_HOURS)
    assert await stored() == []
    assert scratch_files() == []
    for table in ("transcoding", "transcoding_chunk", "transcoding_sound", "rendition"):
        assert await fetchval(f"SELECT count(*) FROM {table}") == 0
    assert await fetchval("SELECT count(*) FROM video_source") == 0
    assert await fetchval("SELECT count(*) FROM job WHERE state IN ('queued', 'running')") == 0
    assert await fetchval("SELECT count(*) FROM video WHERE id <> $1", video_id) == 0


@pytest.mark.parametrize("broken", UPLOADED, ids=lambda broken: broken.name)
async def test_a_bad_file_says_why_and_leaves_nothing(
    broken: object, person: Person, source_file: Callable[[str], Path]
) -> None:
    video = await person.upload(source_file(broken.name))  # type: ignore[attr-defined]
    await drain()
    details = await person.video(video)
    assert details["state"] == {"id": 7, "label": "Transcoding failed"}
    problem = details["processingError"]
    assert problem["code"] == broken.reason.value  # type: ignore[attr-defined]
    assert problem["detail"].endswith(".")
    progress = await person.progress(video)
    assert (progress["phase"], progress["error"]) == ("failed", problem)
    page = await person.client.get(f"/w/{video['shortUUID']}", headers=person.headers)
    assert problem["detail"] in await page.text()
    assert ("transcoding.prepare", "dead") in await jobs()
    await nothing_is_left(video["id"])


@pytest.mark.parametrize("jobs_before", [0, 1, 2, 3])
async def test_a_video_deleted_in_the_middle_leaves_nothing(
    person: Person, twenty_seconds: Path, jobs_before: int
) -> None:
    video = await person.upload(twenty_seconds)
    for kind in ["transcoding.prepare", "transcoding.chunk", "transcoding.sound"][:jobs_before]:
        await run_next(kind)
    answer = await person.client.delete(f"/api/v1/videos/{video['id']}", headers=person.headers)
    assert answer.status == 204
    await nothing_is_left(0)
    assert {state for kind, state in await jobs() if kind.startswith("transcoding.")} <= {
        "done",
        "cancelled",
    }


async def test_a_video_deleted_while_it_is_encoded_leaves_nothing(
    person: Person, twenty_seconds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = await person.upload(twenty_seconds)
    await run_next("transcoding.prepare")
    encode = transcode.encode_chunk

    async def delete_then_encode(*arguments: object, **more: object) -> object:
        path = f"/api/v1/videos/{video['id']}"
        assert (await person.client.delete(path, headers=person.headers)).status == 204
        return await encode(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(transcode, "encode_chunk", delete_then_encode)
    job_id = await fetchval(
        "SELECT id FROM job WHERE kind = 'transcoding.chunk' ORDER BY run_at LIMIT 1"
    )
    claimed = await claim(job_id, worker="test")
    assert claimed is not None
    assert await attempt(claimed) == "lost"
    await fetchval("UPDATE job SET lease_until = NULL WHERE id = $1", job_id)
    await nothing_is_left(0)


async def test_a_machine_that_fails_is_tried_again_from_where_it_stopped(
    person: Person, twenty_seconds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = await person.upload(twenty_seconds)
    await run_next("transcoding.prepare")
    await run_next("transcoding.sound")
    await run_next("transcoding.chunk")
    assert (await person.video(video))["state"]["id"] == 1
    encode = transcode.encode_chunk

    async def fail(*_: object, **__: object) -> object:
        raise MediaError(Reason.OUT_OF_MEMORY, "The server ran out of memory.", "killed")

    monkeypatch.setattr(transcode, "encode_chunk", fail)
    await drain(ahead=timedelta(minutes=30))
    dead = await fetch("SELECT id, attempt, error FROM job WHERE state = 'dead' ORDER BY run_at")
    assert [row["attempt"] for row in dead] == [5, 5]
    assert "ran out of memory" in dead[0]["error"]
    details = await person.video(video)
    assert details["state"]["id"] == 7
    assert details["processingError"]["code"] == "transcoding_failed"
    assert "administrators" in details["processingError"]["detail"]
    assert len(await stored()) > 5  # everything that was made is kept

    monkeypatch.setattr(transcode, "encode_chunk", encode)
    for row in dead:
        await retry_job(row["id"])
    await drain()
    details = await person.video(video)
    assert details["state"]["id"] == 1
    assert details["processingError"] is None
    assert (await person.progress(video))["phase"] == "done"
    chunks = await fetchval(
        "SELECT sum(attempt) FROM job WHERE kind = 'transcoding.chunk' AND state = 'done'"
    )
    assert chunks == 3  # the first one was not made again


async def test_a_video_that_plays_in_one_size_stays_when_others_fail(
    person: Person, source_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    video = await person.upload(source_file("h264-mp4"))
    await run_next("transcoding.prepare")

    async def fail(*_: object, **__: object) -> object:
        raise MediaError(Reason.ENCODER_FAILED, "The encoder could not be started.")

    monkeypatch.setattr(transcode, "encode_chunk", fail)
    await drain(ahead=timedelta(minutes=30))
    assert (await person.video(video))["state"]["id"] == 1
    assert not (await person.progress(video))["complete"]


async def test_every_job_may_be_done_twice(
    person: Person, twenty_seconds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each job is cut off right before its end, and done again."""
    finish, seen = JobContext.finish, set[object]()

    def first_cut_off(self: JobContext) -> object:
        if self.id not in seen:
            seen.add(self.id)
            raise RuntimeError("cut off")
        return finish(self)

    monkeypatch.setattr(JobContext, "finish", first_cut_off)
    video = await person.upload(twenty_seconds)
    await drain(ahead=TWO_HOURS)
    assert {state for _, state in await jobs()} == {"done"}
    assert all(row["attempt"] == 2 for row in await fetch("SELECT attempt FROM job"))
    assert (await person.progress(video))["phase"] == "done"
    assert await fetchval("SELECT count(*) FROM rendition") == 3
    playlist = (await person.video(video))["streamingPlaylists"][0]
    assert playlist["files"]
    assert (
        len(await stored())
        == len(
            await fetchval(
                "SELECT array(SELECT jsonb_array_elements(playlist->'files')) FROM video"
            )
        )
        + 5
    )  # three thumbnails, a storyboard, the original
    assert scratch_files() == []


async def test_transcoding_anew_takes_the_place_of_what_plays(
    person: Person, source_file: Callable[[str], Path]
) -> None:
    video = await person.upload(source_file("h264-mp4"))
    path = f"/api/v1/videos/{video['id']}/transcoding"
    admin = await login(person.client, await make_user(role=Role.ADMINISTRATOR))
    body = {"transcodingType": "hls"}
    refused = await person.client.post(path, json=body, headers=person.headers)
    assert refused.status == 403
    busy = await person.client.post(path, json=body, headers=admin)
    assert busy.status == 409
    await drain()
    before = (await person.video(video))["streamingPlaylists"][0]
    assert (await person.client.post(path, json=body, headers=admin)).status == 204
    await run_next("transcoding.prepare")
    assert (await person.video(video))["streamingPlaylists"][0] == before
    await drain(ahead=TWO_HOURS)
    after = (await person.video(video))["streamingPlaylists"][0]
    assert after["playlistUrl"] != before["playlistUrl"]
    assert len(after["files"]) == len(before["files"])
    assert (await person.text(after["playlistUrl"])).startswith("#EXTM3U")
    old = before["playlistUrl"].partition("/static")[2]
    assert (await person.client.get("/static" + old)).status == 404


async def test_transcoding_anew_needs_the_original(
    person: Person, source_file: Callable[[str], Path], configure: Callable[..., None]
) -> None:
    configure(transcoding__keep_original=False)
    video = await person.upload(source_file("h264-mp4"))
    await drain(ahead=TWO_HOURS)
    assert not any(key.startswith("originals/") for key in await stored())
    assert await fetchval("SELECT count(*) FROM video_source") == 0
    admin = await login(person.client, await make_user(role=Role.ADMINISTRATOR))
    answer = await person.client.post(
        f"/api/v1/videos/{video['id']}/transcoding",
        json={"transcodingType": "hls"},
        headers=admin,
    )
    assert answer.status == 409
    assert (await answer.json())["code"] == "no_original"


async def test_a_cancelled_preparation_can_be_tried_again(
    person: Person, source_file: Callable[[str], Path]
) -> None:
    video = await person.upload(source_file("h264-mp4"))
    await cancel(subject=f"video:{video['id']}")
    assert await drain() == []
    await retry_job(await fetchval("SELECT id FROM job"))
    await drain()
    assert (await person.progress(video))["phase"] == "done"


async def test_the_settings_bound_what_is_accepted(
    person: Person,
    source_file: Callable[[str], Path],
    configure: Callable[..., None],
) -> None:
    configure(transcoding__max_pixels=1000)
    video = await person.upload(source_file("h264-mp4"))
    await drain()
    assert (await person.video(video))["processingError"]["code"] == "too_large_picture"
    await nothing_is_left(video["id"])


async def test_a_lost_worker_leaves_no_scratch(
    person: Person, source_file: Callable[[str], Path]
) -> None:
    """A worker is killed: its folder stays until its job's next attempt."""
    video = await person.upload(source_file("h264-mp4"))
    job_id = await fetchval("SELECT id FROM job")
    left = settings().storage.work / "jobs" / str(job_id)
    left.mkdir(parents=True)
    (left / "half.mp4").write_bytes(b"x")
    await drain()
    assert (await person.progress(video))["phase"] == "done"
    assert scratch_files() == []


async def test_clean_up_waits_for_a_new_plan(
    person: Person, source_file: Callable[[str], Path]
) -> None:
    video = await person.upload(source_file("h264-mp4"))
    await run_next("transcoding.prepare")
    before = await stored()
    await enqueue("transcoding.clean_up", video_id=video["id"])
    await run_next("transcoding.clean_up")
    assert await stored() == before


async def test_a_film_that_plays_whole_outlives_a_new_plan_that_fails(
    person: Person, source_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    video = await person.upload(source_file("h264-mp4"))
    await drain(ahead=TWO_HOURS)
    before, playlist = await stored(), (await person.video(video))["streamingPlaylists"]

    async def fail(*_: object, **__: object) -> object:
        raise MediaError(Reason.DAMAGED, "This file is damaged: it could not be read.")

    monkeypatch.setattr(transcode, "encode_chunk", fail)
    await failures.restart(video["id"])
    await drain(ahead=TWO_HOURS)
    assert ("transcoding.chunk", "dead") in await jobs()
    details = await person.video(video)
    assert (details["state"]["id"], details["streamingPlaylists"]) == (1, playlist)
    assert await stored() == before
    assert (await person.progress(video))["phase"] == "done"


async def test_who_knows_a_videos_password_sees_how_far_it_is(
    person: Person, source_file: Callable[[str], Path]
) -> None:
    video = await person.upload(
        source_file("h264-mp4"), privacy=5, **{"videoPasswords[]": "sesame"}
    )
    await run_next("transcoding.prepare")
    path = f"/api/v1/videos/{video['uuid']}/progress"
    assert (await person.client.get(path)).status == 403
    header = {"x-peertube-video-password": "sesame"}
    assert (await person.client.get(path, headers=header)).status == 200
    opened = await person.client.post(f"/w/{video['shortUUID']}", data={"password": "sesame"})
    assert opened.status == 200
    assert (await person.client.get(path)).status == 200  # by the cookie
    assert await fetchval("SELECT metadata FROM upload") == "{}"


async def test_a_job_that_ends_and_a_deletion_do_not_wait_for_each_other(
    person: Person, twenty_seconds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deletion comes when the job has locked itself and is about to lock its video."""
    video = await person.upload(twenty_seconds)
    for kind in ("transcoding.prepare", "transcoding.sound"):
        await run_next(kind)
    note = service.note_chunk
    answers: list[int] = []

    async def delete() -> None:
        path = f"/api/v1/videos/{video['id']}"
        answers.append((await person.client.delete(path, headers=person.headers)).status)

    async def note_while_deleted(*arguments: object) -> None:
        deleting.append(asyncio.get_running_loop().create_task(delete(), context=Context()))
        async with asyncio.timeout(20):
            while not await waiting.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                await asyncio.sleep(0.01)
        await note(*arguments)  # type: ignore[arg-type]

    deleting: list[asyncio.Task[None]] = []
    waiting = await asyncpg.connect(settings().database.url.get_secret_value())
    monkeypatch.setattr(service, "note_chunk", note_while_deleted)
    await run_next("transcoding.chunk")
    await deleting[0]
    await waiting.close()
    assert answers == [204]
    monkeypatch.undo()
    await nothing_is_left(0)
