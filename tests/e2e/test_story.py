"""What Kinora is for, as one person does it: sign up, upload a file, see it prepared, watch it."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, CDPSession, Page, ViewportSize, expect

from tests.e2e.conftest import DESKTOP, PATIENCE, PHONE, Client, eventually, make_clip
from tests.site import Site

PASSWORD = "a long sentence of hers"
FILM = "document.querySelector('video')"
#: Slow enough to press "pause" in between.
BYTES_A_SECOND = 40_000


@pytest.mark.parametrize(
    ("name", "codec", "viewport"),
    [("ada", "libx264", DESKTOP), ("grace", "mpeg4", PHONE)],
    ids=["desktop, played as it is", "phone, encoded anew"],
)
def test_from_signing_up_to_watching(
    browser: Browser, site: Site, tmp_path: Path, name: str, codec: str, viewport: ViewportSize
) -> None:
    film = make_clip(tmp_path / "a day at the sea.mp4", codec, seconds=16)
    with browser.new_context(base_url=site.url, viewport=viewport, locale="en-GB") as context:
        context.set_default_timeout(PATIENCE * 1000)
        page = context.new_page()
        sign_up(page, name)
        page.goto("/upload")
        page.locator("kinora-upload input[type=file]").set_input_files(film)
        row = page.locator(".upload-row")
        progress = row.locator("kinora-progress")
        progress.wait_for()
        eventually(lambda: progress.get_attribute("data-phase"), what="the page tells how far")
        row.get_by_role("link").click()
        page.locator("kinora-player[data-ready]").wait_for()
        expect(page.get_by_role("heading", level=1)).to_have_text("a day at the sea")
        page.locator(".player-start").click()
        eventually(lambda: page.evaluate(f"{FILM}.currentTime") > 1, what="it plays")
        assert page.evaluate(f"{FILM}.getVideoPlaybackQuality().totalVideoFrames") > 5


def test_an_upload_is_paused_and_gone_on_with(
    browser: Browser, site: Site, admin: Client, tmp_path: Path
) -> None:
    film = make_clip(tmp_path / "a slow line.mp4", seconds=20, size="1280x720")
    with browser.new_context(base_url=site.url, viewport=DESKTOP, locale="en-GB") as context:
        context.set_default_timeout(PATIENCE * 1000)
        page = context.new_page()
        sign_up(page, "lise")
        line = page.context.new_cdp_session(page)
        limit(line, BYTES_A_SECOND)
        page.goto("/upload")
        page.locator("kinora-upload input[type=file]").set_input_files(film)
        row = page.locator(".upload-row")
        row.get_by_role("button", name="Pause").click()
        expect(row).to_have_attribute("data-state", "paused")
        row.get_by_role("button", name="Go on").click()
        expect(row).not_to_have_attribute("data-state", "paused")
        limit(line, -1)
        row.get_by_role("link").wait_for()
        uuid = row.locator("kinora-progress").get_attribute("data-video")
        video = admin.wait_until({"uuid": uuid}, "playable")
        assert video["state"]["label"] == "Published"


def test_several_files_are_dropped(browser: Browser, site: Site, tmp_path: Path) -> None:
    films = [make_clip(tmp_path / f"film {number}.mp4", seconds=4) for number in (1, 2, 3)]
    with browser.new_context(base_url=site.url, viewport=DESKTOP, locale="en-GB") as context:
        context.set_default_timeout(PATIENCE * 1000)
        page = context.new_page()
        sign_up(page, "marie")
        page.goto("/upload")
        page.locator("kinora-upload input[type=file]").set_input_files(films)
        rows = page.locator(".upload-row")
        expect(rows).to_have_count(3)
        for number in range(3):
            rows.nth(number).get_by_role("link").wait_for()
        page.goto("/my/videos")
        for film in films:
            expect(page.get_by_role("link", name=film.stem).first).to_be_visible()


def sign_up(page: Page, name: str) -> None:
    """Sign up on the page and be logged in."""
    page.goto("/signup")
    page.get_by_label("Username").fill(name)
    page.get_by_label("E-mail address").fill(f"{name}@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.locator("main").get_by_role("button", name="Sign up").click()
    page.wait_for_url(lambda url: "/signup" not in url)


def limit(line: CDPSession, bytes_a_second: int) -> None:
    """Make a page's connection a slow one, or (-1) as fast as it is."""
    line.send("Network.enable")
    line.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": 0,
            "downloadThroughput": -1,
            "uploadThroughput": bytes_a_second,
        },
    )
