"""Many kinds of file, uploaded to the real site, transcoded by its jobs, fetched as a viewer would
and decoded: length, frames, orientation, sound."""

import io
from collections.abc import Callable
from math import sqrt
from pathlib import Path

import m3u8
import pytest

from app.core.jobs import drain
from tests.media import pipeline
from tests.media.sources import SOURCES, Source
from tests.transcoding.conftest import Person
from tests.transcoding.test_story import media_playlists

CORNERS = ("red", "green", "blue", "yellow")
#: One of each kind that differs on its way through the site; tests/media decodes every one.
KINDS = {
    "h264-mp4", "h264-mov-pcm", "h264-ts", "h264-flv", "h264-raw", "h264-10-bit", "h264-far-keys",
    "hevc-mp4", "hevc-10-bit-mkv", "vp8-webm", "vp9-webm", "av1-mp4", "mpeg4-avi", "prores-mov",
    "mjpeg-avi", "mpeg2-interlaced-ts", "wmv", "theora-ogg", "rotated-90", "rotated-180",
    "portrait", "vfr-mp4", "vfr-phone", "ntsc-mkv", "60-fps", "hdr-pq", "odd-size", "anamorphic",
    "no-audio", "mono", "5.1", "several-audio-tracks", "starts-at-10-s-mkv", "edit-list",
    "one-second", "one-frame", "gif", "mp3-with-cover", "wav",
}  # fmt: skip
#: Their names would be refused; what is inside would not.
RENAMED = {"h264-raw": "raw.mp4"}


@pytest.mark.parametrize(
    "source", [one for one in SOURCES if one.name in KINDS], ids=lambda one: one.name
)
async def test_every_kind_of_file_can_be_watched(
    source: Source, person: Person, source_file: Callable[[str], Path], tmp_path: Path
) -> None:
    path = source_file(source.name)
    if source.name in RENAMED:
        renamed = tmp_path / RENAMED[source.name]
        renamed.write_bytes(path.read_bytes())
        path = renamed
    video = await person.upload(path)
    await drain()
    details = await person.video(video)
    assert details["processingError"] is None
    assert details["state"]["id"] == 1
    assert details["duration"] == pytest.approx(round(source.seconds), abs=1)
    assert details["thumbnailPath"]
    (playlist,) = details["streamingPlaylists"]
    found = await media_playlists(person, playlist["playlistUrl"])
    pictures = [each for name, each in found.items() if "audio" not in name]
    sounds = [each for name, each in found.items() if "audio" in name]
    assert len(sounds) == len(source.channels)
    for number, each in enumerate(pictures):
        await check_picture(person, each, source, playlist["playlistUrl"], tmp_path / f"{number}")
    for number, each in enumerate(sounds):
        await check_sound(person, each, source, playlist["playlistUrl"], tmp_path / f"a{number}")


async def as_viewer(person: Person, playlist: m3u8.M3U8, master: str, path: Path) -> Path:
    """What a player gets: the beginning, then each segment by its range."""
    folder = master.rpartition("/")[0].partition("/static")[2]
    (beginning,) = {
        (each.init_section.uri, each.init_section.byterange) for each in playlist.segments
    }
    whole = io.BytesIO()
    ranges = [beginning, *((each.uri, each.byterange) for each in playlist.segments)]
    for uri, byterange in ranges:
        length, offset = (int(number) for number in byterange.split("@"))
        answer = await person.client.get(
            f"/static{folder}/{uri}", headers={"Range": f"bytes={offset}-{offset + length - 1}"}
        )
        assert answer.status == 206
        data = await answer.read()
        assert len(data) == length
        whole.write(data)
    path.write_bytes(whole.getvalue())
    return path


async def check_picture(
    person: Person, playlist: m3u8.M3U8, source: Source, master: str, path: Path
) -> None:
    decoded = pipeline.decode_video(await as_viewer(person, playlist, master, path))
    seconds = sum(each.duration or 0 for each in playlist.segments)
    assert seconds == pytest.approx(source.seconds, abs=max(source.slack, 0.15))
    width, height = decoded.middle.size
    if source.is_still:
        return
    assert (width > height) == (source.size[0] > source.size[1])
    assert width / height == pytest.approx(source.size[0] / source.size[1], rel=0.03)
    assert pipeline.corners(decoded.middle) == CORNERS
    frames = float(source.fps) * source.seconds
    if not source.name.startswith(("vfr", "120")):  # lower rungs have every second frame at most
        slack = 2 + source.slack * float(source.fps)
        assert min(abs(decoded.frames - frames), abs(decoded.frames - frames / 2)) <= slack


async def check_sound(
    person: Person, playlist: m3u8.M3U8, source: Source, master: str, path: Path
) -> None:
    values, rate = pipeline.samples(await as_viewer(person, playlist, master, path))
    assert len(values) / rate == pytest.approx(source.seconds, abs=0.3)
    middle = values[int(len(values) * 0.45) : int(len(values) * 0.55)]
    assert sqrt(sum(value * value for value in middle) / len(middle)) > 0.05
