from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import DictLoader, UndefinedError

from app.core.api import Access, ListQuery
from app.core.auth import COOKIE
from app.core.pages import Pages, local_path, redirect, render, wants_fragment
from app.core.templates import environment, render_template
from tests.core.conftest import Configure
from tests.core.small_site import Client, bearer, serving

pages = Pages()
TEMPLATES = {
    "_parts.html": "{% macro bold(text) %}<b>{{ text }}</b>{% endmacro %}",
    "_frame.html": "<html lang={{ locale }}>{{ flash }}{% block content %}{% endblock %}</html>",
    "list.html": """{% extends "_frame.html" %}
{% import "_parts.html" as parts with context %}
{% set name = "outer" %}
{% block content %}<h1>{{ settings.site.name }}</h1>{% block fragment %}
{{ parts.bold(word) }}{{ name }} {{ actor.username if actor else "nobody" }}
{% endblock %}{% endblock %}
""",
    "plain.html": "{{ _('Log in') }} {{ word }}",
    "mail.txt": "Hello & {{ word }}",
}


@pages.get("/list")
async def show_list(request: web.Request, query: ListQuery) -> web.Response:
    return render(request, "list.html", word=f"<{query.count}>")


@pages.get("/plain/{number}", access=Access.USER)
async def show_plain(request: web.Request, number: int) -> web.Response:
    return render(request, "plain.html", word=number)


@pages.get("/moderators", access=Access.MODERATOR)
async def moderators(request: web.Request) -> web.Response:
    return render(request, "plain.html", word="")


@pages.post("/go", access=Access.USER)
async def go(request: web.Request) -> web.Response:
    return redirect(request, request.query.get("next", "/list"), flash="Grüße & saved")


@pytest.fixture
async def client(bare: Configure, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    monkeypatch.setattr(environment(), "loader", DictLoader(TEMPLATES))
    async with serving(pages) as site:
        yield site


async def test_a_whole_page(client: Client) -> None:
    text = await (await client.get("/list?count=3")).text()
    assert text.startswith("<html lang=en>")
    assert "<h1>Kinora</h1>" in text
    assert "<b>&lt;3&gt;</b>outer nobody" in text


async def test_htmx_gets_the_fragment_with_its_imports(client: Client) -> None:
    answer = await client.get("/list", headers={"HX-Request": "true"} | bearer("user"))
    assert (await answer.text()).strip() == "<b>&lt;15&gt;</b>outer ada"
    assert "HX-Request" in answer.headers["Vary"]


async def test_a_page_without_a_fragment_is_always_whole(client: Client) -> None:
    answer = await client.get("/plain/5", headers={"HX-Request": "true"} | bearer("user"))
    assert await answer.text() == "Log in 5"


@pytest.mark.parametrize(
    ("headers", "fragment"),
    [
        ({}, False),
        ({"HX-Request": "true"}, True),
        ({"HX-Request": "true", "HX-Boosted": "true"}, False),
        ({"HX-Request": "true", "HX-History-Restore-Request": "true"}, False),
        ({"HX-Request": "true", "HX-Request-Type": "full"}, False),
        ({"HX-Request": "true", "HX-Request-Type": "partial"}, True),
    ],
)
def test_when_a_fragment_is_wanted(headers: dict[str, str], fragment: bool) -> None:
    assert wants_fragment(make_mocked_request("GET", "/", headers=headers)) is fragment


async def test_who_must_log_in_comes_back_afterwards(client: Client) -> None:
    answer = await client.get("/plain/5?a=b&c=d", allow_redirects=False)
    assert answer.status == 303
    assert answer.headers["Location"] == "/login?next=/plain/5%3Fa%3Db%26c%3Dd"
    answer = await client.get("/plain/5", headers={"HX-Request": "true"}, cookies={COOKIE: "stale"})
    assert answer.headers["HX-Redirect"] == "/login?next=/plain/5"


async def test_a_lost_form_leads_back_to_its_page(client: Client) -> None:
    answer = await client.post(
        "/go", headers={"Referer": f"{client.make_url('/upload')}"}, allow_redirects=False
    )
    assert answer.headers["Location"] == "/login?next=/upload"


async def test_roles(client: Client) -> None:
    answer = await client.get("/moderators", headers=bearer("moderator"))
    assert answer.status == 200


async def test_a_flash_is_said_once(client: Client) -> None:
    answer = await client.post("/go", headers=bearer("user"))
    assert answer.url.path == "/list"
    assert "Grüße &amp; saved" in await answer.text()
    assert "saved" not in await (await client.get("/list")).text()


async def test_a_broken_flash_is_none(client: Client) -> None:
    for value in ("%", "a", "/w==", "AAAA" * 4000):
        answer = await client.get("/list", cookies={"kinora_flash": value})
        assert answer.status in (200, 400)


async def test_htmx_is_redirected_by_its_header(client: Client) -> None:
    answer = await client.post("/go", headers=bearer("user") | {"HX-Request": "true"})
    assert (answer.status, answer.headers["HX-Redirect"]) == (200, "/list")


@pytest.mark.parametrize(
    ("wanted", "target"),
    [
        ("/w/1?a=b#c", "/w/1?a=b#c"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
        ("/a\r\nSet-Cookie: x", "/"),
        ("evil", "/"),
    ],
)
def test_redirects_stay_here(wanted: str, target: str) -> None:
    assert local_path(wanted) == target


@given(st.text(alphabet="/\\:.@#?ab\t\r\n %", max_size=12))
def test_no_target_leaves_the_site(wanted: str) -> None:
    target = local_path(wanted)
    assert target.startswith("/")
    assert target[1:2] not in ("/", "\\")
    assert not set(target) & set("\r\n\t\\")


def test_mails_are_not_escaped_and_unknown_names_are_faults(
    bare: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment(), "loader", DictLoader(TEMPLATES))
    assert render_template("mail.txt", {"word": "<you>"}) == "Hello & <you>"
    with pytest.raises(UndefinedError):
        render_template("mail.txt", {})


async def test_the_language_of_a_page(client: Client) -> None:
    async def language(headers: dict[str, str], **cookies: str) -> str:
        answer = await client.get("/list", headers=headers, cookies=cookies)
        return (await answer.text()).split(">")[0].removeprefix("<html lang=")

    assert await language({"Accept-Language": "xx, de-AT;q=0.8, fr;q=0.2"}) == "de"
    assert await language({"Accept-Language": "de"}, kinora_language="fr") == "fr"
    assert await language(bearer("german") | {"Accept-Language": "fr"}) == "de"
    assert await language({}) == "en"
