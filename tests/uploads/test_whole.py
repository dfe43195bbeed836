"""Uploads in one request: multipart, fields in any order, refused early where possible."""

import errno
import io
import os
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData
from PIL import Image

from app.core.db import fetchval
from app.core.storage import storage
from app.uploads import scratch
from tests.uploads.conftest import (
    Client,
    Configure,
    Uploader,
    make_uploader,
    nothing_is_left,
    scratch_files,
    stored_bytes,
)

FILM = bytes(range(250)) * 4
UPLOAD = "/api/v1/videos/upload"


def form(uploader: Uploader, *, file_first: bool = False, **changes: Any) -> FormData:
    """PeerTube's form; a field that is None is left out."""
    made = FormData()
    kind = changes.pop("kind", "video/mp4")
    filename = changes.pop("filename", "film.mp4")
    film = changes.pop("film", FILM)
    fields = {"channelId": str(uploader.channel_id), "name": "A film"} | changes

    def add_file() -> None:
        if film is not None:
            made.add_field("videofile", io.BytesIO(film), filename=filename, content_type=kind)

    if file_first:
        add_file()
    for name, value in fields.items():
        for each in value if isinstance(value, list) else [value]:
            if each is not None:
                made.add_field(name, each)
    if not file_first:
        add_file()
    return made


async def send(uploader: Uploader, data: FormData) -> Any:
    """The answer to an upload."""
    return await uploader.client.post(UPLOAD, data=data, headers=uploader.headers)


@pytest.mark.parametrize("file_first", [False, True])
async def test_the_fields_may_stand_in_any_order(uploader: Uploader, file_first: bool) -> None:
    data = form(uploader, file_first=file_first, privacy="1", **{"tags[]": ["one", "two"]})
    answer = await send(uploader, data)
    assert answer.status == 200, await answer.text()
    video = (await answer.json())["video"]
    assert await stored_bytes(video["uuid"]) == FILM
    assert scratch_files() == []
    details = await uploader.client.get(
        f"/api/v1/videos/{video['shortUUID']}", headers=uploader.headers
    )
    assert (await details.json())["tags"] == ["one", "two"]


@pytest.mark.parametrize(
    ("changes", "status", "word"),
    [
        ({"film": None}, 400, "videofile"),
        ({"film": b""}, 422, "empty"),
        ({"filename": "notes.txt", "kind": "text/plain"}, 415, "text/plain"),
        ({"filename": "film.exe", "kind": "application/octet-stream"}, 415, ".exe"),
        ({"channelId": None}, 400, "channelId"),
        ({"channelId": "999"}, 400, "channelId"),
        ({"name": None}, 400, "name"),
        ({"privacy": "9"}, 400, "privacy"),
        ({"privacy": "5"}, 400, "videoPasswords"),
        ({"language": "xx-nothing"}, 400, "language"),
    ],
)
async def test_what_cannot_become_a_video_is_refused(
    uploader: Uploader, changes: dict[str, Any], status: int, word: str
) -> None:
    answer = await send(uploader, form(uploader, **changes))
    text = await answer.text()
    assert answer.status == status, text
    assert word in text
    assert await nothing_is_left()


async def test_a_body_that_is_no_form_is_refused(uploader: Uploader) -> None:
    answer = await uploader.client.post(UPLOAD, json={"name": "x"}, headers=uploader.headers)
    assert answer.status == 400


async def test_a_picture_of_ones_own_is_shown(uploader: Uploader) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (640, 360), "red").save(picture, "PNG")
    data = form(uploader)
    picture.seek(0)
    data.add_field("thumbnailfile", picture, filename="p.png", content_type="image/png")
    video = (await (await send(uploader, data)).json())["video"]
    answer = await uploader.client.get(f"/api/v1/videos/{video['uuid']}", headers=uploader.headers)
    path = (await answer.json())["previewPath"]
    shown = await uploader.client.get(path)
    assert shown.status == 200
    image = Image.open(io.BytesIO(await shown.read()))
    assert image.size == (1280, 720)
    red, green, blue = image.convert("RGB").getpixel((600, 300))  # type: ignore[misc]
    assert red > 200
    assert max(green, blue) < 50
    assert scratch_files() == []


async def test_a_picture_that_is_none_is_refused(uploader: Uploader) -> None:
    data = form(uploader)
    data.add_field("thumbnailfile", io.BytesIO(b"no"), filename="p.png", content_type="image/png")
    answer = await send(uploader, data)
    assert answer.status == 400
    assert "thumbnailfile" in await answer.text()
    assert await nothing_is_left()


async def test_too_large_is_said_before_the_bytes_are_read(
    client: Client, clean_folders: None, configure: Configure
) -> None:
    configure(uploads__max_size=1000)
    uploader = await make_uploader(client)
    answer = await client.post(
        UPLOAD,
        headers=uploader.headers
        | {"Content-Length": str(10**12), "Content-Type": "multipart/form-data; boundary=x"},
        data=b"",
        skip_auto_headers=["Content-Length"],
    )
    assert answer.status == 413
    assert (await answer.json())["code"] == "max_file_size_reached"
    assert answer.headers["X-File-Maximum-Size"] == "1000"


async def test_more_than_the_quota_is_refused_and_gone(client: Client, clean_folders: None) -> None:
    uploader = await make_uploader(client, video_quota=999)
    answer = await send(uploader, form(uploader))
    assert answer.status == 413
    assert (await answer.json())["code"] == "quota_reached"
    assert await nothing_is_left()


async def test_a_full_disk_is_said_and_leaves_nothing(
    uploader: Uploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "free_bytes", lambda: 999)
    for answer in (await send(uploader, form(uploader)), await uploader.begin(1000)):
        assert answer.status == 507
        assert (await answer.json())["code"] == "disk_full"
    assert await nothing_is_left()


async def test_a_disk_that_fills_up_meanwhile_leaves_nothing(
    uploader: Uploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = await uploader.begun(1000)
    assert (await uploader.send(place, "bytes 0-499/1000", FILM[:500])).status == 308
    write = os.write

    def full(descriptor: int, data: Any) -> int:
        if Path(f"/proc/self/fd/{descriptor}").readlink().parent.name == "uploads":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", full)
    answer = await uploader.send(place, "bytes 500-999/1000", FILM[500:])
    assert answer.status == 507
    assert await nothing_is_left()


async def test_a_storage_that_fails_leaves_an_upload_that_can_go_on(
    uploader: Uploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = await uploader.begun(1000)
    put = type(storage()).put_file

    async def broken(*_: object) -> None:
        raise ConnectionError("no object store")

    monkeypatch.setattr(type(storage()), "put_file", broken)
    answer = await uploader.send(place, "bytes 0-999/1000", FILM)
    assert answer.status == 500
    monkeypatch.setattr(type(storage()), "put_file", put)
    answer = await uploader.send(place, "bytes */1000")
    assert answer.status == 200
    assert await fetchval("SELECT count(*) FROM video") == 1
