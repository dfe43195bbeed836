"""Every page is accessible in both schemes and on both screens, and works without JavaScript."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import (
    DESKTOP,
    PHONE,
    axe_violations,
    eventually,
    log_in,
)
from tests.site import Site

Video = dict[str, Any]

PUBLIC = (
    "/",
    "/videos/trending",
    "/videos/recently-added",
    "/search",
    "/search?search=harbour",
    "/search?search=zzzzqqqq",
    "/w/{video}",
    "/w/{locked}",
    "/videos/embed/{video}",
    "/videos/embed/{locked}",
    "/c/root_channel",
    "/a/root",
    "/login",
    "/signup",
    "/reset-password/ask",
    "/no-such-page",
)
MEMBERS = (
    "/upload",
    "/my/videos",
    "/my/videos/{video}",
    "/my/channels",
    "/my/channels/new",
    "/settings",
    "/settings/preferences",
    "/settings/password",
    "/settings/email",
    "/settings/security",
    "/settings/two-factor",
    "/settings/delete",
    "/admin/users",
    "/admin/users/new",
    "/admin/registrations",
    "/admin/jobs",
)


@pytest.fixture(scope="module")
def address(videos: list[Video], locked_video: Video) -> Callable[[str], str]:
    """Fills in the videos of an address."""
    return lambda path: path.format(video=videos[0]["shortUUID"], locked=locked_video["shortUUID"])


def ensure_accessible(page: Page) -> None:
    """No findings, light and dark, on a desktop and on a phone; nothing wider than the screen."""
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for screen in (DESKTOP, PHONE):
            page.set_viewport_size(screen)
            found += [f"{scheme} {screen['width']}: {each}" for each in axe_violations(page)]
            width = page.evaluate("document.documentElement.scrollWidth")
            if width > screen["width"]:
                found.append(f"{scheme} {screen['width']}: the page is {width} pixels wide")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", PUBLIC)
def test_public_page_is_accessible(page: Page, address: Callable[[str], str], path: str) -> None:
    page.goto(address(path))
    if page.locator("kinora-player").count():
        page.locator("kinora-player[data-ready]").wait_for()
    ensure_accessible(page)


@pytest.mark.parametrize("path", MEMBERS)
def test_page_of_members_is_accessible(
    member: Page, address: Callable[[str], str], path: str
) -> None:
    answer = member.goto(address(path))
    assert answer is not None
    assert answer.status == 200
    ensure_accessible(member)


def test_open_menus_are_accessible(member: Page, videos: list[Video]) -> None:
    member.goto(f"/w/{videos[0]['shortUUID']}")
    member.get_by_role("button", name="Your menu").click()
    expect(member.get_by_role("link", name="Your videos")).to_be_visible()
    ensure_accessible(member)
    member.keyboard.press("Escape")
    member.get_by_role("button", name="Share").click()
    expect(member.get_by_role("dialog", name="Share this video")).to_be_visible()
    ensure_accessible(member)


def test_keyboard_reaches_the_content_first(page: Page, videos: list[Video]) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()


def test_light_switch_is_remembered(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto("/")
    page.get_by_role("button", name="Change between light and dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


def test_list_grows_in_place(page: Page, videos: list[Video]) -> None:
    """htmx puts the next cards where the link was; the page is not loaded again."""
    page.route(
        "**/videos/recently-added",
        lambda route: route.fulfill(
            response=(real := route.fetch()),
            body=real.text().replace(
                "</ul>\n  ",
                '<li class="load-more"><a class="button" href="/videos/recently-added?start=0"'
                ' hx-get="/videos/recently-added?start=0" hx-target="closest li"'
                ' hx-swap="outerHTML">Show more</a></li></ul>',
                1,
            ),
        ),
    )
    page.goto("/videos/recently-added")
    before = page.locator(".video-card").count()
    page.evaluate("() => { window.same = true; }")
    page.get_by_role("link", name="Show more").click()
    eventually(lambda: page.locator(".video-card").count() == 2 * before, what="the next cards")
    assert page.evaluate("window.same")


def test_search_finds_by_words_and_tags(page: Page, videos: list[Video]) -> None:
    page.goto("/")
    page.get_by_role("searchbox").fill("harbour")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="The harbour before the storm")).to_be_visible()
    page.goto(f"/w/{videos[0]['shortUUID']}")
    page.locator(".chips").get_by_role("link", name="film").click()
    expect(page.get_by_role("heading", name="Bread, slowly")).to_be_visible()


def test_addresses_of_peertube_lead_to_the_page(page: Page, video: Video) -> None:
    for reference in (f"/videos/watch/{video['uuid']}?start=3s", f"/w/{video['uuid']}?start=3s"):
        page.goto(reference)
        assert page.url.endswith(f"/w/{video['shortUUID']}?start=3s")


def test_preview_for_other_sites(page: Page, video: Video) -> None:
    page.goto(f"/w/{video['shortUUID']}")
    embed = page.locator("meta[property='og:video:url']").get_attribute("content")
    assert embed is not None
    assert embed.endswith(f"/videos/embed/{video['uuid']}")
    oembed = page.locator("link[type='application/json+oembed']").get_attribute("href")
    assert oembed is not None
    answer = page.request.get(f"/services/oembed?{oembed.partition('?')[2]}").json()
    assert answer["title"] == "The harbour before the storm"
    assert embed in answer["html"]


def test_password_opens_page_and_files(page: Page, locked_video: Video) -> None:
    path = f"/w/{locked_video['shortUUID']}"
    page.goto(path)
    assert page.locator("video").count() == 0
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Watch").click()
    expect(page.get_by_text("This is not the video's password.")).to_be_visible()
    page.get_by_label("Password").fill("sesame")
    page.get_by_role("button", name="Watch").click()
    expect(page.get_by_role("heading", name="Behind the door")).to_be_visible()
    page.locator("kinora-player[data-ready]").wait_for()
    page.locator(".player-start").click()
    eventually(
        lambda: page.evaluate("document.querySelector('video').currentTime > 0.5"),
        what="the protected video plays",
    )


@pytest.fixture
def plain_page(browser: Browser, site: Site) -> Any:
    """A page of a browser without JavaScript."""
    context = browser.new_context(
        base_url=site.url, java_script_enabled=False, viewport=PHONE, locale="en-GB"
    )
    yield context.new_page()
    context.close()


def test_without_javascript_one_finds_and_watches(plain_page: Page, videos: list[Video]) -> None:
    plain_page.goto("/")
    assert plain_page.locator(".video-card").count() >= len(videos) - 1
    plain_page.get_by_role("searchbox").fill("harbour")
    plain_page.get_by_role("button", name="Search").click()
    plain_page.get_by_role("link", name="The harbour before the storm").click()
    expect(plain_page.get_by_role("heading", level=1)).to_have_text("The harbour before the storm")
    film = plain_page.locator("video")
    assert film.get_attribute("controls") is not None
    source = plain_page.locator("video source").get_attribute("src")
    assert source is not None
    assert plain_page.request.get(source).text().startswith("#EXTM3U")
    expect(plain_page.get_by_role("button", name="Change between light and dark")).to_be_hidden()
    plain_page.get_by_text("Read more").click()
    expect(plain_page.get_by_text("old mole", exact=True)).to_be_visible()


def test_without_javascript_one_logs_in_and_out(plain_page: Page, site: Site) -> None:
    log_in(plain_page)
    plain_page.get_by_role("button", name="Your menu").click()
    plain_page.get_by_role("button", name="Log out").click()
    expect(plain_page.get_by_role("link", name="Log in")).to_be_visible()


def test_without_javascript_a_password_opens(plain_page: Page, locked_video: Video) -> None:
    plain_page.goto(f"/w/{locked_video['shortUUID']}")
    plain_page.get_by_label("Password").fill("sesame")
    plain_page.get_by_role("button", name="Watch").click()
    source = plain_page.locator("video source").get_attribute("src")
    assert source is not None
    assert plain_page.request.get(source).status == 200
