"""Pages stay light: bytes that cross the wire, compressed, without pictures and film."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import CDPSession, Page

KILOBYTE = 1000
LIST_PAGE = 40 * KILOBYTE
BEFORE_PLAYBACK = 60 * KILOBYTE
WITH_CONTROLS = 120 * KILOBYTE
STYLES = 12 * KILOBYTE
NOT_COUNTED = ("Image", "Media", "XHR", "Ping", "EventSource")
#: What only comes when somebody is about to play.
ENGINE = "/vendor/hls."
CONTROLS = "/vendor/media-chrome."


class Meter:
    """The bytes of each answer, headers included, as Chromium's network stack received them."""

    def __init__(self, page: Page) -> None:
        self.kinds: dict[str, tuple[str, str]] = {}
        self.bytes: dict[str, int] = {}
        session: CDPSession = page.context.new_cdp_session(page)
        session.on("Network.responseReceived", self._answered)
        session.on("Network.loadingFinished", self._finished)
        session.send("Network.enable")
        session.send("Network.setCacheDisabled", {"cacheDisabled": True})

    def _answered(self, event: dict[str, Any]) -> None:
        self.kinds[event["requestId"]] = (event["type"], event["response"]["url"])

    def _finished(self, event: dict[str, Any]) -> None:
        self.bytes[event["requestId"]] = int(event["encodedDataLength"])

    def total(self, *, of: Callable[[str, str], bool]) -> int:
        """The sum over the answers of a kind and address."""
        found = {
            url: self.bytes[request]
            for request, (kind, url) in self.kinds.items()
            if request in self.bytes and of(kind, url)
        }
        print(*(f"{size:>8} {url}" for url, size in sorted(found.items())), sep="\n")
        return sum(found.values())


def counted(kind: str, url: str) -> bool:
    """Whether a budget counts this answer."""
    return kind not in NOT_COUNTED and "icons" not in url and "storyboard" not in url


def test_list_page(page: Page, videos: list[dict[str, Any]]) -> None:
    meter = Meter(page)
    page.goto("/videos/recently-added")
    page.wait_for_load_state("networkidle")
    assert 0 < meter.total(of=counted) <= LIST_PAGE
    assert 0 < meter.total(of=lambda kind, _: kind == "Stylesheet") <= STYLES


def test_watch_page(page: Page, video: dict[str, Any]) -> None:
    meter = Meter(page)
    page.goto(f"/w/{video['shortUUID']}")
    page.locator("kinora-player[data-ready]").wait_for()
    page.wait_for_load_state("networkidle")

    def is_page(kind: str, url: str) -> bool:
        return counted(kind, url) and ENGINE not in url

    def is_needed_to_play(kind: str, url: str) -> bool:
        return is_page(kind, url) and CONTROLS not in url

    assert meter.total(of=lambda _, url: ENGINE in url) == 0, "hls.js came before it was wanted"
    assert 0 < meter.total(of=is_needed_to_play) <= BEFORE_PLAYBACK
    assert 0 < meter.total(of=is_page) <= WITH_CONTROLS
