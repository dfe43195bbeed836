"""Pages of videos: lists a page at a time, the watch page for whom it is, passwords, statements."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient

from app.accounts.models import SessionKind
from app.core.ids import short
from app.videos.models import Privacy, VideoState
from app.videos.pages import PAGE
from tests.factories import login, make_user, make_video

Client = TestClient[web.Request, web.Application]
Counter = Callable[[int], AbstractContextManager[Any]]
PLAYLIST = {"master": "m.m3u8", "dash": None, "complete": True}


async def page(client: Client, path: str, **headers: str) -> tuple[int, str]:
    """Status and text of a page, redirects not followed."""
    async with client.get(path, headers=headers, allow_redirects=False) as answer:
        return answer.status, await answer.text()


def titles(text: str) -> list[str]:
    """The names on the cards of a page."""
    return re.findall(r'class="name"><a href="/w/\w{22}">(.*?)</a>', text)


async def test_front_page_shows_one_large_and_a_page_of_others(client: Client) -> None:
    status, text = await page(client, "/")
    assert status == 200
    assert "The screen is still dark" in text
    for number in range(PAGE + 2):
        await make_video(name=f"Film {number:02}")
    status, text = await page(client, "/")
    assert len(titles(text)) == PAGE
    assert f'href="/?start={PAGE + 1}"' in text
    status, rest = await page(client, f"/?start={PAGE + 1}")
    assert len(titles(rest)) == 1
    assert "load-more" not in rest


async def test_lists_page_and_fragment(client: Client) -> None:
    for number in range(PAGE + 1):
        await make_video(name=f"Film {number:02}")
    for path in ("/videos/recently-added", "/videos/trending"):
        _, text = await page(client, path)
        assert len(titles(text)) == PAGE
        _, part = await page(client, f"{path}?start={PAGE}", **{"HX-Request": "true"})
        assert len(titles(part)) == 1
        assert "<html" not in part


async def test_list_is_one_statement(client: Client, max_queries: Counter) -> None:
    await make_video()
    with max_queries(1):
        assert (await page(client, "/videos/recently-added"))[0] == 200


async def test_watch_page_is_three_statements(client: Client, max_queries: Counter) -> None:
    video = await make_video(tags=["sea"], playlist=PLAYLIST)
    with max_queries(3):
        status, text = await page(client, f"/w/{short(video.uuid)}")
    assert status == 200
    assert f"/static/streaming-playlists/hls/{video.uuid}/m.m3u8" in text


async def test_odd_places_are_refused_with_a_page(client: Client) -> None:
    for query in ("start=-1", "start=x", "start=99999999999999999999"):
        status, text = await page(client, f"/videos/trending?{query}")
        assert status == 400
        assert "<h1" in text


async def test_other_addresses_lead_to_the_page(client: Client) -> None:
    video = await make_video()
    where = f"/w/{short(video.uuid)}"
    for path in (f"/videos/watch/{video.uuid}", f"/w/{video.uuid}", f"/w/{video.id}"):
        async with client.get(f"{path}?start=3", allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (302, f"{where}?start=3")
    assert (await page(client, "/videos/watch/nothing"))[0] == 404
    assert (await page(client, "/w/nothing"))[0] == 404


async def test_related_videos_share_a_tag_first_and_are_not_the_video(client: Client) -> None:
    video = await make_video(name="This", tags=["Sea"])
    await make_video(name="Hot", views=10_000)
    await make_video(name="Alike", tags=["sea"])
    _, text = await page(client, f"/w/{short(video.uuid)}")
    assert titles(text) == ["Alike", "Hot"]


async def test_descriptions_are_markdown_and_names_are_text(client: Client) -> None:
    video = await make_video(name="<b>A & B</b>", description="**bold** <script>alert(1)</script>")
    _, text = await page(client, f"/w/{short(video.uuid)}")
    assert "<strong>bold</strong>" in text
    assert "<script>alert" not in text
    assert "&lt;b&gt;A &amp; B&lt;/b&gt;" in text


async def test_private_and_internal_pages(client: Client) -> None:
    owner, other = await make_user(), await make_user()
    private = await make_video(owner, privacy=Privacy.PRIVATE, playlist=PLAYLIST)
    internal = await make_video(owner, privacy=Privacy.INTERNAL, playlist=PLAYLIST)
    paths = [f"/w/{short(video.uuid)}" for video in (private, internal)]
    mine = await login(client, owner, kind=SessionKind.COOKIE)
    theirs = await login(client, other, kind=SessionKind.COOKIE)
    assert [(await page(client, path))[0] for path in paths] == [401, 401]
    assert [(await page(client, path, **theirs))[0] for path in paths] == [403, 200]
    assert [(await page(client, path, **mine))[0] for path in paths] == [200, 200]


async def test_failed_video_tells_its_owner_alone(client: Client) -> None:
    owner = await make_user()
    video = await make_video(
        owner,
        state=VideoState.TRANSCODING_FAILED,
        error="The file is cut off.",
        error_code="truncated",
    )
    path = f"/w/{short(video.uuid)}"
    assert (await page(client, path))[0] == 404
    status, text = await page(client, path, **await login(client, owner, kind=SessionKind.COOKIE))
    assert status == 200
    assert "The file is cut off." in text


async def test_processing_video_waits_for_its_player(client: Client) -> None:
    owner = await make_user()
    video = await make_video(owner, state=VideoState.TO_TRANSCODE)
    headers = await login(client, owner, kind=SessionKind.COOKIE)
    _, text = await page(client, f"/w/{short(video.uuid)}", **headers)
    assert "data-waiting" in text
    assert "<video" not in text


async def test_password_opens_the_page(client: Client) -> None:
    video = await make_video(password="sesame", playlist=PLAYLIST)
    path = f"/w/{short(video.uuid)}"
    status, text = await page(client, path)
    assert status == 200
    assert "<video" not in text
    for form, status in (({"password": "wrong"}, 403), ({"password": ""}, 400), ({}, 400)):
        async with client.post(path, data=form) as answer:
            assert answer.status == status
            assert 'id="error-password"' in await answer.text()
    async with client.post(path, data={"password": "sesame"}) as answer:
        assert answer.status == 200
        assert "<video" in await answer.text()


async def test_storyboard_for_whom_the_video_is(client: Client) -> None:
    board = {
        "filename": "b.jpg",
        "tile_width": 192,
        "tile_height": 108,
        "columns": 1,
        "rows": 1,
        "interval": 10.0,
        "count": 1,
    }
    shown = await make_video(storyboard=board)
    status, text = await page(client, f"/w/{short(shown.uuid)}/storyboard.vtt")
    assert (status, text[:6]) == (200, "WEBVTT")
    without = await make_video()
    assert (await page(client, f"/w/{short(without.uuid)}/storyboard.vtt"))[0] == 404
    private = await make_video(storyboard=board, privacy=Privacy.PRIVATE)
    assert (await page(client, f"/w/{short(private.uuid)}/storyboard.vtt"))[0] == 401
