"""The search page: words, tags, orders, pages."""

from aiohttp import web
from aiohttp.test_utils import TestClient

from app.search.pages import PAGE
from tests.factories import make_video
from tests.videos.test_pages import page, titles

Client = TestClient[web.Request, web.Application]


async def test_words_tags_and_orders(client: Client) -> None:
    await make_video(name="A harbour at dawn", tags=["sea"], views=1)
    await make_video(name="The harbour bell", tags=["sea", "sound"], views=9)
    await make_video(name="Bread")
    _, text = await page(client, "/search?search=harbour&sort=-views")
    assert titles(text) == ["The harbour bell", "A harbour at dawn"]
    assert "2 videos about" in text
    _, text = await page(client, "/search?tagsOneOf=sound")
    assert titles(text) == ["The harbour bell"]
    _, text = await page(client, "/search?search=nothing+like+it")
    assert "Nothing found" in text
    _, text = await page(client, "/search?search=bread&sort=nonsense")
    assert titles(text) == ["Bread"]


async def test_nothing_asked_is_nothing_searched(client: Client) -> None:
    status, text = await page(client, "/search?search=+")
    assert status == 200
    assert "What are you looking for?" in text


async def test_pages_keep_the_question(client: Client) -> None:
    for number in range(PAGE + 1):
        await make_video(name=f"Film {number}")
    _, text = await page(client, "/search?search=film&sort=-publishedAt")
    assert len(titles(text)) == PAGE
    further = f"/search?search=film&amp;sort=-publishedAt&amp;start={PAGE}"
    assert f'href="{further}"' in text
    _, rest = await page(client, further.replace("&amp;", "&"))
    assert len(titles(rest)) == 1


async def test_what_was_asked_is_text(client: Client) -> None:
    _, text = await page(client, "/search?search=%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>alert" not in text
