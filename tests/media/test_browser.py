"""Real Chromium plays what the packager writes: from zero, without holes, also while it grows."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from playwright.async_api import Page, async_playwright

from app.media import audio, package, playlists, transcode
from tests.media import pipeline
from tests.media.sources import AAC, X264, picture, run, tone

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

HLS = Path(__file__).parents[2] / "app/static/vendor/hls.mjs"
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--mute-audio"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
    "--autoplay-policy=no-user-gesture-required",
]
PAGE = """<!doctype html><video id="v" muted></video><script type="module">
import Hls from "/hls.mjs";
window.problems = [];
window.hls = new Hls({ lowLatencyMode: false, startPosition: 0, debug: false });
hls.on(Hls.Events.ERROR, (_, data) => problems.push([data.type, data.details, data.fatal]));
window.play = (url) => { hls.loadSource(url); hls.attachMedia(v); return v.play(); };
window.ready = true;
</script>"""
STATE = """() => ({time: v.currentTime, ended: v.ended, duration: v.duration, problems,
  start: v.buffered.length ? v.buffered.start(0) : null, ranges: v.buffered.length,
  frames: v.getVideoPlaybackQuality().totalVideoFrames})"""


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Callable[[Path], Awaitable[str]]]:
    """Serve a folder, hls.js and a page on loopback."""
    runners: list[web.AppRunner] = []

    async def start(folder: Path) -> str:
        shutil.copy(HLS, folder / "hls.mjs")
        (folder / "index.html").write_text(PAGE)
        site = web.Application()
        site.router.add_static("/", folder)
        runner = web.AppRunner(site, access_log=None)
        await runner.setup()
        runners.append(runner)
        where = web.TCPSite(runner, "127.0.0.1", 0)
        await where.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield await browser.new_page()
        await browser.close()


async def open_player(page: Page, url: str) -> None:
    await page.goto(f"{url}/index.html")
    await page.wait_for_function("window.ready")


@pytest.mark.parametrize("name", ["h264-mp4", "ntsc-mkv", "rotated-90", "60-fps", "mp3", "vfr-mp4"])
async def test_chromium_plays_to_the_end(
    name: str,
    source_file: Callable[[str], Path],
    tmp_path: Path,
    page: Page,
    serve: Callable[[Path], Awaitable[str]],
) -> None:
    made = await pipeline.run(source_file(name), tmp_path)
    await open_player(page, await serve(tmp_path))
    await page.evaluate("play('master.m3u8')")
    await page.wait_for_function("v.ended", timeout=240_000)
    state = await page.evaluate(STATE)
    assert state["problems"] == []
    assert state["start"] == 0
    assert state["ranges"] == 1
    assert state["duration"] == pytest.approx(float(made.plan.duration), abs=0.15)


async def test_every_rung_decodes_in_chromium(
    source_file: Callable[[str], Path],
    tmp_path: Path,
    page: Page,
    serve: Callable[[Path], Awaitable[str]],
) -> None:
    made = await pipeline.run(
        source_file("h264-mp4"), tmp_path, replace(pipeline.SETTINGS, may_copy=False)
    )
    url = await serve(tmp_path)
    for rung in made.plan.rungs:
        await open_player(page, url)
        await page.evaluate(f"play('{rung.name}.m3u8')")
        await page.wait_for_function("v.ended", timeout=240_000)
        state = await page.evaluate(STATE)
        assert state["problems"] == []
        assert (state["start"], state["ranges"]) == (0, 1)
        assert state["frames"] >= 100


async def test_a_viewer_of_a_growing_film_sees_its_end(
    tmp_path: Path, page: Page, serve: Callable[[Path], Awaitable[str]]
) -> None:
    """Chunks appear in EVENT playlists while they are watched, and the last one ends them."""
    source = tmp_path / "source.mp4"
    run(*picture(seconds=12), *tone(12), *X264, *AAC, source)
    folder = tmp_path / "www"
    folder.mkdir()
    settings = replace(pipeline.SETTINGS, resolutions=(96,), chunk_seconds=(4, 4))
    made = await pipeline.prepare(source, folder, settings)
    plan, length = made.plan, made.plan.segment_seconds
    rung, track = plan.encoded[0], plan.audio[0]
    sound = await audio.encode_audio(source, plan, track, folder / "sound.mp4")
    sounds = package.index(sound, segment_seconds=length)
    video: list[tuple[str, package.Rendition]] = []
    pieces: list[tuple[str, package.Rendition]] = []
    cuts = [0, 2, 4, 5]  # sound comes in segments of two seconds

    async def publish_chunk(number: int) -> None:
        chunk = plan.chunks[number]
        file = (await transcode.encode_chunk(source, plan, chunk, [rung], folder))[rung.name]
        video.append((file.name, package.index(file, segment_seconds=length)))
        piece = folder / f"sound-{number}.mp4"
        first, end = cuts[number], cuts[number + 1]
        cut = package.cut(sound, piece, first=first, end=end, segment_seconds=length)
        pieces.append((piece.name, cut))
        is_last = chunk is plan.chunks[-1]
        write("v.m3u8", playlists.event_playlist(video, target_seconds=1, is_complete=is_last))
        write("a.m3u8", playlists.event_playlist(pieces, target_seconds=2, is_complete=is_last))

    def write(name: str, text: str) -> None:
        part = folder / f"{name}.part"
        part.write_text(text)
        part.replace(folder / name)

    await publish_chunk(0)
    variant = playlists.Variant("v.m3u8", "v.mp4", video[0][1], bandwidth=200_000)
    sound_variant = playlists.AudioVariant("a.m3u8", "sound.mp4", sounds, "en", "en", True)
    write("master.m3u8", playlists.master_playlist([variant], [sound_variant]))
    await open_player(page, await serve(folder))
    await page.evaluate("play('master.m3u8')")
    await page.wait_for_function("v.currentTime > 1", timeout=240_000)
    await publish_chunk(1)
    await page.wait_for_function("v.buffered.end(0) > 7.5", timeout=240_000)
    await publish_chunk(2)
    await page.wait_for_function("v.ended", timeout=240_000)
    state = await page.evaluate(STATE)
    waited = {"bufferStalledError"}  # a chunk that comes late is waited for, no more
    assert [one for one in state["problems"] if one[2] or one[1] not in waited] == []
    assert (state["start"], state["ranges"]) == (0, 1)
    assert state["duration"] == pytest.approx(12, abs=0.1)
