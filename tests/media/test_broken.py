"""Bad files get their own reason, reach for nothing and leave nothing behind."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from app.media import ffmpeg, ladder, probe, transcode
from app.media.errors import MediaError, Reason
from app.media.limits import ENCODE_LIMITS
from tests.media.broken import BROKEN, Broken
from tests.media.pipeline import SETTINGS


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.name)
async def test_every_kind_of_bad_file(broken: Broken, source_file: Callable[[str], Path]) -> None:
    path = source_file(broken.name)
    before = sorted(path.parent.iterdir())
    with pytest.raises(MediaError) as caught:
        await probe.probe(path)
    assert caught.value.reason is broken.reason, caught.value
    assert caught.value.is_files_fault
    assert caught.value.message[0].isupper()
    assert caught.value.message.endswith(".")
    assert sorted(path.parent.iterdir()) == before


@pytest.mark.parametrize("container", ["hls", "concat", "dash", "image2", "lavfi", "sdp", "tee"])
def test_containers_that_reach_for_other_files_are_never_opened(container: str) -> None:
    with pytest.raises(MediaError) as caught:
        ffmpeg.source(Path("a"), container)
    assert caught.value.reason is Reason.NOT_MEDIA


async def test_an_input_that_was_not_made_by_source_is_refused() -> None:
    with pytest.raises(ValueError, match="every input"):
        await ffmpeg.run(["-i", "http://127.0.0.1/", "-f", "null", "-"])


async def test_ffmpeg_itself_refuses_a_playlist_behind_a_good_name(
    source_file: Callable[[str], Path], tmp_path: Path
) -> None:
    """Should a file change between probe and encode, the child still opens one container only."""
    good = await probe.probe(source_file("h264-mp4"))
    plan = ladder.plan(good, replace(SETTINGS, may_copy=False))
    with pytest.raises(MediaError) as caught:
        await transcode.encode_chunk(
            source_file("hls-as-mp4"), plan, plan.chunks[0], plan.encoded, tmp_path
        )
    assert caught.value.reason is Reason.DAMAGED
    assert list(tmp_path.iterdir()) == []


async def test_a_playlist_does_not_reach_the_network(tmp_path: Path) -> None:
    reached = asyncio.Event()

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        for name in ("a.m3u8", "a.mp4", "a.mkv"):
            playlist = tmp_path / name
            playlist.write_text(
                f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nhttp://127.0.0.1:{port}/x.ts\n"
                "#EXT-X-ENDLIST\n"
            )
            with pytest.raises(MediaError):
                await probe.probe(playlist)
    assert not reached.is_set()


async def test_a_file_that_breaks_in_its_middle_still_gives_every_frame(
    source_file: Callable[[str], Path], tmp_path: Path
) -> None:
    """Damage that players bear is no reason to refuse a film: the time line has no hole."""
    data = bytearray(source_file("mpeg4-mp4").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    path = tmp_path / "a.mp4"
    path.write_bytes(bytes(data))
    plan = ladder.plan(await probe.probe(path), SETTINGS)
    parts = await transcode.encode_chunk(
        path, plan, transcode.whole(plan), plan.encoded, tmp_path, limits=ENCODE_LIMITS
    )
    assert len(parts) == 2
