"""A long sound track is published in parts while it is encoded; its playlist only grows."""

import asyncio
from pathlib import Path

import m3u8
import pytest

from app.core.db import fetch, fetchval
from app.core.jobs import drain
from app.media import audio
from app.media.ffmpeg import OnProgress
from tests.media.sources import X264, Source, picture, run, tone
from tests.media.sources import fetch as fetch_file
from tests.transcoding.conftest import Person
from tests.transcoding.test_story import media_playlists, run_next


@pytest.fixture
def a_minute(media_files: Path) -> Path:
    """A minute of hardly any picture that must be encoded again, with AC-3 sound."""
    small = picture((64, 64), rate="5", seconds=60)
    codecs = (*X264, "-pix_fmt", "yuv420p10le", "-c:a", "ac3")
    make = lambda path: run(*small, *tone(60), *codecs, path)  # noqa: E731
    return fetch_file(Source("a-minute", "a.mkv", make), media_files)


async def test_its_beginning_plays_before_its_end_is_there(
    person: Person, a_minute: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The encoder stands still twice, until its parts have been published."""
    video = await person.upload(a_minute)
    await run_next("transcoding.prepare")
    await run_next("transcoding.chunk")
    assert not (await person.progress(video))["playable"]
    encode = audio.encode_audio
    seen: list[list[str]] = []

    async def slowly(*arguments: object, on_progress: OnProgress, **more: object) -> object:
        path = await encode(*arguments, **more)  # type: ignore[arg-type]
        data = path.read_bytes()
        for part in (0.2, 0.8):
            path.write_bytes(data[: int(len(data) * part)])
            on_progress(part)
            seen.append(await uris_of_sound(person, video, after=len(seen)))
        path.write_bytes(data)
        return path

    monkeypatch.setattr(audio, "encode_audio", slowly)
    await run_next("transcoding.sound")
    first, second = seen
    assert 0 < len(first) < len(second)
    assert second[: len(first)] == first
    playlist = await sound_playlist(person, video)
    whole = [str(segment.uri) for segment in playlist.segments]
    assert whole[: len(second)] == second
    assert playlist.is_endlist
    assert sum(segment.duration or 0 for segment in playlist.segments) == pytest.approx(60, abs=0.1)
    assert len({(str(each.uri), each.byterange) for each in playlist.segments}) == len(whole)

    await drain()
    assert await fetchval("SELECT count(*) FROM rendition WHERE resolution = 0") == 1
    files = await fetch("SELECT filename FROM rendition WHERE resolution = 0")
    playlist = await sound_playlist(person, video)
    assert {str(each.uri) for each in playlist.segments} == {files[0]["filename"]}


async def sound_playlist(person: Person, video: dict[str, object]) -> m3u8.M3U8:
    """The playlist of the sound, as a viewer gets it."""
    (playlist,) = (await person.video(video))["streamingPlaylists"]
    found = await media_playlists(person, playlist["playlistUrl"])
    return next(each for name, each in found.items() if "audio" in name)


async def uris_of_sound(person: Person, video: dict[str, object], *, after: int) -> list[str]:
    """What the sound's playlist lists, once `after` parts and one more are published."""
    parts = "SELECT jsonb_array_length(parts) FROM transcoding_sound"
    async with asyncio.timeout(30):
        while await fetchval(parts) <= after:
            await asyncio.sleep(0.05)
    return [str(segment.uri) for segment in (await sound_playlist(person, video)).segments]
