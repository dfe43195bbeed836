"""The page for frames of other sites, and oEmbed."""

from aiohttp import web
from aiohttp.test_utils import TestClient

from app.core.ids import short
from app.videos.models import Privacy
from tests.factories import make_video
from tests.videos.test_pages import PLAYLIST, page

Client = TestClient[web.Request, web.Application]
SITE = "http://127.0.0.1:9000"


async def test_embed_may_be_framed_and_other_pages_not(client: Client) -> None:
    video = await make_video(playlist=PLAYLIST)
    async with client.get(f"/videos/embed/{video.uuid}?autoplay=1&start=5") as answer:
        text = await answer.text()
        assert "frame-ancestors *" in answer.headers["Content-Security-Policy"]
        assert "X-Frame-Options" not in answer.headers
    assert 'data-autoplay="true"' in text
    assert 'data-start="5"' in text
    async with client.get(f"/w/{short(video.uuid)}") as answer:
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


async def test_closed_videos_say_so_in_the_frame(client: Client) -> None:
    private = await make_video(privacy=Privacy.PRIVATE, playlist=PLAYLIST)
    status, text = await page(client, f"/videos/embed/{private.uuid}")
    assert status in (401, 403)
    assert "<video" not in text
    status, _ = await page(client, "/videos/embed/nothing")
    assert status == 404


async def test_password_in_the_frame_gives_a_token(client: Client) -> None:
    video = await make_video(password="sesame", playlist=PLAYLIST)
    path = f"/videos/embed/{video.uuid}"
    status, text = await page(client, path)
    assert status == 403
    assert 'name="password"' in text
    async with client.post(path, data={"password": "wrong"}) as answer:
        assert answer.status == 403
        assert "This is not the video" in await answer.text()
    async with client.post(path, data={"password": "sesame"}) as answer:
        assert answer.status == 200
        text = await answer.text()
        assert "Set-Cookie" not in answer.headers
    assert "m.m3u8?videoFileToken=" in text


async def test_oembed(client: Client) -> None:
    video = await make_video(name="A film", aspect_ratio=16 / 9)
    for path in (f"w/{short(video.uuid)}", f"videos/watch/{video.uuid}"):
        asked = {"url": f"{SITE}/{path}", "maxwidth": "280"}
        async with client.get("/services/oembed", params=asked) as answer:
            assert answer.status == 200
            told = await answer.json()
        assert (told["title"], told["width"], told["height"]) == ("A film", 280, 157)
        assert f"/videos/embed/{video.uuid}" in told["html"]


async def test_oembed_refuses(client: Client) -> None:
    private = await make_video(privacy=Privacy.INTERNAL)
    refusals = {
        "https://elsewhere.example/w/x": 400,
        f"{SITE}/about": 404,
        f"{SITE}/w/nothing": 404,
        f"{SITE}/w/{short(private.uuid)}": 401,
    }
    for url, status in refusals.items():
        async with client.get("/services/oembed", params={"url": url}) as answer:
            assert answer.status == status, url
    async with client.get("/services/oembed", params={"url": SITE, "format": "xml"}) as answer:
        assert answer.status == 501
