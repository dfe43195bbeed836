"""A video's way from its upload to its whole ladder, with real ffmpeg, one job after the other."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import m3u8
import pytest

from app.core.db import fetchval
from app.core.jobs import drain
from app.core.jobs_attempt import attempt, claim
from app.core.storage import storage
from tests.media import pipeline
from tests.media.sources import X264, Source, fetch, film
from tests.transcoding.conftest import Person, jobs, scratch_files, stored

HALF_AN_HOUR, TWO_HOURS = timedelta(minutes=30), timedelta(hours=2)


@pytest.fixture
def twenty_seconds(media_files: Path) -> Path:
    """A film that must be encoded again, picture and sound, of three chunks."""
    make = film(*X264, "-pix_fmt", "yuv420p10le", "-c:a", "ac3", seconds=20)
    return fetch(Source("twenty-seconds", "a.mkv", make), media_files)


async def run_next(kind: str) -> None:
    """Run the oldest queued job of a kind."""
    job_id = await fetchval(
        "SELECT id FROM job WHERE kind = $1 AND state = 'queued' ORDER BY run_at, id LIMIT 1", kind
    )
    claimed = await claim(job_id, worker="test", ahead=HALF_AN_HOUR)
    assert claimed is not None
    assert await attempt(claimed) == "done"


async def test_a_source_that_must_be_encoded_plays_after_its_first_chunk(
    person: Person, twenty_seconds: Path
) -> None:
    video = await person.upload(twenty_seconds)
    assert (await person.video(video))["state"]["id"] == 2
    assert (await person.progress(video))["phase"] == "queued"

    await run_next("transcoding.prepare")
    details, progress = await person.video(video), await person.progress(video)
    assert details["state"]["id"] == 2
    assert details["duration"] == 20
    assert details["streamingPlaylists"] == []
    assert (progress["phase"], progress["progress"]) == ("encoding", 0)
    assert progress["resolutions"] == [180, 144]

    await run_next("transcoding.sound")
    assert (await person.video(video))["state"]["id"] == 2
    await run_next("transcoding.chunk")
    details, progress = await person.video(video), await person.progress(video)
    assert details["state"]["id"] == 1
    assert details["publishedAt"]
    assert progress["playable"]
    assert not progress["complete"]
    assert 0.15 < progress["progress"] < 0.25
    master_url = details["streamingPlaylists"][0]["playlistUrl"]
    growing = await media_playlists(person, master_url)
    assert {name: playlist.playlist_type for name, playlist in growing.items()} == dict.fromkeys(
        growing, "event"
    )
    videos = [playlist for name, playlist in growing.items() if "audio" not in name]
    assert len(videos) == 2
    assert [len(playlist.segments) for playlist in videos] == [1, 1]
    assert not any(playlist.is_endlist for playlist in videos)
    begun = {name: [str(s.uri) for s in each.segments] for name, each in growing.items()}

    await run_next("transcoding.chunk")
    longer = await media_playlists(person, master_url)
    assert longer.keys() == growing.keys()
    for name, playlist in longer.items():
        uris = [str(segment.uri) for segment in playlist.segments]
        assert uris[: len(begun[name])] == begun[name]
    assert [len(each.segments) for name, each in longer.items() if "audio" not in name] == [3, 3]

    await drain()
    details, progress = await person.video(video), await person.progress(video)
    assert (progress["phase"], progress["progress"]) == ("done", 1)
    files = details["streamingPlaylists"][0]["files"]
    assert [file["resolution"]["id"] for file in files] == [180, 144, 0]
    whole = await media_playlists(person, details["streamingPlaylists"][0]["playlistUrl"])
    assert all(each.playlist_type == "vod" and each.is_endlist for each in whole.values())
    for file in files[:2]:
        key = file["fileUrl"].partition("/static/streaming-playlists/")[2]
        async with storage().local(key) as path:
            decoded = pipeline.decode_video(path)
        assert decoded.frames == 20 * 30
        assert len(decoded.deltas) == 1
    # whoever began with the growing playlist can go on with it for a while
    assert await media_playlists(person, master_url)

    await drain(ahead=TWO_HOURS)
    assert {state for _, state in await jobs()} == {"done"}
    await nothing_but_the_named_is_stored(video["uuid"])
    assert scratch_files() == []


async def test_a_web_safe_source_plays_when_it_was_looked_at(
    person: Person, source_file: Callable[[str], Path]
) -> None:
    video = await person.upload(source_file("h264-mp4"))
    await run_next("transcoding.prepare")
    details = await person.video(video)
    assert details["state"]["id"] == 1
    assert details["thumbnailPath"]
    first = await media_playlists(person, details["streamingPlaylists"][0]["playlistUrl"])
    assert len(first) == 2  # the source's own picture and sound
    assert all(each.is_endlist for each in first.values())
    assert not (await person.progress(video))["complete"]

    await drain()
    assert (await person.progress(video))["phase"] == "done"
    details = await person.video(video)
    files = details["streamingPlaylists"][0]["files"]
    assert [file["resolution"]["id"] for file in files] == [180, 144, 0]
    hashes = json.loads(await person.text(details["streamingPlaylists"][0]["segmentsSha256Url"]))
    assert set(hashes) == {file["fileUrl"].rpartition("/")[2] for file in files}
    await drain(ahead=TWO_HOURS)
    await nothing_but_the_named_is_stored(video["uuid"])
    assert await fetchval("SELECT count(*) FROM transcoding_chunk") == 0


async def media_playlists(person: Person, master_url: str) -> dict[str, m3u8.M3U8]:
    """Every media playlist that a master names, by its address."""
    master = m3u8.loads(await person.text(master_url))
    folder = master_url.rpartition("/")[0]
    uris = [each.uri for each in [*master.playlists, *master.media]]
    return {uri: m3u8.loads(await person.text(f"{folder}/{uri}")) for uri in uris}


async def nothing_but_the_named_is_stored(uuid: str) -> None:
    """What lies in storage is exactly what the rows name."""
    playlist = json.loads(await fetchval("SELECT playlist FROM video WHERE uuid = $1", uuid))
    named = {f"hls/{uuid}/{name}" for name in playlist["files"]}
    named |= {f"thumbnails/{uuid}-{size}.jpg" for size in ("small", "medium", "large")}
    named |= {f"storyboards/{uuid}.jpg", await fetchval("SELECT key FROM video_source")}
    assert set(await stored()) == named
