"""The life of a video: made, playable, published once, failed, tried again, deleted."""

from typing import Any

import pytest

from app.core import events
from app.core.errors import ConflictError, InvalidError, NotFoundError
from app.core.ids import new_uuid
from app.videos import service
from app.videos.events import VideoCreated, VideoDeleted, VideoPublished, VideoUpdated
from app.videos.models import Rendition, Video, VideoSource, VideoState
from app.videos.schemas import VideoCreate, VideoUpdate
from app.videos.service import NewRendition, NewSource
from tests.factories import channel_of, make_user, make_video

SOURCE = NewSource(filename="holiday.mov", key="originals/x/y.mov", size=1234)
GROWING = {"master": "m.m3u8", "dash": None, "complete": False}
COMPLETE = GROWING | {"complete": True}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What was published, while the features above hear nothing."""
    heard: list[object] = []

    async def hear(event: object) -> None:
        heard.append(event)

    kinds = (VideoCreated, VideoPublished, VideoUpdated, VideoDeleted)
    monkeypatch.setattr(events, "_subscribers", {kind: [hear] for kind in kinds})
    return heard


async def make_new(**metadata: Any) -> Video:
    user = await make_user()
    channel = await channel_of(user)
    return await service.create_video(
        user.id, channel.id, VideoCreate(name="Holiday", **metadata), SOURCE
    )


async def test_a_new_video_waits_to_be_transcoded(db: None, told: list[object]) -> None:
    user, uuid = await make_user(), new_uuid()
    channel = await channel_of(user)
    made = await service.create_video(
        user.id, channel.id, VideoCreate(name="Holiday", tags=["sea"]), SOURCE, uuid=uuid
    )
    video = await Video.get(id=made.id)
    assert (video.state, video.uuid, video.tags) == (VideoState.TO_TRANSCODE, uuid, ["sea"])
    assert video.published_at is None
    source = await VideoSource.get(video=video)
    assert (source.filename, source.key, source.size) == ("holiday.mov", "originals/x/y.mov", 1234)
    assert told == [VideoCreated(video.id, user.id)]


async def test_it_goes_into_a_channel_of_one_s_own(db: None, told: list[object]) -> None:
    user, other = await make_user(), await make_user()
    with pytest.raises(InvalidError) as raised:
        await service.create_video(
            user.id, (await channel_of(other)).id, VideoCreate(name="Holiday"), SOURCE
        )
    assert raised.value.field == "channelId"
    assert told == []


async def test_the_first_rendition_publishes_it_once(db: None, told: list[object]) -> None:
    video = await make_new()
    assert await service.mark_playable(video.id, GROWING) is True
    await video.refresh_from_db()
    assert video.state is VideoState.PUBLISHED
    published_at = video.published_at
    assert published_at is not None
    assert video.hot_score > 0
    assert await service.mark_playable(video.id, COMPLETE) is False
    await video.refresh_from_db()
    assert video.published_at == published_at
    assert video.playlist == COMPLETE
    assert told.count(VideoPublished(video.id)) == 1


async def test_who_wishes_to_wait_waits_for_the_last(db: None, told: list[object]) -> None:
    video = await make_new(wait_transcoding=True)
    assert await service.mark_playable(video.id, GROWING) is False
    await video.refresh_from_db()
    assert video.state is VideoState.TO_TRANSCODE
    assert VideoPublished(video.id) not in told
    assert await service.mark_playable(video.id, COMPLETE) is True
    assert told.count(VideoPublished(video.id)) == 1


async def test_a_failed_video_says_why_and_may_be_tried_again(db: None, told: list[object]) -> None:
    video = await make_new()
    await service.mark_failed(video.id, "not_a_video", "This file is a text.")
    await video.refresh_from_db()
    assert video.state is VideoState.TRANSCODING_FAILED
    assert (video.error_code, video.error) == ("not_a_video", "This file is a text.")
    with pytest.raises(ConflictError):
        await service.mark_playable(video.id, COMPLETE)
    await service.retry_transcoding(video.id)
    await service.mark_playable(video.id, COMPLETE)
    await video.refresh_from_db()
    assert (video.state, video.error, video.error_code) == (VideoState.PUBLISHED, None, None)


async def test_renditions_take_the_place_of_others(db: None, told: list[object]) -> None:
    video = await make_new()

    def rendition(name: str, resolution: int) -> NewRendition:
        return NewRendition(
            resolution=resolution,
            codecs="avc1.64001f",
            bandwidth=2,
            average_bandwidth=1,
            filename=f"{video.uuid}-{name}.mp4",
            playlist_filename=f"{video.uuid}-{name}.m3u8",
            size=3,
        )

    await service.add_renditions(video.id, [rendition("a", 720), rendition("b", 360)])
    await service.add_renditions(
        video.id, [rendition("c", 720)], instead_of=[f"{video.uuid}-a.mp4"]
    )
    kept = await Rendition.filter(video=video).order_by("-resolution")
    assert [each.filename[-5] for each in kept] == ["c", "b"]


async def test_deleting_tells_and_leaves_no_row(db: None, told: list[object]) -> None:
    video = await make_new()
    await service.delete_video(video.id)
    assert not await Video.exists(id=video.id)
    assert not await VideoSource.exists(video_id=video.id)
    assert told[-1] == VideoDeleted(video.id, video.uuid, video.channel_id)
    for gone in (
        service.delete_video(video.id),
        service.mark_playable(video.id, COMPLETE),
        service.mark_failed(video.id, "x", "x"),
        service.update_video(video.id, VideoUpdate(name="New name")),
    ):
        with pytest.raises(NotFoundError):
            await gone


async def test_a_null_empties_only_what_may_be_empty(db: None, told: list[object]) -> None:
    video = await make_video(description="Old", licence=3, tags=["one"])
    nothing = VideoUpdate(
        name=None, description=None, licence=None, tags=None, privacy=None, nsfw=None
    )
    await service.update_video(video.id, nothing)
    await video.refresh_from_db()
    assert video.name
    assert (video.description, video.licence, video.tags) == (None, None, [])
    assert told == [VideoUpdated(video.id)]
