"""A person uploads: chosen or dragged files, paused, cut off, gone on with after a reload."""

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.conftest import PATIENCE, PHONE, eventually, log_in, make_clip
from tests.e2e.test_pages import ensure_accessible
from tests.site import Site

CHUNKS = "**/api/v1/videos/upload-resumable?upload_id=*"


@pytest.fixture
def upload_page(member: Page) -> Page:
    """The upload page of somebody who is logged in."""
    member.goto("/upload")
    member.locator(".drop-zone").wait_for()
    return member


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film with so much behind it that sending it takes several chunks."""
    film = make_clip(tmp_path_factory.mktemp("large") / "A large film.mp4", seconds=6)
    with film.open("ab") as file:
        size = 70 << 20
        # an MP4 box "free" that players skip
        file.write(size.to_bytes(4, "big") + b"free" + bytes(size - 8))
    return film


def row(page: Page, title: str) -> Any:
    """The row of a file."""
    return page.locator(".upload-row").filter(
        has=page.locator(f"input[aria-label='Title: {title}']")
    )


def test_a_password_is_asked_for_where_one_is_wanted(upload_page: Page) -> None:
    password = upload_page.locator("input[name='videoPasswords[]']")
    expect(password).to_be_hidden()
    upload_page.locator("input[name='privacy'][value='5']").check()
    expect(password).to_be_visible()


def test_several_files_with_their_own_titles(upload_page: Page, tmp_path: Path) -> None:
    films = [make_clip(tmp_path / f"clip_{number}.mp4", seconds=3) for number in (1, 2, 3)]
    upload_page.locator("input[type=file]").set_input_files(films)
    expect(upload_page.locator(".upload-row")).to_have_count(3)
    title = row(upload_page, "clip_2.mp4").locator("input")
    expect(title).to_have_value("clip 2")
    title.fill("The second one")
    title.press("Tab")
    for film in films:
        link = row(upload_page, film.name).get_by_role("link", name="To the video")
        expect(link).to_be_visible(timeout=PATIENCE * 1000)
    ensure_accessible(upload_page)
    address = row(upload_page, "clip_2.mp4").get_by_role("link").get_attribute("href")
    assert address is not None
    eventually(
        lambda: "The second one" in upload_page.request.get(address).text(),
        what="the title is the one that was typed",
    )


def test_files_can_be_dropped(upload_page: Page, clip: Path) -> None:
    transfer = upload_page.evaluate_handle(
        "bytes => { const transfer = new DataTransfer(); transfer.items.add(new File("
        "[Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], 'dropped.mp4',"
        " {type: 'video/mp4'})); return transfer; }",
        b64encode(clip.read_bytes()).decode(),
    )
    upload_page.dispatch_event(".drop-zone", "drop", {"dataTransfer": transfer})
    link = row(upload_page, "dropped.mp4").get_by_role("link", name="To the video")
    expect(link).to_be_visible(timeout=PATIENCE * 1000)


def test_a_refused_file_says_why(upload_page: Page, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no film")
    upload_page.locator("input[type=file]").set_input_files(text)
    state = row(upload_page, "notes.txt").locator(".upload-state")
    expect(state).to_contain_text("cannot become videos")
    ensure_accessible(upload_page)


def test_pause_resume_cancel(upload_page: Page, large: Path) -> None:
    held: list[Route] = []
    upload_page.route(CHUNKS, lambda route: held.append(route))
    upload_page.locator("input[type=file]").set_input_files(large)
    mine = row(upload_page, large.name)
    eventually(lambda: held, what="a chunk is on its way", page=upload_page)
    mine.get_by_role("button", name="Pause").click()
    expect(mine.locator(".upload-state")).to_contain_text("Paused")
    ensure_accessible(upload_page)
    upload_page.unroute(CHUNKS)
    mine.get_by_role("button", name="Go on").click()
    expect(mine.get_by_role("link", name="To the video")).to_be_visible(timeout=PATIENCE * 1000)
    held.clear()
    upload_page.route(CHUNKS, lambda route: held.append(route))
    upload_page.locator("input[type=file]").set_input_files(large)
    again = upload_page.locator(".upload-row[data-state='sending']")
    eventually(lambda: held, what="a chunk is on its way", page=upload_page)
    upload_page.unroute(CHUNKS)
    with upload_page.expect_response(lambda answer: answer.request.method == "DELETE"):
        again.get_by_role("button", name="Cancel").click()
    expect(upload_page.locator(".upload-row")).to_have_count(1)


def test_a_cut_connection_is_told_and_mended(upload_page: Page, large: Path) -> None:
    chunks = 0

    def cut_the_second(route: Route) -> None:
        nonlocal chunks
        chunks += 1
        if chunks == 2:
            route.abort("connectionreset")
        else:
            route.continue_()

    upload_page.route(CHUNKS, cut_the_second)
    states: list[str] = []
    upload_page.expose_function("noteState", lambda state: states.append(state))
    upload_page.evaluate(
        "() => new MutationObserver(() => noteState(document.querySelector('.upload-row')"
        "?.dataset.state ?? '')).observe(document.querySelector('.upload-list'),"
        " {subtree: true, childList: true, attributeFilter: ['data-state']})"
    )
    upload_page.locator("input[type=file]").set_input_files(large)
    link = row(upload_page, large.name).get_by_role("link", name="To the video")
    expect(link).to_be_visible(timeout=PATIENCE * 1000)
    assert "cut" in states


def test_an_upload_goes_on_after_the_page_was_closed(upload_page: Page, large: Path) -> None:
    chunks: list[str] = []

    def only_the_first(route: Route) -> None:
        chunks.append(route.request.headers.get("content-range", ""))
        if len(chunks) == 1:
            route.continue_()  # the others hang: the page is closed meanwhile

    upload_page.route(CHUNKS, only_the_first)
    upload_page.locator("input[type=file]").set_input_files(large)
    eventually(lambda: len(chunks) == 2, what="the second chunk comes", page=upload_page)
    upload_page.unroute(CHUNKS)
    upload_page.on("dialog", lambda dialog: dialog.accept())
    upload_page.reload()
    expect(upload_page.get_by_text("did not arrive whole")).to_contain_text(large.name)
    ensure_accessible(upload_page)
    sent: list[str] = []
    upload_page.on(
        "request",
        lambda request: (
            sent.append(request.headers.get("content-range", ""))
            if request.method == "PUT"
            else None
        ),
    )
    upload_page.locator("input[type=file]").set_input_files(large)
    link = row(upload_page, large.name).get_by_role("link", name="To the video")
    expect(link).to_be_visible(timeout=PATIENCE * 1000)
    size = large.stat().st_size
    assert sent[0] == f"bytes */{size}"
    first = int(sent[1].removeprefix("bytes ").partition("-")[0])
    assert first >= 32 << 20, "what had arrived is not sent again"
    assert upload_page.get_by_text("did not arrive whole").count() == 0


@pytest.fixture
def plain_page(browser: Browser, site: Site) -> Iterator[Page]:
    """A phone's page without JavaScript."""
    context = browser.new_context(
        base_url=site.url, java_script_enabled=False, viewport=PHONE, locale="en-GB"
    )
    context.set_default_timeout(PATIENCE * 1000)
    yield context.new_page()
    context.close()


def test_without_javascript_a_form_uploads(plain_page: Page, clip: Path) -> None:
    log_in(plain_page)
    plain_page.goto("/upload")
    plain_page.locator("input[type=file]").set_input_files(clip)
    plain_page.get_by_label("Title").fill("Sent by a plain form")
    plain_page.locator("main").get_by_role("button", name="Upload").click()
    expect(plain_page.get_by_role("heading", level=1)).to_have_text("Sent by a plain form")
