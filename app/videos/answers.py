"""The shape of what is answered about videos, for OpenAPI; hot paths write the same JSON directly.

`tests/videos/test_shapes.py` holds both to each other and to PeerTube's published description.
"""

from typing import Annotated

from pydantic import Field

from app.accounts.schemas import Account, AccountSummary
from app.channels.schemas import VideoChannel, VideoChannelSummary
from app.core.api import Page, Schema, Timestamp


class NumberedLabel(Schema):
    """A category, licence, privacy, state or resolution."""

    id: int | None
    label: str


class CodedLabel(Schema):
    """A language."""

    id: str | None
    label: str


class _VideoFields(Schema):
    id: int
    uuid: str
    short_uuid: Annotated[str, Field(alias="shortUUID")]
    url: str
    name: str
    category: NumberedLabel
    licence: NumberedLabel
    language: CodedLabel
    privacy: NumberedLabel
    state: NumberedLabel
    wait_transcoding: bool
    nsfw: bool
    nsfw_flags: int
    nsfw_summary: str | None
    truncated_description: str | None
    is_local: bool
    is_live: bool
    live_schedules: list[str]
    #: seconds
    duration: int
    aspect_ratio: float | None
    views: int
    viewers: int
    likes: int
    dislikes: int
    comments: int
    thumbnail_path: str | None
    preview_path: str | None
    embed_path: str
    created_at: Timestamp
    updated_at: Timestamp
    published_at: Timestamp
    originally_published_at: Timestamp | None
    scheduled_update: None
    blacklisted: bool
    blacklisted_reason: str | None
    user_history: None


class Video(_VideoFields):
    """A video in a list."""

    account: AccountSummary
    channel: VideoChannelSummary


class VideoFile(Schema):
    """A media file of a video."""

    id: int
    resolution: NumberedLabel
    width: int
    height: int
    #: bytes
    size: int
    fps: float
    file_url: str
    file_download_url: str
    playlist_url: str
    metadata_url: str
    has_audio: bool
    has_video: bool
    storage: int
    torrent_url: str | None
    torrent_download_url: str | None
    magnet_uri: str | None


class StreamingPlaylist(Schema):
    """The HLS playlist of a video with its files; `type` is 1."""

    id: int
    type: int
    playlist_url: str
    segments_sha256_url: Annotated[str | None, Field(alias="segmentsSha256Url")]
    redundancies: list[str]
    files: list[VideoFile]


class ProcessingError(Schema):
    """Why a file could not be made into a video."""

    code: str
    detail: str


class VideoDetails(_VideoFields):
    """One video with everything."""

    account: Account
    channel: VideoChannel
    description: str | None
    support: str | None
    tags: list[str]
    comments_policy: NumberedLabel
    comments_enabled: bool
    download_enabled: bool
    input_file_updated_at: Timestamp | None
    tracker_urls: list[str]
    files: list[VideoFile]
    streaming_playlists: list[StreamingPlaylist]
    processing_error: ProcessingError | None


class VideoList(Page[Video]):
    """Part of a list of videos; `total` is left out where it was not wanted."""

    total: int = 0


class Description(Schema):
    """The whole description."""

    description: str | None


class Storyboard(Schema):
    """A sprite of small pictures; the duration of one in seconds."""

    storyboard_path: str
    file_url: str
    total_height: int
    total_width: int
    sprite_height: int
    sprite_width: int
    sprite_duration: float


class Storyboards(Schema):
    """The storyboards of a video."""

    storyboards: list[Storyboard]


class Captions(Schema):
    """The captions of a video."""

    total: int
    data: list[dict[str, object]]


class Chapters(Schema):
    """The chapters of a video."""

    chapters: list[dict[str, object]]


class VideoPassword(Schema):
    """A password, shown to the owner."""

    id: int
    password: str
    video_id: int
    created_at: Timestamp
    updated_at: Timestamp


class VideoSource(Schema):
    """The file as it was uploaded; sizes in bytes and pixels."""

    input_filename: str
    filename: str
    file_download_url: str | None
    resolution: NumberedLabel | None
    size: int
    fps: float | None
    width: int | None
    height: int | None
    created_at: Timestamp
