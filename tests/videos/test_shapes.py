"""Our JSON of videos against PeerTube's published description, and against our own."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from app.videos import answers, queries
from app.videos.details import video_details_json
from app.videos.filters import VideoFilter
from app.videos.models import Rendition, Video
from app.videos.summaries import video_json
from tests.contract.peertube import ensure_answers
from tests.factories import channel_of, make_user, make_video


async def make_full_video() -> Video:
    """A video with everything that the JSON tells."""
    user = await make_user()
    channel = await channel_of(user)
    channel.avatars = [{"width": 48, "height": 48, "filename": "a-48.jpg"}]
    await channel.save()
    video = await make_video(
        channel,
        description="A long story. " * 40,
        support="Support us",
        tags=["one", "two"],
        category=15,
        licence=2,
        language="en",
        aspect_ratio=1.7778,
        thumbnails=[
            {"width": 280, "height": 157, "filename": "small.jpg"},
            {"width": 850, "height": 480, "filename": "medium.jpg"},
        ],
        storyboard={
            "filename": "board.jpg",
            "tile_width": 192,
            "tile_height": 108,
            "columns": 11,
            "rows": 3,
            "interval": 2.0,
            "count": 31,
        },
        playlist={"master": "m.m3u8", "dash": "d.mpd", "complete": True},
        originally_published_at=datetime(2010, 1, 2, tzinfo=UTC),
        nsfw_flags=3,
    )
    await Rendition.create(
        video=video,
        resolution=720,
        width=1280,
        height=720,
        fps=29.97,
        codecs="avc1.64001f",
        bandwidth=3_000_000,
        average_bandwidth=2_000_000,
        filename="v720.mp4",
        playlist_filename="v720.m3u8",
        size=1_234_567,
    )
    await Rendition.create(
        video=video,
        resolution=0,
        codecs="mp4a.40.2",
        bandwidth=130_000,
        average_bandwidth=128_000,
        filename="audio.mp4",
        playlist_filename="audio.m3u8",
        size=99_999,
    )
    return video


async def a_list() -> dict[str, Any]:
    rows = await queries.list_videos(VideoFilter(), None)
    answer: dict[str, Any] = msgspec.json.decode(video_json(rows, len(rows)))
    return answer


async def a_detail(video: Video) -> dict[str, Any]:
    row = await queries.get_video(str(video.id), None)
    answer: dict[str, Any] = msgspec.json.decode(video_details_json(row))
    return answer


async def test_a_list_is_peertubes(db: None) -> None:
    await make_full_video()
    await make_video()
    ensure_answers("VideoListResponse", await a_list())


async def test_a_detail_is_peertubes(db: None) -> None:
    answer = await a_detail(await make_full_video())
    ensure_answers("VideoDetails", answer)


async def test_the_hot_path_writes_what_our_openapi_says(db: None) -> None:
    video = await make_full_video()
    summary = (await a_list())["data"][0]
    answers.Video.model_validate(summary)
    assert set(summary) == _names(answers.Video)
    detail = await a_detail(video)
    answers.VideoDetails.model_validate(detail)
    assert set(detail) == _names(answers.VideoDetails)
    assert set(detail["streamingPlaylists"][0]["files"][0]) == _names(answers.VideoFile)


def _names(model: type[Any]) -> set[str]:
    return {info.alias or name for name, info in model.model_fields.items()}


async def test_a_client_finds_what_it_plays(db: None) -> None:
    video = await make_full_video()
    playlist = (await a_detail(video))["streamingPlaylists"][0]
    base = f"http://127.0.0.1:9000/static/streaming-playlists/hls/{video.uuid}/"
    assert playlist["playlistUrl"] == base + "m.m3u8"
    first, sound = playlist["files"]
    assert first["fileUrl"] == base + "v720.mp4"
    assert first["resolution"] == {"id": 720, "label": "720p"}
    assert (first["size"], first["fps"]) == (1_234_567, 29.97)
    assert (first["hasAudio"], first["hasVideo"]) == (False, True)
    assert sound["resolution"] == {"id": 0, "label": "Audio only"}
    assert (sound["hasAudio"], sound["hasVideo"]) == (True, False)


async def test_a_list_cuts_descriptions_and_names_pictures(db: None) -> None:
    video = await make_full_video()
    summary = (await a_list())["data"][0]
    assert len(summary["truncatedDescription"]) == 250
    assert summary["truncatedDescription"].endswith("...")
    assert summary["thumbnailPath"] == "/lazy-static/thumbnails/small.jpg"
    assert summary["previewPath"] == "/lazy-static/previews/medium.jpg"
    assert summary["embedPath"] == f"/videos/embed/{video.uuid}"
    assert summary["category"] == {"id": 15, "label": "Science & Technology"}
    assert summary["language"] == {"id": "en", "label": "English"}
    assert summary["originallyPublishedAt"] == "2010-01-02T00:00:00.000Z"


async def test_what_is_unknown_is_called_so(db: None) -> None:
    await make_video()
    summary = (await a_list())["data"][0]
    unknown = {"id": None, "label": "Unknown"}
    assert [summary[name] for name in ("category", "licence", "language")] == [unknown] * 3
    assert summary["thumbnailPath"] is None


@pytest.mark.parametrize("changed", ["display_name", "avatars"])
async def test_a_changed_channel_shows_at_once(db: None, changed: str) -> None:
    video = await make_full_video()
    before = (await a_list())["data"][0]["channel"]
    channel = await video.channel
    if changed == "display_name":
        channel.display_name = "Another name"
    else:
        channel.avatars = []
    await channel.save()
    assert (await a_list())["data"][0]["channel"] != before
