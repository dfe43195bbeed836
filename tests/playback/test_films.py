"""Films to take along: picture and sound in one file, whole or in parts, from disk and bucket."""

import io
from collections.abc import Iterator

import av
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from app.core.storage import storage
from app.playback.films import Source, weave
from app.videos.models import Rendition, Video
from tests.media import pipeline
from tests.playback.conftest import MakeFilm

Client = TestClient[web.Request, web.Application]


async def parts_of(video: Video) -> tuple[Rendition, Rendition]:
    """The larger picture and the sound."""
    picture, _, sound = await Rendition.filter(video_id=video.id).order_by("-resolution")
    return picture, sound


async def address(video: Video) -> str:
    """Where the film is."""
    picture, sound = await parts_of(video)
    ids = f"videoFileIds={picture.id}&videoFileIds={sound.id}"
    return f"/download/videos/generate/{video.uuid}?{ids}"


def source_of(video: Video, rendition: Rendition) -> Source:
    """Where a part of a film is in storage."""
    folder = f"hls/{video.uuid}/"
    return Source(folder + rendition.filename, folder + rendition.playlist_filename)


def packets(data: bytes, kind: str) -> Iterator[tuple[int | None, int | None, bytes]]:
    """Times and bytes of every packet of a track."""
    with av.open(io.BytesIO(data), "r") as container:
        stream = next(each for each in container.streams if each.type == kind)
        for packet in container.demux(stream):
            if packet.size:
                yield packet.pts, packet.dts, bytes(packet)


async def test_a_film_has_every_packet_of_its_parts(
    client: Client, make_film: MakeFilm, transcoded: pipeline.Made
) -> None:
    video = await make_film(name="The harbour")
    answer = await client.get(await address(video))
    data = await answer.read()
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Content-Length"] == str(len(data))
    assert answer.headers["Content-Disposition"].endswith("The%20harbour%20-%20180p.mp4")
    for name, kind in (("180p", "video"), ("audio-0", "audio")):
        assert list(packets(data, kind)) == list(packets(transcoded.files[name].read_bytes(), kind))
    with av.open(io.BytesIO(data), "r") as container:
        assert container.duration is not None
        assert container.duration == pytest.approx(4_000_000, abs=100_000)


async def test_picture_and_sound_come_together(client: Client, make_film: MakeFilm) -> None:
    """Whoever plays a film while it arrives waits for neither."""
    data = await (await client.get(await address(await make_film()))).read()
    furthest = {"video": 0.0, "audio": 0.0}
    with av.open(io.BytesIO(data), "r") as container:
        for packet in container.demux():
            if packet.pts is not None and packet.time_base is not None:
                furthest[packet.stream.type] = float(packet.pts * packet.time_base)
                assert abs(furthest["video"] - furthest["audio"]) < 3


async def test_parts_of_a_film_are_parts_of_it(client: Client, make_film: MakeFilm) -> None:
    url = await address(await make_film())
    whole = await client.get(url)
    data, tag = await whole.read(), whole.headers["ETag"]
    size = len(data)
    for first, last in ((0, 0), (0, size - 1), (5, 1500), (1000, 70_000), (size - 9, size - 1)):
        asked = {"Range": f"bytes={first}-{last}", "If-Range": tag}
        answer = await client.get(url, headers=asked)
        assert answer.status == 206
        assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{size}"
        assert await answer.read() == data[first : last + 1]
    beyond = await client.get(url, headers={"Range": f"bytes={size}-"})
    assert (beyond.status, await beyond.read()) == (416, b"")
    same = await client.get(url, headers={"If-None-Match": tag})
    assert (same.status, await same.read()) == (304, b"")
    head = await client.head(url)
    assert (head.status, head.headers["Content-Length"]) == (200, str(size))
    assert await head.read() == b""


async def test_a_film_of_a_lost_file_is_not_there(client: Client, make_film: MakeFilm) -> None:
    video = await make_film()
    _, sound = await parts_of(video)
    await storage().delete(f"hls/{video.uuid}/{sound.filename}")
    assert (await client.get(await address(video))).status == 404


async def test_any_part_of_a_film(db: None, make_film: MakeFilm) -> None:
    video = await make_film()
    picture, sound = await parts_of(video)
    film = await weave(source_of(video, picture), source_of(video, sound))
    whole = b"".join([block async for block in film.read(0, film.size)])
    assert len(whole) == film.size
    for start in range(0, film.size, 9973):
        for length in (1, 4096, 50_000):
            part = b"".join([block async for block in film.read(start, length)])
            assert part == whole[start : start + length]
