from aiohttp import web
from aiohttp.test_utils import TestClient

Client = TestClient[web.Request, web.Application]


async def choose(client: Client, language: str, then: str = "/login") -> str:
    answer = await client.post(
        "/language", data={"language": language, "next": then}, allow_redirects=False
    )
    assert answer.status == 303
    return answer.headers["Location"]


async def test_a_visitor_chooses_a_language(client: Client) -> None:
    assert 'lang="en"' in await (await client.get("/login")).text()
    assert await choose(client, "de") == "/login"
    page = await (await client.get("/login", headers={"Accept-Language": "fr"})).text()
    assert '<html lang="de"' in page
    assert 'value="de" lang="de" aria-current="true"' in page


async def test_what_is_no_language_changes_nothing(client: Client) -> None:
    assert await choose(client, "../etc") == "/"
    assert await choose(client, "") == "/"
    assert '<html lang="en"' in await (await client.get("/login")).text()


async def test_the_way_back_stays_here(client: Client) -> None:
    assert await choose(client, "de", "https://evil.example/") == "/"
