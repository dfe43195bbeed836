"""One real site (`bin/run`) for all browser tests, with a real video on it, and Chromium."""

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from tests.site import ROOT, Site, start_site

ADMIN = "root"
ADMIN_PASSWORD = "a password for tests"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--autoplay-policy=no-user-gesture-required",
]
PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1280, "height": 860}
#: How long something may take that a test waits for, on a machine that does much else.
PATIENCE = 240.0
VIDEO_SECONDS = 24


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever lies here needs a browser and the machine to itself."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(600))


def eventually(
    holds: Callable[[], object],
    *,
    what: str,
    seconds: float = PATIENCE,
    page: Page | None = None,
) -> Any:
    """Wait until a condition holds and give its value; fail with `what` was waited for.

    A condition that asks no page itself needs `page`: its events are told only while we wait in it.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := holds():
            return value
        if page is None:
            time.sleep(0.1)
        else:
            page.wait_for_timeout(100)
    raise AssertionError(f"waited {seconds:.0f} s in vain for: {what}")


@dataclass(slots=True)
class Client:
    """PeerTube's REST interface as a client program speaks it."""

    url: str
    token: str = ""

    def call(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[int, dict[str, str], Any]:
        """Status, headers and decoded JSON of an answer; a body of bytes is sent as it is."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body else None
        if body is not None and not isinstance(body, bytes):
            headers["Content-Type"] = "application/json"
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        target = path if path.startswith("http") else self.url + path
        request = urllib.request.Request(target, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                content = answer.read()
                return answer.status, dict(answer.headers), json.loads(content or "null")
        except urllib.error.HTTPError as error:
            content = error.read()
            return error.code, dict(error.headers), json.loads(content or "null")

    def log_in(self, username: str, password: str) -> None:
        """Get a token by the password grant."""
        _, _, client = self.call("GET", "/api/v1/oauth-clients/local")
        form = {**client, "grant_type": "password", "username": username, "password": password}
        status, _, granted = self.call(
            "POST",
            "/api/v1/users/token",
            urlencode(form).encode(),
            **{"Content-Type": "application/x-www-form-urlencoded"},
        )
        assert status == 200, granted
        self.token = granted["access_token"]

    def upload(self, file: Path, **metadata: object) -> dict[str, Any]:
        """Upload a file in one chunk; gives id, uuid and short uuid."""
        _, _, me = self.call("GET", "/api/v1/users/me")
        size = file.stat().st_size
        described = {
            "channelId": me["videoChannels"][0]["id"],
            "filename": file.name,
            "name": file.stem,
            "privacy": 1,
        } | metadata
        status, headers, answer = self.call(
            "POST",
            "/api/v1/videos/upload-resumable",
            described,
            **{"X-Upload-Content-Length": str(size), "X-Upload-Content-Type": "video/mp4"},
        )
        assert status == 201, answer
        status, _, answer = self.call(
            "PUT",
            headers["Location"],
            file.read_bytes(),
            **{"Content-Range": f"bytes 0-{size - 1}/{size}"},
        )
        assert status == 200, answer
        video: dict[str, Any] = answer["video"]
        return video

    def wait_until(self, video: dict[str, Any], what: str) -> dict[str, Any]:
        """Wait until a video is `playable` or `complete`; gives its progress."""

        def look() -> dict[str, Any] | None:
            _, _, progress = self.call("GET", f"/api/v1/videos/{video['uuid']}/progress")
            assert progress.get("phase") != "failed", progress
            return progress if progress.get(what) else None

        progress: dict[str, Any] = eventually(look, what=f"the video is {what}")
        return progress


def make_clip(
    path: Path, codec: str = "libx264", *, seconds: int = VIDEO_SECONDS, size: str = "640x360"
) -> Path:
    """A film of a test card and a tone; H.264 and AAC are played as they are, others are not."""
    source = f"testsrc2=size={size}:rate=25:duration={seconds}"
    tone = f"sine=frequency=330:duration={seconds}"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", source, "-f", "lavfi", "-i", tone]
        + (["-preset", "ultrafast"] if codec == "libx264" else [])
        + ["-c:v", codec, "-pix_fmt", "yuv420p", "-g", "50", "-c:a", "aac", str(path)],
        check=True,
    )
    return path


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The site, with open sign-up."""
    site = start_site(
        tmp_path_factory.mktemp("site"),
        KINORA_ADMIN_PASSWORD=ADMIN_PASSWORD,
        KINORA_SIGNUP__MODE="open",
        KINORA_RATE_LIMITS__ENABLED="false",
    )
    yield site
    site.stop()


@pytest.fixture(scope="session")
def admin(site: Site) -> Client:
    """The administrator's client program."""
    client = Client(site.url)
    client.log_in(ADMIN, ADMIN_PASSWORD)
    return client


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film to upload."""
    return make_clip(tmp_path_factory.mktemp("clips") / "clip.mp4")


@pytest.fixture(scope="session")
def video(admin: Client, clip: Path) -> dict[str, Any]:
    """A public video, transcoded whole."""
    described = {
        "name": "The harbour before the storm",
        "description": "Filmed from the **old mole**.\n\n" + "We waited six hours. " * 40,
        "tags": ["harbour", "film"],
        "category": 2,
        "language": "en",
        "licence": 2,
    }
    video = admin.upload(clip, **described)
    admin.wait_until(video, "complete")
    eventually(
        lambda: admin.call("GET", f"/api/v1/videos/{video['uuid']}/storyboards")[2]["storyboards"],
        what="the storyboard is there",
    )
    return video


@pytest.fixture(scope="session")
def videos(admin: Client, clip: Path, video: dict[str, Any]) -> list[dict[str, Any]]:
    """A few more, so that lists are lists."""
    names = ["Making a flip book", "Bread, slowly", "Evening light", "Choir rehearsal", "A wheel"]
    others = [admin.upload(clip, name=name, tags=["film"]) for name in names]
    for other in others:
        admin.wait_until(other, "complete")
    return [video, *others]


@pytest.fixture(scope="session")
def locked_video(admin: Client, clip: Path) -> dict[str, Any]:
    """A video that opens with the password `sesame`."""
    video = admin.upload(clip, name="Behind the door", privacy=5, videoPasswords=["sesame"])
    admin.wait_until(video, "complete")
    return video


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser, site: Site) -> Iterator[BrowserContext]:
    """A visitor with an English desktop browser."""
    context = browser.new_context(base_url=site.url, viewport=DESKTOP, locale="en-GB")
    context.set_default_timeout(PATIENCE * 1000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A visitor's page; an error in a script or a breach of the CSP fails the test."""
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            complaints.append(message.text)
            if message.type == "error" and "Content Security Policy" in message.text
            else None
        ),
    )
    yield page
    assert not complaints


@pytest.fixture
def member(page: Page) -> Page:
    """A page of somebody who is logged in (the administrator, whose menus have everything)."""
    log_in(page)
    return page


def log_in(page: Page, username: str = ADMIN, password: str = ADMIN_PASSWORD) -> None:
    """Log in as a person does."""
    page.goto("/login")
    page.get_by_label("Username", exact=False).fill(username)
    page.get_by_label("Password", exact=True).fill(password)
    page.locator("main").get_by_role("button", name="Log in").click()
    page.wait_for_url(lambda url: "/login" not in url)


def axe_violations(page: Page) -> list[str]:
    """What axe finds wrong by WCAG 2.0 to 2.2 A and AA, a line for each."""
    page.evaluate(AXE.read_text())  # by the debugger: a script tag of ours the CSP refuses
    result = page.evaluate(
        "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}})", AXE_RULES
    )
    return [
        f"{found['id']}: {node['target']} {node['failureSummary']}"
        for found in result["violations"]
        for node in found["nodes"]
    ]
