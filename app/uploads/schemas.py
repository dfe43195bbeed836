"""What comes in and goes out about uploads, in PeerTube's names."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from app.core.api import BigInt, Schema, UploadedFile
from app.videos.schemas import VideoCreate

Filename = Annotated[str, StringConstraints(min_length=1, max_length=300)]


class VideoUpload(VideoCreate):
    """A video's description, with the channel it goes into and pictures where there are some."""

    channel_id: BigInt
    thumbnailfile: UploadedFile | None = None
    previewfile: UploadedFile | None = None


class WholeUpload(VideoUpload):
    """An upload in one request (multipart); the fields may stand in any order."""

    videofile: UploadedFile


class ResumableUpload(VideoUpload):
    """The first request of a resumable upload (JSON, or multipart when it brings pictures)."""

    filename: Filename


class UploadedVideo(Schema):
    """The video that an upload became."""

    id: int
    uuid: UUID
    short_uuid: Annotated[str, Field(serialization_alias="shortUUID")]


class UploadResult(Schema):
    """The answer to the last bytes of an upload."""

    video: UploadedVideo
