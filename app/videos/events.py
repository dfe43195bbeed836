"""What videos tell the features above them, inside the transaction in which it happens."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class VideoCreated:
    """An upload was accepted; its file waits to be transcoded."""

    video_id: int
    user_id: int


@dataclass(frozen=True, slots=True)
class VideoPublished:
    """A video can be watched for the first time; told once in its life."""

    video_id: int


@dataclass(frozen=True, slots=True)
class VideoUpdated:
    """What is said about a video, or who may see it, has changed."""

    video_id: int


@dataclass(frozen=True, slots=True)
class VideoDeleted:
    """A video is gone; its row no longer exists."""

    video_id: int
    uuid: UUID
    channel_id: int
