"""Videos, the file each came from, the renditions each plays from, its passwords and its views."""

import secrets
from enum import IntEnum
from typing import Any

from tortoise import fields
from tortoise.models import Model

from app.channels.models import Channel
from app.core.ids import new_uuid


class Privacy(IntEnum):
    """PeerTube's numbers."""

    PUBLIC = 1
    UNLISTED = 2
    PRIVATE = 3
    INTERNAL = 4
    PASSWORD_PROTECTED = 5


class VideoState(IntEnum):
    """PeerTube's numbers; those of features to come are added with them."""

    PUBLISHED = 1
    TO_TRANSCODE = 2
    TRANSCODING_FAILED = 7


#: What may follow what. A published video whose file is replaced is transcoded again; one that
#: plays from its first chunk fails when a later one cannot be made.
VIDEO_TRANSITIONS: dict[VideoState, frozenset[VideoState]] = {
    VideoState.TO_TRANSCODE: frozenset({VideoState.PUBLISHED, VideoState.TRANSCODING_FAILED}),
    VideoState.PUBLISHED: frozenset({VideoState.TO_TRANSCODE, VideoState.TRANSCODING_FAILED}),
    VideoState.TRANSCODING_FAILED: frozenset({VideoState.TO_TRANSCODE}),
}


class CommentsPolicy(IntEnum):
    """PeerTube's numbers."""

    ENABLED = 1
    DISABLED = 2
    REQUIRES_APPROVAL = 3


def new_file_secret() -> bytes:
    """What signs the tokens of a video's files; a new one makes all earlier tokens worthless."""
    return secrets.token_bytes(16)


class Video(Model):
    """A video from the moment its upload was accepted."""

    id = fields.BigIntField(primary_key=True)
    uuid = fields.UUIDField(unique=True, default=new_uuid)
    channel: fields.ForeignKeyRelation[Channel] = fields.ForeignKeyField(
        "models.Channel", related_name="videos", on_delete=fields.CASCADE, db_index=True
    )
    channel_id: int
    name = fields.CharField(max_length=120)
    description: str | None = fields.TextField(null=True)
    support: str | None = fields.TextField(null=True)
    category: int | None = fields.SmallIntField(null=True)
    licence: int | None = fields.SmallIntField(null=True)
    language: str | None = fields.CharField(max_length=20, null=True)  # type: ignore[assignment]
    tags: list[str] = fields.JSONField(default=list)
    privacy = fields.IntEnumField(Privacy, default=Privacy.PUBLIC)
    state = fields.IntEnumField(VideoState, default=VideoState.TO_TRANSCODE)
    nsfw = fields.BooleanField(default=False)
    nsfw_flags = fields.SmallIntField(default=0)
    nsfw_summary: str | None = fields.TextField(null=True)
    #: PeerTube's wish to publish only when everything is transcoded; else with the first rendition
    wait_transcoding = fields.BooleanField(default=False)
    comments_policy = fields.IntEnumField(CommentsPolicy, default=CommentsPolicy.ENABLED)
    download_enabled = fields.BooleanField(default=True)
    #: seconds
    duration = fields.FloatField(default=0)
    #: width / height as shown
    aspect_ratio: float | None = fields.FloatField(null=True)
    views = fields.BigIntField(default=0)
    likes = fields.IntField(default=0)
    dislikes = fields.IntField(default=0)
    comments_count = fields.IntField(default=0)
    #: how it ranks among what is watched these days, and among what is new and liked
    #: (app.videos.popularity)
    trending_score = fields.FloatField(default=0)
    hot_score = fields.FloatField(default=0)
    file_secret = fields.BinaryField(default=new_file_secret)
    #: [{"width": 280, "height": 157, "filename": "…"}, …], smallest first
    thumbnails: list[dict[str, Any]] = fields.JSONField(default=list)
    #: {"filename": "…", "tile_width": 192, "tile_height": 108, "columns": 11, "rows": 3,
    #: "interval": 2.0, "count": 31}, the interval in seconds
    storyboard: dict[str, Any] | None = fields.JSONField(null=True)
    #: what can be played now: {"master": "…m3u8", "dash": "…mpd" | null, "complete": bool};
    #: file names in `hls/<uuid>/`
    playlist: dict[str, Any] | None = fields.JSONField(null=True)
    #: why processing failed, a sentence for the uploader, and its code
    error: str | None = fields.TextField(null=True)
    error_code: str | None = fields.CharField(max_length=60, null=True)  # type: ignore[assignment]
    published_at = fields.DatetimeField(null=True)
    originally_published_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField(auto_now=True)

    source: fields.BackwardOneToOneRelation["VideoSource"]
    renditions: fields.ReverseRelation["Rendition"]

    class Meta:
        table = "video"


class VideoSource(Model):
    """The file as it was uploaded."""

    id = fields.BigIntField(primary_key=True)
    video: fields.OneToOneRelation[Video] = fields.OneToOneField(
        "models.Video", related_name="source", on_delete=fields.CASCADE
    )
    video_id: int
    #: the name it had on the uploader's machine
    filename = fields.CharField(max_length=300)
    #: where it is in storage
    key = fields.CharField(max_length=300)
    size = fields.BigIntField()
    #: what probing it told (app.media.probe)
    probe: dict[str, Any] | None = fields.JSONField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "video_source"


class Rendition(Model):
    """One stored media file of a video: one height, or the sound that all heights share."""

    id = fields.BigIntField(primary_key=True)
    video: fields.ForeignKeyRelation[Video] = fields.ForeignKeyField(
        "models.Video", related_name="renditions", on_delete=fields.CASCADE, db_index=True
    )
    video_id: int
    #: PeerTube's resolution id: the short side in lines, 0 for sound alone
    resolution = fields.SmallIntField()
    width = fields.SmallIntField(default=0)
    height = fields.SmallIntField(default=0)
    fps = fields.FloatField(default=0)
    #: RFC 6381, e.g. `avc1.64001f`
    codecs = fields.CharField(max_length=80)
    #: language of a sound rendition (BCP 47)
    language: str | None = fields.CharField(max_length=20, null=True)  # type: ignore[assignment]
    #: bits per second, the peak over a segment and the mean
    bandwidth = fields.IntField()
    average_bandwidth = fields.IntField()
    #: in `hls/<uuid>/`; globally unique
    filename = fields.CharField(max_length=120)
    playlist_filename = fields.CharField(max_length=120)
    size = fields.BigIntField()
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "rendition"


class VideoPassword(Model):
    """A password that opens a password-protected video; kept readable, its owner sees it."""

    id = fields.BigIntField(primary_key=True)
    video: fields.ForeignKeyRelation[Video] = fields.ForeignKeyField(
        "models.Video", related_name="passwords", on_delete=fields.CASCADE, db_index=True
    )
    video_id: int
    password = fields.CharField(max_length=255)
    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "video_password"


class VideoViewDay(Model):
    """How often a video was watched on one day (UTC)."""

    id = fields.BigIntField(primary_key=True)
    video: fields.ForeignKeyRelation[Video] = fields.ForeignKeyField(
        "models.Video", related_name="view_days", on_delete=fields.CASCADE
    )
    video_id: int
    day = fields.DateField()
    views = fields.BigIntField(default=0)

    class Meta:
        table = "video_view_day"
        unique_together = (("video", "day"),)
