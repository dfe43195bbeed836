"""PeerTube's resumable protocol: chunks, questions, repetitions, refusals."""

import asyncio
import contextlib
import os
from typing import Any

import pytest

from app.core.db import fetchval
from app.core.ids import new_uuid
from app.uploads import reception, scratch
from tests.contract.peertube import ensure_answers
from tests.uploads.conftest import (
    RESUMABLE,
    Client,
    Uploader,
    make_uploader,
    nothing_is_left,
    originals,
    scratch_files,
    stored_bytes,
)

FILM = bytes(range(250)) * 4  # 1000 bytes


async def test_chunks_in_order_become_a_video(uploader: Uploader) -> None:
    place = await uploader.begun(1000, description="Words", tags=["one", "two"], privacy=2)
    first = await uploader.send(place, "bytes 0-399/1000", FILM[:400])
    assert (first.status, first.headers["Range"]) == (308, "bytes=0-399")
    last = await uploader.send(place, "bytes 400-999/1000", FILM[400:])
    assert last.status == 200
    ensure_answers("VideoUploadResponse", await last.json())
    video = (await last.json())["video"]
    assert set(video) == {"id", "uuid", "shortUUID"}
    assert await stored_bytes(video["uuid"]) == FILM
    assert scratch_files() == []
    answer = await uploader.client.get(f"/api/v1/videos/{video['id']}", headers=uploader.headers)
    details = await answer.json()
    assert (details["name"], details["description"]) == ("A film", "Words")
    assert (details["tags"], details["privacy"]["id"]) == (["one", "two"], 2)
    assert details["state"] == {"id": 2, "label": "To transcode"}
    assert await fetchval("SELECT count(*) FROM job WHERE kind = 'transcoding.prepare'") == 1


async def test_a_question_tells_what_arrived(uploader: Uploader) -> None:
    place = await uploader.begun(1000)
    before = await uploader.send(place, "bytes */1000")
    assert before.status == 308
    assert "Range" not in before.headers
    await uploader.send(place, "bytes 0-0/1000", FILM[:1])
    after = await uploader.send(place, "bytes */*")
    assert (after.status, after.headers["Range"]) == (308, "bytes=0-0")


async def test_what_is_sent_again_is_not_stored_twice(uploader: Uploader) -> None:
    place = await uploader.begun(1000)
    await uploader.send(place, "bytes 0-599/1000", FILM[:600])
    again = await uploader.send(place, "bytes 0-599/1000", FILM[:600])
    assert (again.status, again.headers["Range"]) == (308, "bytes=0-599")
    older = await uploader.send(place, "bytes 0-99/1000", FILM[:100])
    assert (older.status, older.headers["Range"]) == (308, "bytes=0-599")
    overlapping = await uploader.send(place, "bytes 500-999/1000", FILM[500:])
    assert overlapping.status == 200
    assert await stored_bytes((await overlapping.json())["video"]["uuid"]) == FILM


async def test_a_repeated_last_chunk_answers_the_same_video(uploader: Uploader) -> None:
    place = await uploader.begun(1000)
    answers = [await uploader.send(place, "bytes 0-999/1000", FILM) for _ in range(3)]
    answers.append(await uploader.send(place, "bytes */1000"))
    assert [answer.status for answer in answers] == [200] * 4
    videos = [(await answer.json())["video"] for answer in answers]
    assert all(video == videos[0] for video in videos)
    assert await fetchval("SELECT count(*) FROM video") == 1


async def test_an_unknown_upload_is_not_found(uploader: Uploader) -> None:
    answer = await uploader.send(f"{RESUMABLE}?upload_id={new_uuid()}", "bytes 0-9/10", b"x" * 10)
    assert answer.status == 404
    gone = await uploader.client.delete(
        f"{RESUMABLE}?upload_id={new_uuid()}", headers=uploader.headers
    )
    assert gone.status == 404
    nonsense = await uploader.send(f"{RESUMABLE}?upload_id=x", "bytes 0-9/10", b"x" * 10)
    assert nonsense.status == 400


async def test_an_upload_belongs_to_who_began_it(uploader: Uploader) -> None:
    place = await uploader.begun(1000)
    other = await make_uploader(uploader.client)
    assert (await other.send(place, "bytes 0-999/1000", FILM)).status == 403
    assert (await other.client.delete(place, headers=other.headers)).status == 403
    assert (await uploader.client.put(place, data=FILM)).status == 401
    assert (await uploader.send(place, "bytes */1000")).status == 308


async def test_cancelling_leaves_nothing(uploader: Uploader) -> None:
    place = await uploader.begun(1000)
    await uploader.send(place, "bytes 0-499/1000", FILM[:500])
    assert scratch_files() != []
    answer = await uploader.client.delete(place, headers=uploader.headers)
    assert answer.status == 204
    assert await nothing_is_left()
    assert (await uploader.send(place, "bytes 500-999/1000", FILM[500:])).status == 404


@pytest.mark.parametrize(
    ("content_range", "data", "status"),
    [
        (None, b"x", 400),
        ("bytes 0-9", b"x" * 10, 400),
        ("bytes 9-0/1000", b"x" * 10, 400),
        ("bytes 0-1000/1000", b"x" * 1001, 400),
        ("bytes -1-9/1000", b"x" * 10, 400),
        ("items 0-9/1000", b"x" * 10, 400),
        ("bytes 0-99999999999999999999/1000", b"x", 400),
        ("bytes 0-9/999", b"x" * 10, 409),
        ("bytes 0-9/*", b"x" * 9, 409),
        ("bytes 0-9/1000", b"x" * 11, 409),
        ("bytes 10-19/1000", b"x" * 10, 409),
        ("bytes 990-1009/*", b"x" * 20, 409),
    ],
)
async def test_a_wrong_range_is_refused(
    uploader: Uploader, content_range: str | None, data: bytes, status: int
) -> None:
    place = await uploader.begun(1000)
    answer = await uploader.send(place, content_range, data)
    assert answer.status == status, await answer.text()
    assert answer.content_type == "application/problem+json"
    assert [path.stat().st_size for path in scratch_files()] == [0]


async def test_a_gap_tells_where_to_go_on(uploader: Uploader) -> None:
    place = await uploader.begun(1000)
    await uploader.send(place, "bytes 0-99/1000", FILM[:100])
    answer = await uploader.send(place, "bytes 200-299/1000", FILM[200:300])
    assert (answer.status, answer.headers["Range"]) == (409, "bytes=0-99")


async def test_a_body_longer_than_its_range_is_refused(uploader: Uploader) -> None:
    place = await uploader.begun(1000)

    async def body() -> Any:
        for start in range(0, 1000, 100):
            yield FILM[start : start + 100]

    answer = await uploader.client.put(
        place, data=body(), headers=uploader.headers | {"Content-Range": "bytes 0-299/1000"}
    )
    assert answer.status == 409
    arrived = (await uploader.send(place, "bytes */1000")).headers.get("Range", "bytes=0--1")
    size = int(arrived.removeprefix("bytes=0-")) + 1
    assert size <= 300
    await uploader.send(place, f"bytes {size}-999/1000", FILM[size:])
    key = await fetchval("SELECT key FROM video_source")
    assert key is not None


async def cut_off(uploader: Uploader, place: str, content_range: str, data: bytes) -> None:
    """Send a part of a body and cut the connection."""
    url = uploader.client.make_url(place)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    del reader
    start = content_range.removeprefix("bytes ").partition("-")[0]
    end = content_range.partition("-")[2].partition("/")[0]
    length = int(end) + 1 - int(start)
    head = (
        f"PUT {place} HTTP/1.1\r\nHost: {url.host}\r\nContent-Range: {content_range}\r\n"
        f"Content-Length: {length}\r\nAuthorization: {uploader.headers['Authorization']}\r\n\r\n"
    )
    writer.write(head.encode() + data)
    await writer.drain()
    await received(len(data))
    await abort(writer)


async def abort(writer: asyncio.StreamWriter) -> None:
    """Cut a connection."""
    writer.transport.abort()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def received(count: int) -> None:
    """Wait until a request has brought so many bytes of its body to the site."""
    async with asyncio.timeout(10):
        while not any(each.total_bytes >= count for each in reception._sending.values()):
            await asyncio.sleep(0.01)


async def test_a_cut_connection_loses_nothing_that_arrived(uploader: Uploader) -> None:
    place = await uploader.begun(1000)
    await cut_off(uploader, place, "bytes 0-999/1000", FILM[:700])
    answer = await uploader.send(place, "bytes */1000")
    assert (answer.status, answer.headers["Range"]) == (308, "bytes=0-699")
    last = await uploader.send(place, "bytes 700-999/1000", FILM[700:])
    assert await stored_bytes((await last.json())["video"]["uuid"]) == FILM


async def test_a_client_that_comes_back_ends_the_request_that_hangs(uploader: Uploader) -> None:
    place = await uploader.begun(1000)
    url = uploader.client.make_url(place)
    _, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(
        f"PUT {place} HTTP/1.1\r\nHost: {url.host}\r\nContent-Range: bytes 0-999/1000\r\n"
        f"Authorization: {uploader.headers['Authorization']}\r\n".encode()
        + b"Content-Length: 1000\r\n\r\n"
        + FILM[:300]
    )
    await writer.drain()
    await received(300)
    answer = await uploader.send(place, "bytes */1000")  # while the first one still hangs
    assert (answer.status, answer.headers["Range"]) == (308, "bytes=0-299")
    last = await uploader.send(place, "bytes 300-999/1000", FILM[300:])
    assert await stored_bytes((await last.json())["video"]["uuid"]) == FILM
    await abort(writer)


async def test_two_at_once_do_not_mix(uploader: Uploader) -> None:
    film = os.urandom(3_000_000)
    place = await uploader.begun(len(film))
    whole = f"bytes 0-{len(film) - 1}/{len(film)}"
    answers = await asyncio.gather(*(uploader.send(place, whole, film) for _ in range(4)))
    assert {answer.status for answer in answers} <= {200, 308, 409, 503}
    last = await uploader.send(place, whole, film)
    assert last.status == 200
    assert await stored_bytes((await last.json())["video"]["uuid"]) == film
    assert await fetchval("SELECT count(*) FROM video") == 1
    assert len(await originals()) == 1


async def test_a_locked_upload_says_so(uploader: Uploader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "LOCK_SECONDS", 0.1)
    place = await uploader.begun(1000)
    upload_id = await fetchval("SELECT id FROM upload")
    async with scratch.locked(upload_id):
        answer = await uploader.send(place, "bytes 0-999/1000", FILM)
    assert answer.status == 503
    assert answer.headers["Retry-After"]
    assert (await uploader.send(place, "bytes 0-999/1000", FILM)).status == 200


@pytest.mark.parametrize(
    ("changes", "status", "word"),
    [
        ({"headers": {"X-Upload-Content-Length": "0"}}, 422, "empty"),
        ({"headers": {"X-Upload-Content-Length": "-1"}}, 400, "X-Upload-Content-Length"),
        ({"headers": {"X-Upload-Content-Length": "1e3"}}, 400, "X-Upload-Content-Length"),
        ({"headers": {"X-Upload-Content-Length": str(60 * 1000**3)}}, 413, "max_file_size_reached"),
        ({"headers": {"X-Upload-Content-Type": "text/plain"}}, 415, "text/plain"),
        ({"filename": "film.txt"}, 415, ".txt"),
        ({"filename": "list.m3u8"}, 415, ".m3u8"),
        ({"filename": "film"}, 201, ""),  # its type says mp4
        ({"filename": ""}, 400, "filename"),
        ({"filename": None}, 400, "filename"),
        ({"name": "x"}, 400, "name"),
        ({"name": None}, 400, "name"),
        ({"channelId": 999}, 400, "channelId"),
        ({"channelId": "many"}, 400, "channelId"),
        ({"privacy": 5}, 400, "videoPasswords"),
        ({"tags": ["a"]}, 400, "tags"),
    ],
)
async def test_a_first_request_that_cannot_lead_to_a_video_is_refused(
    uploader: Uploader, changes: dict[str, Any], status: int, word: str
) -> None:
    answer = await uploader.begin(1000, **changes)
    text = await answer.text()
    assert answer.status == status, text
    assert word in text
    assert status == 201 or await nothing_is_left()


async def test_nobody_uploads_without_an_account(client: Client) -> None:
    for method in ("POST", "PUT", "DELETE"):
        answer = await client.request(method, f"{RESUMABLE}?upload_id={new_uuid()}")
        assert answer.status == 401


async def test_the_quota_counts_what_is_under_way(client: Client, clean_folders: None) -> None:
    uploader = await make_uploader(client, video_quota=1500)
    place = await uploader.begun(1000)
    refused = await uploader.begin(1000)
    assert refused.status == 413
    assert (await refused.json())["code"] == "quota_reached"
    await uploader.begun(500)
    assert (await uploader.send(place, "bytes 0-999/1000", FILM)).status == 200


async def test_the_daily_quota_counts_one_day(client: Client, clean_folders: None) -> None:
    uploader = await make_uploader(client, video_quota_daily=1500)
    place = await uploader.begun(1000)
    assert (await uploader.send(place, "bytes 0-999/1000", FILM)).status == 200
    assert (await uploader.begin(1000)).status == 413
    await fetchval("UPDATE video_source SET created_at = now() - interval '25 hours'")
    assert (await uploader.begin(1000)).status == 201


async def test_a_quota_that_shrank_meanwhile_leaves_nothing(uploader: Uploader) -> None:
    place = await uploader.begun(1000)
    await fetchval('UPDATE "user" SET video_quota = 999 WHERE id = $1', uploader.user.id)
    answer = await uploader.send(place, "bytes 0-999/1000", FILM)
    assert answer.status == 413
    assert (await answer.json())["code"] == "quota_reached"
    assert await nothing_is_left()


async def test_a_channel_that_went_meanwhile_leaves_nothing(uploader: Uploader) -> None:
    place = await uploader.begun(1000)
    await fetchval("DELETE FROM channel WHERE id = $1", uploader.channel_id)
    answer = await uploader.send(place, "bytes 0-999/1000", FILM)
    assert answer.status == 400
    assert await nothing_is_left()
