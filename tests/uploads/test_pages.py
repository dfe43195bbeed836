"""The upload page and your videos, as a browser without JavaScript uses them."""

import io
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import FormData

from app.accounts.models import SessionKind, User
from app.core.db import fetchval
from app.videos.models import Privacy, Video, VideoState
from tests.factories import channel_of, login, make_user, make_video
from tests.uploads.conftest import Client, nothing_is_left, stored_bytes

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def user(client: Client, clean_folders: None) -> User:
    """Somebody with a channel."""
    return await make_user()


@pytest.fixture
async def cookie(client: Client, user: User) -> dict[str, str]:
    """The session of a browser."""
    return await login(client, user, kind=SessionKind.COOKIE)


async def page(client: Client, cookie: dict[str, str], path: str, status: int = 200) -> str:
    """The text of a page."""
    answer = await client.get(path, headers=cookie)
    text = await answer.text()
    assert answer.status == status, text
    return text


async def send(client: Client, cookie: dict[str, str], path: str, **fields: Any) -> Any:
    """Send a form; gives the answer itself, not where it leads."""
    pairs = [
        (name, each)
        for name, value in fields.items()
        for each in (value if isinstance(value, list) else [value])
    ]
    return await client.post(
        path, data=urlencode(pairs), headers=cookie | FORM, allow_redirects=False
    )


async def test_a_plain_form_uploads_a_video(
    client: Client, user: User, cookie: dict[str, str]
) -> None:
    text = await page(client, cookie, "/upload")
    assert 'enctype="multipart/form-data"' in text
    form = FormData()
    for name, value in {
        "channelId": str((await channel_of(user)).id),
        "name": "From a plain form",
        "language": "",
        "privacy": "2",
        "videoPasswords[]": "",
        "waitTranscoding": "true",
    }.items():
        form.add_field(name, value)
    form.add_field("videofile", io.BytesIO(b"film"), filename="a.mp4", content_type="video/mp4")
    answer = await client.post("/upload", data=form, headers=cookie, allow_redirects=False)
    assert answer.status == 303, await answer.text()
    video = await Video.get()
    assert answer.headers["Location"].startswith("/w/")
    assert (video.name, video.privacy, video.language) == ("From a plain form", 2, None)
    assert video.wait_transcoding
    assert await stored_bytes(str(video.uuid)) == b"film"


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"name": "x"}, 400, "At least 3 characters"),
        ({"filename": "a.txt"}, 415, ".txt"),
        ({"film": b""}, 422, "empty"),
        ({"channelId": "12345"}, 400, "no such channel"),
        ({"privacy": "5"}, 400, "at least one password"),
    ],
)
async def test_a_form_that_is_not_good_is_shown_again(
    client: Client,
    user: User,
    cookie: dict[str, str],
    changes: dict[str, Any],
    status: int,
    words: str,
) -> None:
    fields = {"channelId": str((await channel_of(user)).id), "name": "A film", "privacy": "1"}
    film, filename = changes.pop("film", b"film"), changes.pop("filename", "a.mp4")
    form = FormData()
    for name, value in (fields | changes).items():
        form.add_field(name, value)
    form.add_field("videofile", io.BytesIO(film), filename=filename)
    answer = await client.post("/upload", data=form, headers=cookie)
    text = await answer.text()
    assert answer.status == status
    assert words in text
    assert "<kinora-upload" in text
    assert await nothing_is_left()


async def test_your_videos_in_every_state(
    client: Client, user: User, cookie: dict[str, str]
) -> None:
    assert "You have no videos yet" in await page(client, cookie, "/my/videos")
    await make_video(user, name="Busy one", state=VideoState.TO_TRANSCODE)
    await make_video(
        user,
        name="Bad one",
        state=VideoState.TRANSCODING_FAILED,
        error="It is torn.",
        error_code="damaged",
    )
    await make_video(user, name="Secret one", privacy=Privacy.PRIVATE, playlist={"complete": True})
    await make_video(name="Somebody else's")
    text = await page(client, cookie, "/my/videos")
    for word in ("Busy one", "Bad one", "Secret one", "It is torn.", "kinora-progress"):
        assert word in text
    assert "Somebody else" not in text
    assert text.count("<kinora-progress") == 1
    assert "Bad one" not in await page(client, cookie, "/my/videos?search=busy")


async def test_a_video_is_changed(client: Client, user: User, cookie: dict[str, str]) -> None:
    video = await make_video(user, name="Old name", nsfw=True, tags=["old"])
    path = f"/my/videos/{video.uuid}"
    text = await page(client, cookie, path)
    assert "Old name" in text
    answer = await send(
        client, cookie, path,
        **{
            "name": "New name", "description": "Words", "tags[]": "one, two", "category": "",
            "channelId": (await channel_of(user)).id, "language": "fr", "licence": "1",
            "privacy": "5", "videoPasswords[]": "open sesame\r\nsecond", "support": "",
            "commentsPolicy": "2", "originallyPublishedAt": "2001-02-03",
        },
    )  # fmt: skip
    assert answer.status == 303, await answer.text()
    changed = await Video.get(id=video.id)
    assert (changed.name, changed.description, changed.tags) == (
        "New name",
        "Words",
        ["one", "two"],
    )
    assert (changed.category, changed.language, changed.licence) == (None, "fr", 1)
    assert (changed.privacy, changed.nsfw, changed.download_enabled) == (5, False, False)
    assert changed.originally_published_at is not None
    assert changed.originally_published_at.date().isoformat() == "2001-02-03"
    passwords = await fetchval("SELECT array_agg(password ORDER BY id) FROM video_password")
    assert passwords == ["open sesame", "second"]
    text = await page(client, cookie, path)
    assert "open sesame" in text
    assert "one, two" in text


async def test_what_cannot_be_saved_is_shown_again(
    client: Client, user: User, cookie: dict[str, str]
) -> None:
    video = await make_video(user, name="Old name")
    answer = await send(
        client, cookie, f"/my/videos/{video.uuid}",
        **{"name": "x", "tags[]": "a", "privacy": "5", "commentsPolicy": "9"},
    )  # fmt: skip
    text = await answer.text()
    assert answer.status == 400
    assert text.count('class="error"') == 3
    assert (await Video.get(id=video.id)).name == "Old name"


async def test_several_videos_at_once(client: Client, user: User, cookie: dict[str, str]) -> None:
    videos = [await make_video(user, name=f"Number {number}") for number in range(3)]
    ids = [video.id for video in videos]
    answer = await send(
        client, cookie, "/my/videos", **{"videos[]": ids, "action": "privacy", "privacy": "3"}
    )
    assert answer.status == 303
    assert await Video.filter(privacy=Privacy.PRIVATE).count() == 3
    asked = await send(client, cookie, "/my/videos", **{"videos[]": ids[:2], "action": "delete"})
    assert "cannot be undone" in await asked.text()
    assert await Video.all().count() == 3
    done = await send(
        client, cookie, "/my/videos", **{"videos[]": ids[:2], "action": "delete", "sure": "true"}
    )
    assert done.status == 303
    assert [video.id for video in await Video.all()] == ids[2:]
    nothing = await send(client, cookie, "/my/videos", action="delete")
    assert nothing.status == 303


async def test_other_peoples_videos_stay(client: Client, cookie: dict[str, str]) -> None:
    video = await make_video(name="Somebody else's")
    await page(client, cookie, f"/my/videos/{video.uuid}", status=403)
    answer = await send(
        client, cookie, "/my/videos",
        **{"videos[]": video.id, "action": "delete", "sure": "true"},
    )  # fmt: skip
    assert answer.status == 403
    assert await Video.exists(id=video.id)


@pytest.mark.parametrize("path", ["/upload", "/my/videos", "/my/videos/whatever"])
async def test_visitors_are_asked_to_log_in(client: Client, path: str) -> None:
    answer = await client.get(path, allow_redirects=False)
    assert answer.status == 303
    assert answer.headers["Location"].startswith("/login?next=/")
