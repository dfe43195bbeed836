"""A person takes a film along: from its page, with and without scripts, and it plays."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.conftest import DESKTOP, PHONE, Client, axe_violations, make_clip
from tests.site import Site

Video = dict[str, Any]
SECONDS = 6

PLAY = """
url => new Promise((done, failed) => {
    const film = document.createElement('video');
    film.muted = true;
    film.onerror = () => failed(film.error.message);
    film.addEventListener('playing', () => { film.currentTime = film.duration - 2; }, {once: true});
    film.onended = () => done({
        seconds: film.duration,
        height: film.videoHeight,
        sound: film.webkitAudioDecodedByteCount > 0,
    });
    film.src = url;
    film.play().catch(failed);
})
"""


@pytest.fixture(scope="module")
def video(admin: Client, tmp_path_factory: pytest.TempPathFactory) -> Video:
    """A short film, transcoded whole."""
    clip = make_clip(tmp_path_factory.mktemp("downloads") / "clip.mp4", seconds=SECONDS)
    video = admin.upload(clip, name="A film to take along")
    admin.wait_until(video, "complete")
    return video


def offers(page: Page) -> Locator:
    """The links in the window that the button opens."""
    page.get_by_role("button", name="Download", exact=True).click()
    window = page.get_by_role("dialog", name="Download this video")
    expect(window).to_be_visible()
    return window.get_by_role("link")


@pytest.mark.parametrize("script", [True, False], ids=["script", "plain"])
def test_a_film_is_taken_along(
    browser: Browser, site: Site, video: Video, tmp_path: Path, *, script: bool
) -> None:
    context = browser.new_context(
        base_url=site.url,
        java_script_enabled=script,
        viewport=DESKTOP if script else PHONE,
        locale="en-GB",
    )
    page = context.new_page()
    page.goto(f"/w/{video['shortUUID']}")
    links = offers(page)
    expect(links.first).to_contain_text("360p")
    expect(links.last).to_contain_text("Sound only")
    with page.expect_download() as waiting:
        links.first.click()
    kept = waiting.value
    assert kept.suggested_filename == "A film to take along - 360p.mp4"
    kept.save_as(tmp_path / "film.mp4")
    context.close()
    command = ["ffmpeg", "-v", "warning", "-i", str(tmp_path / "film.mp4")]
    done = subprocess.run(
        [*command, "-map", "0:v", "-map", "0:a", "-f", "null", "-"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""


def test_the_window_is_for_everybody(page: Page, video: Video) -> None:
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto(f"/w/{video['shortUUID']}")
        offers(page)
        found += axe_violations(page)
    assert found == []


def test_a_browser_plays_and_seeks_in_the_film(page: Page, video: Video) -> None:
    page.goto(f"/w/{video['shortUUID']}")
    played = page.evaluate(PLAY, offers(page).first.get_attribute("href"))
    assert played["seconds"] == pytest.approx(SECONDS, abs=0.5)
    assert (played["height"], played["sound"]) == (360, True)
