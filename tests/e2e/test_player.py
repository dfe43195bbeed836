"""<kinora-player> plays what the site made: in every quality, at every place, by keyboard."""

from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import (
    PATIENCE,
    PHONE,
    VIDEO_SECONDS,
    Client,
    eventually,
    log_in,
    make_clip,
)
from tests.site import Site

Video = dict[str, Any]

#: Long enough that encoding it takes longer than to open its page.
GROWING_SECONDS = 60

FILM = "document.querySelector('video')"
QUALITIES = "media-rendition-menu media-chrome-menu-item"


def now(page: Page) -> float:
    """Where playback is, in seconds."""
    seconds: float = page.evaluate(f"{FILM}.currentTime")
    return seconds


def until_after(page: Page, seconds: float) -> None:
    """Wait until playback has passed a moment."""
    eventually(lambda: now(page) > seconds, what=f"playback passes {seconds} s")


def until_at(page: Page, seconds: float) -> None:
    """Wait until a paused film stands at a moment."""
    eventually(lambda: abs(now(page) - seconds) < 0.5, what=f"the film is at {seconds} s")


def open_player(page: Page, path: str) -> None:
    page.goto(path)
    page.locator("kinora-player[data-ready]").wait_for()


@pytest.fixture
def player(page: Page, video: Video) -> Page:
    """The video's page, with the controls there and nothing played yet."""
    open_player(page, f"/w/{video['shortUUID']}")
    return page


@pytest.fixture
def playing(player: Page) -> Page:
    """The same, playing."""
    player.locator(".player-start").click()
    until_after(player, 0.5)
    return player


def test_it_plays(playing: Page) -> None:
    until_after(playing, 2)
    quality = playing.evaluate(f"{FILM}.getVideoPlaybackQuality().totalVideoFrames")
    assert quality > 10
    assert playing.evaluate(f"{FILM}.buffered.start(0)") == 0, "no hole at the start"
    # what hls.js feeds, not the browser's own player of playlists
    assert playing.evaluate(f"{FILM}.src").startswith("blob:")


def test_nothing_of_the_film_is_loaded_before_it_is_wanted(page: Page, video: Video) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    open_player(page, f"/w/{video['shortUUID']}")
    page.wait_for_load_state("networkidle")
    assert not [url for url in asked if "/streaming-playlists/" in url or "/vendor/hls" in url]


def test_quality_can_be_chosen(playing: Page) -> None:
    playing.locator("media-settings-menu-button").click()
    playing.locator(".player-quality").click()
    offered = playing.locator(QUALITIES)
    eventually(lambda: offered.count() > 2, what="the qualities are offered")
    assert [text.split()[0] for text in offered.all_inner_texts()][:3] == ["360p", "240p", "144p"]
    offered.filter(has_text="144p").click()
    eventually(
        lambda: playing.evaluate(f"{FILM}.videoHeight") == 144, what="the picture has 144 lines"
    )
    at = now(playing)
    until_after(playing, at + 0.5)


def test_speed_can_be_chosen(playing: Page) -> None:
    playing.locator("media-settings-menu-button").click()
    playing.locator("media-settings-menu-item", has_text="Speed").click()
    playing.locator("media-playback-rate-menu media-chrome-menu-item", has_text="1.5").click()
    eventually(lambda: playing.evaluate(f"{FILM}.playbackRate") == 1.5, what="the speed is 1.5")


def test_seek_bar_shows_what_is_there_and_goes_there(playing: Page) -> None:
    bar = playing.locator("media-time-range").bounding_box()
    assert bar is not None
    middle = bar["y"] + bar["height"] / 2
    playing.mouse.move(bar["x"] + bar["width"] * 0.5, middle)
    picture = playing.locator("media-time-range > media-preview-thumbnail")
    eventually(
        lambda: "/lazy-static/storyboards/" in (picture.get_attribute("mediapreviewimage") or ""),
        what="the storyboard shows",
    )
    width = picture.evaluate("element => element.shadowRoot.querySelector('img').naturalWidth")
    assert width > 0
    first = picture.get_attribute("mediapreviewcoords")
    playing.mouse.move(bar["x"] + bar["width"] * 0.9, middle)
    eventually(
        lambda: picture.get_attribute("mediapreviewcoords") != first, what="another picture shows"
    )
    playing.mouse.click(bar["x"] + bar["width"] * 0.5, middle)
    until_after(playing, VIDEO_SECONDS * 0.4)
    at = now(playing)
    until_after(playing, at + 0.3)


def test_keys(playing: Page) -> None:
    playing.locator("media-controller").focus()
    playing.keyboard.press("k")
    eventually(lambda: playing.evaluate(f"{FILM}.paused"), what="k pauses")
    for key, expected in (("5", VIDEO_SECONDS / 2), ("l", VIDEO_SECONDS / 2 + 10), ("0", 0)):
        playing.keyboard.press(key)
        until_at(playing, expected)
    playing.keyboard.press("l")
    playing.keyboard.press("j")
    playing.keyboard.press("ArrowRight")
    until_at(playing, 5)
    playing.keyboard.press("m")
    eventually(lambda: playing.evaluate(f"{FILM}.muted"), what="m mutes")
    playing.keyboard.press(">")
    eventually(lambda: playing.evaluate(f"{FILM}.playbackRate") == 1.25, what="> speeds up")
    playing.keyboard.press("f")
    eventually(lambda: playing.evaluate("!!document.fullscreenElement"), what="f fills the screen")
    playing.keyboard.press("f")
    eventually(lambda: playing.evaluate("!document.fullscreenElement"), what="f again ends that")
    playing.keyboard.press(" ")
    eventually(lambda: not playing.evaluate(f"{FILM}.paused"), what="space plays")


def test_full_screen_ends_as_soon_as_it_began(playing: Page) -> None:
    """A second press may come before the controls have heard of the first one's work."""
    playing.locator("media-controller").focus()
    playing.evaluate(
        """() => document.addEventListener("fullscreenchange", () => {
          window.filled = document.fullscreenElement;
          filled.dispatchEvent(new KeyboardEvent("keydown", {key: "f", bubbles: true}));
        }, {once: true, capture: true})"""
    )
    playing.keyboard.press("f")
    eventually(
        lambda: playing.evaluate("!!window.filled && !document.fullscreenElement"),
        what="full screen has come and gone",
    )


def test_letters_outside_the_player_are_letters(playing: Page) -> None:
    playing.get_by_role("searchbox").fill("")
    playing.get_by_role("searchbox").press_sequentially("km0")
    assert playing.get_by_role("searchbox").input_value() == "km0"
    assert not playing.evaluate(f"{FILM}.paused || {FILM}.muted")


def test_goes_on_where_one_stopped(page: Page, admin: Client, tmp_path: Path) -> None:
    long = admin.upload(make_clip(tmp_path / "long.mp4", seconds=60, size="256x144"), name="Long")
    admin.wait_until(long, "complete")
    path = f"/w/{long['shortUUID']}"
    open_player(page, f"{path}?start=30")
    page.locator(".player-start").click()
    until_after(page, 30.5)
    page.evaluate(f"{FILM}.pause()")
    open_player(page, path)
    page.locator(".player-start").click()
    until_after(page, 29)
    expect(page.get_by_text("Going on where you stopped")).to_be_visible()
    page.get_by_role("button", name="From the start").click()
    eventually(lambda: now(page) < 10, what="it begins anew")


def test_watching_counts_as_a_view(player: Page, admin: Client, video: Video) -> None:
    with player.expect_response(lambda answer: answer.url.endswith("/views")) as response:
        player.locator(".player-start").click()
        player.evaluate(f"{FILM}.playbackRate = 2")
    assert response.value.status == 204


def test_lost_connection_is_told_and_gone_on(playing: Page) -> None:
    playing.route("**/*.mp4", lambda route: route.abort())
    # what is buffered plays on, but another quality must come over the wire
    playing.locator("media-settings-menu-button").click()
    playing.locator(".player-quality").click()
    playing.locator(QUALITIES).filter(has_text="144p").click()
    playing.evaluate(f"{FILM}.currentTime = 1")
    message = playing.get_by_role("alert").filter(has_text="The connection to the site was lost")
    expect(message).to_be_visible(timeout=PATIENCE * 1000)
    playing.unroute("**/*.mp4")
    expect(message).to_be_hidden(timeout=PATIENCE * 1000)
    eventually(
        lambda: playing.evaluate(f"{FILM}.videoHeight") == 144, what="the picture has 144 lines"
    )


def test_a_growing_video_plays_to_its_end(page: Page, admin: Client, tmp_path: Path) -> None:
    """It plays while it is encoded; in the end the player takes the whole playlist."""
    source = make_clip(tmp_path / "growing.avi", "mpeg4", seconds=GROWING_SECONDS, size="854x480")
    growing = admin.upload(source, name="Growing")
    progress = admin.wait_until(growing, "playable")
    assert not progress["complete"], "the film is too short for this test"
    open_player(page, f"/w/{growing['shortUUID']}")
    page.locator(".player-start").click()
    until_after(page, 0.5)
    assert now(page) < GROWING_SECONDS / 2, (
        "it begins at its start, not at the end of what is there"
    )
    admin.wait_until(growing, "complete")
    expect(page.locator("kinora-progress")).to_be_hidden(timeout=PATIENCE * 1000)
    eventually(
        lambda: abs(page.evaluate(f"{FILM}.duration") - GROWING_SECONDS) < 1,
        what="the player knows the whole length",
    )
    eventually(
        lambda: page.evaluate(f"{FILM}.videoRenditions.length") > 1,
        what="sizes that were made after it was opened are offered",
    )
    at = now(page)
    until_after(page, at + 0.3)


def test_waiting_page_becomes_the_player(page: Page, admin: Client, tmp_path: Path) -> None:
    log_in(page)
    source = make_clip(tmp_path / "waiting.mp4", seconds=20)
    waiting = admin.upload(source, name="Waiting")
    page.goto(f"/w/{waiting['shortUUID']}")
    page.locator("kinora-player[data-ready]").wait_for()
    page.locator(".player-start").click()
    until_after(page, 0.5)


def test_phone(browser: Browser, site: Site, video: Video) -> None:
    context = browser.new_context(
        base_url=site.url, viewport=PHONE, has_touch=True, is_mobile=True, locale="en-GB"
    )
    page = context.new_page()
    open_player(page, f"/w/{video['shortUUID']}")
    page.locator(".player-start").tap()
    until_after(page, 1)
    frame = page.locator("kinora-player").bounding_box()
    assert frame is not None
    assert frame["width"] == PHONE["width"]
    context.close()


def test_embed_takes_peertubes_parameters(page: Page, video: Video) -> None:
    open_player(page, f"/videos/embed/{video['uuid']}?start=12s&autoplay=1&muted=1&loop=1")
    until_after(page, 12.2)
    assert now(page) < 24
    assert page.evaluate(f"[{FILM}.muted, {FILM}.loop]") == [True, True]
    expect(page.get_by_role("link", name="The harbour before the storm")).to_be_visible()
    page.goto(f"/videos/embed/{video['uuid']}?controls=0")
    assert page.locator("media-time-range").count() == 0


@pytest.fixture
def elsewhere(site: Site, video: Video, locked_video: Video) -> Iterator[str]:
    """The address of another site, which shows two videos of ours in frames."""
    frames = "".join(
        f'<iframe src="{site.url}/videos/embed/{each["uuid"]}" width="640" height="360"></iframe>'
        for each in (video, locked_video)
    )

    class OtherSite(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(frames.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), OtherSite) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()


def test_embed_in_another_site(page: Page, elsewhere: str) -> None:
    """A frame gets no cookies of ours: a password opens the files by a token."""
    page.goto(elsewhere)
    open_one, locked = page.frame_locator("iframe").nth(0), page.frame_locator("iframe").nth(1)
    open_one.locator(".player-start").click()
    locked.get_by_label("Password").fill("sesame")
    locked.get_by_role("button", name="Watch").click()
    locked.locator(".player-start").click()
    for frame in (open_one, locked):
        film = frame.locator("video")
        eventually(partial(film.evaluate, "film => film.currentTime > 0.5"), what="a frame plays")


def test_failure_is_told_to_the_owner(page: Page, admin: Client, tmp_path: Path) -> None:
    log_in(page)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"this is no film" * 1000)
    video = admin.upload(broken, name="A broken film")

    def failed() -> Any:
        _, _, progress = admin.call("GET", f"/api/v1/videos/{video['uuid']}/progress")
        return progress if progress["phase"] == "failed" else None

    progress = eventually(failed, what="the broken file is refused")
    page.goto(f"/w/{video['shortUUID']}")
    expect(page.get_by_role("alert")).to_contain_text(progress["error"]["detail"])
    page.context.clear_cookies()
    answer = page.goto(f"/w/{video['shortUUID']}")
    assert answer is not None
    assert answer.status == 404


def test_private_video_is_closed(page: Page, admin: Client, clip: Path) -> None:
    private = admin.upload(clip, name="Mine alone", privacy=3)
    admin.wait_until(private, "complete")
    answer = page.goto(f"/w/{private['shortUUID']}")
    assert answer is not None
    assert answer.status in (401, 403)
    assert page.locator("video").count() == 0
    log_in(page)
    open_player(page, f"/w/{private['shortUUID']}")
    page.locator(".player-start").click()
    until_after(page, 0.5)
